using System.Diagnostics;
using DeconvService.Api.Limits;
using DeconvService.Api.Models;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;

namespace DeconvService.Api.Inference;

/// <summary>The handler of <c>POST /v2/models/{m}/infer</c>.</summary>
internal sealed class InferenceEndpoint(
    ModelRepository repository,
    InferenceRequestReader reader,
    ComputeQueue queue,
    AlignedBufferPool buffers,
    ServiceMetrics metrics,
    LimitsOptions limits,
    ModelsOptions options)
{
    /// <summary>Runs a network on the tensors of the body.</summary>
    public async Task HandleAsync(HttpContext context, string name, string? version, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        using ModelLease lease = repository.Lease(name, version);
        try
        {
            (int batch, InferenceTimes times) = await InferAsync(context, lease.Model, cancellationToken);
            lease.Model.Statistics.Succeeded(start, batch, times);
        }
        catch
        {
            lease.Model.Statistics.Failed(start);
            throw;
        }
    }

    private async Task<(int Batch, InferenceTimes Times)> InferAsync(HttpContext context, ServedModel model, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        using InferenceRequest request = await reader.ReadAsync(context.Request, model.Network, cancellationToken);
        TimeSpan inputTime = Stopwatch.GetElapsedTime(start);
        start = Stopwatch.GetTimestamp();
        var plan = new InferencePlan(model.Network, request, options.TileBytes);
        TimeSpan planTime = Stopwatch.GetElapsedTime(start);
        RequestFacts facts = RequestFacts.Of(context);
        facts.Shapes = $"{string.Join(", ", plan.InputShapes)} -> {string.Join(", ", plan.OutputShapes)} by {model.Name}";
        facts.Algorithm = plan.Algorithms;

        start = Stopwatch.GetTimestamp();
        using IDisposable memory = await queue.ReserveAsync(plan.MemoryBytes + OutputBytesOf(plan, request), cancellationToken);
        var outputs = new List<AnsweredOutput>();
        TimeSpan inferTime = default;
        try
        {
            await queue.RunAsync(
                bytes: 0,
                token =>
                {
                    long begin = Stopwatch.GetTimestamp();
                    plan.Run(request, outputs, buffers, token);
                    inferTime = Stopwatch.GetElapsedTime(begin);
                },
                cancellationToken,
                plan.MultiplyAdds);
            TimeSpan queueTime = Stopwatch.GetElapsedTime(start) - inferTime;
            metrics.NetworkComputed(facts.Algorithm, inferTime, plan.MultiplyAdds);
            var writer = new InferenceResponseWriter(model, request.Id, outputs);
            writer.ThrowUnlessRepresentable();
            SetHeaders(context, facts.Algorithm, [("decode", inputTime), ("queue", queueTime), ("plan", planTime), ("run", inferTime)]);
            start = Stopwatch.GetTimestamp();
            await writer.WriteAsync(context.Response, cancellationToken);
            return (BatchOf(plan), new InferenceTimes(queueTime, inputTime + planTime, inferTime, Stopwatch.GetElapsedTime(start)));
        }
        finally
        {
            foreach (AnsweredOutput output in outputs)
                output.Tensor.Dispose();
        }
    }

    private long OutputBytesOf(InferencePlan plan, InferenceRequest request)
    {
        long bytes = 0;
        foreach (RequestedOutput output in request.Outputs)
        {
            long count = plan.OutputShapes[output.Index].Count;
            TooLarge.ThrowIfOver("the output", "elements", count, limits.OutputElements, nameof(LimitsOptions.OutputElements));
            bytes += sizeof(float) * InferenceTensor.LengthOf(count, plan.OutputTypes[output.Index].IsFloating());
        }

        return bytes;
    }

    private static void SetHeaders(HttpContext context, string algorithms, ReadOnlySpan<(string Stage, TimeSpan Time)> stages)
    {
        var timing = ServerTiming.Of(context);
        foreach ((string stage, TimeSpan time) in stages)
            timing.Add(stage, time);

        timing.Start("encode");
        context.Response.Headers["Deconv-Algorithm"] = algorithms;
    }

    private static int BatchOf(InferencePlan plan) =>
        plan.InputShapes is [{ Rank: > 0 } shape, ..] ? Math.Max(shape[0], 1) : 1;
}
