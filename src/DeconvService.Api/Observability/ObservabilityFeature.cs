using Serilog;
using Serilog.Formatting.Json;

namespace DeconvService.Api.Observability;

/// <summary>Metrics, traces and structured logs: readable lines in Development, one JSON object a line otherwise. Levels are in the section <c>Serilog</c>.</summary>
internal static class ObservabilityFeature
{
    private const string Template = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}";

    public static void AddObservability(this WebApplicationBuilder builder)
    {
        LoggerConfiguration configuration = new LoggerConfiguration().ReadFrom.Configuration(builder.Configuration);
        _ = builder.Environment.IsDevelopment()
            ? configuration.WriteTo.Console(outputTemplate: Template)
            : configuration.WriteTo.Console(new JsonFormatter());
        builder.Logging.ClearProviders();
        builder.Logging.AddSerilog(configuration.CreateLogger(), dispose: true);
        builder.Services.AddServiceMetrics();
        builder.AddTracing();
    }

    public static void UseObservability(this WebApplication app)
    {
        app.UseServiceMetrics();
        app.UseMiddleware<RequestLog>();
    }
}
