using DeconvService.Api.Errors;
using DeconvService.Api.OpenApi;

namespace DeconvService.Api.Health;

/// <summary>What a container host asks: is the process alive, and should it get requests.</summary>
internal static class HealthFeature
{
    private static readonly string[] GetAndHead = [HttpMethods.Get, HttpMethods.Head];

    public static IServiceCollection AddHealth(this IServiceCollection services)
    {
        services.AddSingleton<Readiness>();
        return services;
    }

    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder health = app.MapGroup("/health").WithTags("Health");
        health.MapMethods("/live", GetAndHead, Live).WithName("live").WithSummary("The process is alive")
            .WithDescription("Answers 200 as long as the process serves HTTP, under full load too.");
        health.MapMethods("/ready", GetAndHead, Ready).WithName("ready").WithSummary("The service takes requests")
            .WithDescription("Answers 200, or 503 while the service loads its models or shuts down.")
            .AddOpenApiOperationTransformer((operation, context, _) =>
            {
                operation.AddProblems(context.Document, 503);
                return Task.CompletedTask;
            });
    }

    private static HealthAnswer Live() => new("live");

    private static HealthAnswer Ready(Readiness readiness) => readiness.ReasonWhyNot is { } reason
        ? throw new ServiceException(new ServiceFault(ServiceErrorKind.Unavailable, reason))
        : new HealthAnswer("ready");
}

/// <summary>The answer of a health check.</summary>
/// <param name="Status">"live" or "ready".</param>
internal sealed record HealthAnswer(string Status);
