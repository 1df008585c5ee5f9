using DeconvService.Api.Configuration;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace DeconvService.Api.Security;

/// <summary>Keys, origins, headers, and the limits of what a client may send before its body.</summary>
internal static class SecurityFeature
{
    public static IServiceCollection AddSecurity(this IServiceCollection services)
    {
        services.AddValidatedOptions<AuthOptions>(AuthOptions.Section);
        services.AddValidatedOptions<CorsOptions>(CorsOptions.Section);
        services.AddCors();
        services.AddOptions<Microsoft.AspNetCore.Cors.Infrastructure.CorsOptions>()
            .Configure<CorsOptions>((cors, options) => cors.AddDefaultPolicy(policy => Allow(policy, options.Origins)));
        services.AddOptions<KestrelServerOptions>().Configure(server =>
        {
            server.AddServerHeader = false;
            server.Limits.MaxRequestLineSize = 32 << 10; // a kernel may stand in the query string
            server.Limits.MaxRequestHeadersTotalSize = 32 << 10;
            server.Limits.MaxRequestHeaderCount = 64;
            server.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        });
        return services;
    }

    /// <summary>Before everything that answers.</summary>
    public static void UseSecurityHeaders(this IApplicationBuilder app) => app.UseMiddleware<SecurityHeaders>();

    /// <summary>Asks for a key, except of a browser that only asks whether it may call.</summary>
    public static void UseSecurity(this IApplicationBuilder app)
    {
        app.UseCors();
        app.UseMiddleware<ApiKeyGuard>();
    }

    private static void Allow(CorsPolicyBuilder policy, string[] origins) => policy
        .WithOrigins(origins)
        .AllowAnyHeader()
        .AllowAnyMethod()
        .WithExposedHeaders("Retry-After", "Server-Timing", "Deconv-Algorithm", "Deconv-Model", "Deconv-Tiles", "Deconv-Milliseconds", "Inference-Header-Content-Length");
}
