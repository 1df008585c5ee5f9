using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace DeconvService.Api.Observability;

/// <summary>
/// Sends metrics and traces by OTLP when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set. The exporter's own variables
/// (<c>OTEL_EXPORTER_OTLP_PROTOCOL</c>, <c>OTEL_SERVICE_NAME</c>, <c>OTEL_TRACES_SAMPLER</c>, ...) apply.
/// </summary>
internal static class TracingFeature
{
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    // The span of a request comes from ASP.NET Core itself.
    private const string RequestSource = "Microsoft.AspNetCore";

    /// <summary>The source of the spans of a request's stages.</summary>
    public static ActivitySource Source { get; } = new(ServiceMetrics.Name);

    public static WebApplicationBuilder AddTracing(this WebApplicationBuilder builder)
    {
        if (!string.IsNullOrEmpty(builder.Configuration[EndpointVariable]))
            builder.Services.AddHostedService<Exporter>();

        return builder;
    }

    private sealed class Exporter : IHostedService, IDisposable
    {
        private TracerProvider? _traces;
        private MeterProvider? _metrics;

        public Task StartAsync(CancellationToken cancellationToken)
        {
            // The detectors after the default name read OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
            ResourceBuilder resource = ResourceBuilder.CreateEmpty().AddService(ServiceMetrics.Name).AddTelemetrySdk().AddEnvironmentVariableDetector();
            _traces = Sdk.CreateTracerProviderBuilder()
                .SetResourceBuilder(resource)
                .AddSource(RequestSource, ServiceMetrics.Name)
                .AddOtlpExporter()
                .Build();
            _metrics = Sdk.CreateMeterProviderBuilder()
                .SetResourceBuilder(resource)
                .AddMeter(ServiceMetrics.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime")
                .AddOtlpExporter()
                .Build();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        // Sends what has not been sent yet.
        public void Dispose()
        {
            _traces?.Dispose();
            _metrics?.Dispose();
        }
    }
}
