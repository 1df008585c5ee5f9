using DeconvService.Api.Configuration;
using DeconvService.Api.Errors;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace DeconvService.Api.Limits;

/// <summary>The limits of a request: bytes of its body, elements, pixels, memory and time.</summary>
internal static class LimitsFeature
{
    public static IServiceCollection AddLimits(this IServiceCollection services)
    {
        services.AddValidatedOptions<LimitsOptions>(LimitsOptions.Section);
        services.AddOptions<KestrelServerOptions>().Configure(server => server.Limits.MaxRequestBodySize = null); // RequestBodyLimit

        services.AddHostedService<ShutdownPause>();
        services.AddHostedService<SecondSignal>();
        services.AddOptions<HostOptions>().Configure<LimitsOptions>((host, limits) => // running requests may end
            host.ShutdownTimeout = TimeSpan.FromSeconds(limits.ShutdownPauseSeconds + limits.RequestSeconds));
        services.AddRequestTimeouts();
        services.AddOptions<RequestTimeoutOptions>().Configure<LimitsOptions>((timeouts, limits) =>
            timeouts.DefaultPolicy = new RequestTimeoutPolicy
            {
                Timeout = TimeSpan.FromSeconds(limits.RequestSeconds),
                TimeoutStatusCode = StatusCodes.Status503ServiceUnavailable,
                WriteTimeoutResponse = context => WriteTimeoutAsync(context, limits),
            });
        return services;
    }

    /// <summary>Outside of the error handler, so that it sees how every refused body was answered.</summary>
    public static void UseBodyLimit(this IApplicationBuilder app) => app.UseMiddleware<RequestBodyLimit>();

    /// <summary>Inside of the error handler, which takes any other exception for its own.</summary>
    public static void UseTimeLimit(this IApplicationBuilder app) => app.UseRequestTimeouts();

    private static Task WriteTimeoutAsync(HttpContext context, LimitsOptions limits)
    {
        string setting = $"{LimitsOptions.Section}:{nameof(LimitsOptions.RequestSeconds)}";
        return context.WriteErrorAsync(
            new ServiceFault(ServiceErrorKind.TimedOut, $"the request took longer than {limits.RequestSeconds} s ({setting} raises it)")
            {
                Facts = [new("limit", limits.RequestSeconds), new("unit", "seconds"), new("setting", setting)],
            });
    }
}
