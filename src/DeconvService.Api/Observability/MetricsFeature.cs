using System.Diagnostics.Metrics;
using DeconvService.Api.Models;
using DeconvService.Api.Scheduling;
using DeconvService.Engine;

namespace DeconvService.Api.Observability;

/// <summary><c>GET /metrics</c>, and the numbers that are looked up when it is asked for.</summary>
internal static class MetricsFeature
{
    public static IServiceCollection AddServiceMetrics(this IServiceCollection services)
    {
        services.AddSingleton<ServiceMetrics>();
        services.AddSingleton<PrometheusText>();
        return services;
    }

    public static void UseServiceMetrics(this WebApplication app)
    {
        app.Services.GetRequiredService<PrometheusText>(); // counts from the first request on
        ObserveScheduling(
            app.Services.GetRequiredService<ServiceMetrics>().Meter,
            app.Services.GetRequiredService<ComputeQueue>(),
            app.Services.GetRequiredService<ConvolutionEngine>(),
            app.Services.GetRequiredService<MemoryBudget>());
        ModelMetrics.Observe(app.Services.GetRequiredService<ServiceMetrics>().Meter, app.Services.GetRequiredService<ModelRepository>());
        app.UseMiddleware<TransferCount>();
    }

    public static void MapServiceMetrics(this IEndpointRouteBuilder app) => app.MapGet("/metrics", Metrics)
        .WithName("metrics").WithTags("Operations").WithSummary("Counters for Prometheus")
        .WithDescription("Requests by route and status, queue, compute time by operator and algorithm, memory, in Prometheus' text format.")
        .Produces<string>(StatusCodes.Status200OK, "text/plain");

    private static IResult Metrics(PrometheusText text) => Results.Text(text.Write(), PrometheusText.MediaType);

    private static void ObserveScheduling(Meter meter, ComputeQueue queue, ConvolutionEngine engine, MemoryBudget budget)
    {
        meter.CreateObservableGauge(
            "deconv.queue.length",
            () => new[] { queue.Bodies, queue.Memory, queue.Cores }.Select(gate =>
                new Measurement<long>(gate.Waiting, new KeyValuePair<string, object?>("for", gate.Name))),
            unit: null,
            "Requests that wait, by what they wait for.");
        meter.CreateObservableGauge("deconv.requests.admitted", () => queue.InHouse, unit: null, "Requests with a body that are served or wait.");
        meter.CreateObservableGauge("deconv.compute.running", () => queue.Cores.Taken, unit: null, "Requests that compute.");
        meter.CreateObservableGauge("deconv.compute.cores", () => queue.Cores.Capacity, unit: null, "Requests that may compute at once.");
        meter.CreateObservableGauge(
            "deconv.memory",
            () => new Measurement<long>[]
            {
                Of("limit", budget.TotalBytes),
                Of("bodies_reserved", queue.Bodies.Taken),
                Of("work_reserved", queue.Memory.Taken),
                Of("tensors_lent", engine.Buffers.LentBytes),
                Of("tensors_kept", engine.Buffers.KeptBytes),
            },
            "By",
            "Memory of requests: the limit of the process, what is reserved, and what tensors really take.");
        meter.CreateObservableGauge("process.resident_memory", () => Environment.WorkingSet, "By", "Resident memory of the process.");

        static Measurement<long> Of(string kind, long bytes) => new(bytes, new KeyValuePair<string, object?>("kind", kind));
    }
}
