using System.Diagnostics;
using DeconvService.Api.Limits;
using DeconvService.Api.Models;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;

namespace DeconvService.Api.Inference;

/// <summary>The handler of <c>POST /v2/models/{m}/infer</c>.</summary>
internal sealed class InferenceEndpoint(
    ModelRepository repository, InferenceRequestReader reader, ComputeQueue queue, AlignedBufferPool buffers, ServiceMetrics metrics, LimitsOptions limits)
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
        PreparedModel prepared = Prepare(model.Network, request);
        TimeSpan planTime = Stopwatch.GetElapsedTime(start);
        RequestFacts facts = RequestFacts.Of(context);
        facts.Shapes = $"{string.Join(", ", prepared.InputShapes)} -> {string.Join(", ", prepared.OutputShapes)} by {model.Name}";
        facts.Algorithm = string.Join(", ", prepared.Layers.Select(layer => layer.Algorithm).OfType<string>().Distinct(StringComparer.Ordinal));

        start = Stopwatch.GetTimestamp();
        using IDisposable memory = await queue.ReserveAsync(prepared.MemoryBytes + OutputBytesOf(prepared, request), cancellationToken);
        var outputs = new List<AnsweredOutput>();
        TimeSpan inferTime = default;
        try
        {
            await queue.RunAsync(
                bytes: 0,
                token =>
                {
                    long begin = Stopwatch.GetTimestamp();
                    Run(model.Network, prepared, request, outputs, token);
                    inferTime = Stopwatch.GetElapsedTime(begin);
                },
                cancellationToken,
                prepared.MultiplyAdds);
            TimeSpan queueTime = Stopwatch.GetElapsedTime(start) - inferTime;
            metrics.NetworkComputed(facts.Algorithm, inferTime, prepared.MultiplyAdds);
            var writer = new InferenceResponseWriter(model, request.Id, outputs);
            writer.ThrowUnlessRepresentable();
            SetHeaders(context, facts.Algorithm, [("decode", inputTime), ("queue", queueTime), ("plan", planTime), ("run", inferTime)]);
            start = Stopwatch.GetTimestamp();
            await writer.WriteAsync(context.Response, cancellationToken);
            return (BatchOf(prepared), new InferenceTimes(queueTime, inputTime + planTime, inferTime, Stopwatch.GetElapsedTime(start)));
        }
        finally
        {
            foreach (AnsweredOutput output in outputs)
                output.Tensor.Dispose();
        }
    }

    private static PreparedModel Prepare(CompiledModel network, InferenceRequest request)
    {
        var values = new Dictionary<string, TensorValue>(StringComparer.Ordinal);
        for (int i = 0; i < network.Inputs.Count; i++)
        {
            if (network.Inputs[i].DecidesShapes)
                values.Add(network.Inputs[i].Name, request.Inputs[i].ToValue(network.Inputs[i].Type));
        }

        return network.Prepare([.. request.Inputs.Select(input => input.Shape)], request.Accuracy, values);
    }

    private long OutputBytesOf(PreparedModel prepared, InferenceRequest request)
    {
        long bytes = 0;
        foreach (RequestedOutput output in request.Outputs)
        {
            long count = prepared.OutputShapes[output.Index].Count;
            TooLarge.ThrowIfOver("the output", "elements", count, limits.OutputElements, nameof(LimitsOptions.OutputElements));
            bytes += sizeof(float) * InferenceTensor.LengthOf(count, prepared.OutputTypes[output.Index].IsFloating());
        }

        return bytes;
    }

    private void Run(
        CompiledModel network, PreparedModel prepared, InferenceRequest request, List<AnsweredOutput> outputs, CancellationToken cancellationToken)
    {
        using ModelRun run = prepared.Rent();
        for (int i = 0; i < network.Inputs.Count; i++)
        {
            if (network.Inputs[i].DecidesShapes)
                continue;

            if (request.Inputs[i].IsFloating)
                request.Inputs[i].Floats.CopyTo(run.Input(i));
            else
                request.Inputs[i].Integers.CopyTo(run.IntegerInput(i));
        }

        run.Execute(cancellationToken);
        foreach (RequestedOutput wanted in request.Outputs)
        {
            Datatype datatype = Datatype.Of(prepared.OutputTypes[wanted.Index])
                ?? throw InferenceFaults.NotImplemented($"output '{network.Outputs[wanted.Index].Name}' is of a type that this protocol does not carry");
            TensorShape shape = prepared.OutputShapes[wanted.Index];
            var tensor = new InferenceTensor(shape, datatype.IsFloating, buffers.Rent(InferenceTensor.LengthOf(shape.Count, datatype.IsFloating)));
            outputs.Add(new AnsweredOutput(network.Outputs[wanted.Index].Name, datatype, tensor, wanted.Binary));
            if (datatype.IsFloating)
                run.Output(wanted.Index).CopyTo(tensor.Floats);
            else
                run.IntegerOutput(wanted.Index).CopyTo(tensor.Integers);
        }
    }

    private static void SetHeaders(HttpContext context, string algorithms, ReadOnlySpan<(string Stage, TimeSpan Time)> stages)
    {
        var timing = ServerTiming.Of(context);
        foreach ((string stage, TimeSpan time) in stages)
            timing.Add(stage, time);

        timing.Start("encode");
        context.Response.Headers["Deconv-Algorithm"] = algorithms;
    }

    private static int BatchOf(PreparedModel prepared) =>
        prepared.InputShapes is [{ Rank: > 0 } shape, ..] ? Math.Max(shape[0], 1) : 1;
}
