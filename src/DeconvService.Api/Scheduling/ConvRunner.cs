using DeconvService.Api.Limits;
using DeconvService.Api.Observability;
using DeconvService.Api.Tensors;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Scheduling;

/// <summary>Runs one convolution whose weights came with the request: limits, queue, plan, memory, arithmetic.</summary>
internal sealed class ConvRunner(ConvolutionEngine engine, ComputeQueue queue, LimitsOptions limits, ServiceMetrics metrics)
{
    /// <summary>Computes the layer on the queue's threads.</summary>
    /// <param name="shape">The checked sizes.</param>
    /// <param name="input"><c>[N, C, D1..Dn]</c></param>
    /// <param name="weight"><c>[F, C/groups, k1..kn]</c>, transposed <c>[C, F/groups, k1..kn]</c></param>
    /// <param name="bias"><c>[F]</c>, or null</param>
    /// <param name="timing">Gets the stages queue, plan and run.</param>
    /// <param name="cancellationToken">The client hung up, or the time limit passed.</param>
    /// <returns>The output, which the caller disposes.</returns>
    /// <exception cref="Errors.ServiceException">Output or memory is over its limit, or the queue is full; nothing was allocated.</exception>
    public async Task<ConvResult> RunAsync(
        ConvShape shape, Tensor input, Tensor weight, Tensor? bias, ServerTiming timing, CancellationToken cancellationToken)
    {
        TooLarge.ThrowIfOver("the output", "elements", shape.Output.Count, limits.OutputElements, nameof(LimitsOptions.OutputElements));

        // Input and weights were counted with the body. The weights are there once more when they are packed.
        long bytes = sizeof(float) * (weight.Shape.Count + shape.Output.Count);
        ConvResult? result = null;
        timing.Start("queue");
        IDisposable memory = await queue.ReserveAsync(bytes, cancellationToken);
        try
        {
            await queue.RunAsync(bytes: 0, Run, cancellationToken, shape.MultiplyAdds);
        }
        finally
        {
            timing.Stop();
            if (result is null)
                memory.Dispose();
        }

        return result!;

        void Run(CancellationToken token)
        {
            timing.Start("plan");
            using var weights = new ConvWeights(weight.Memory, bias?.Memory ?? default, WeightUse.Once);
            ConvPlan plan = engine.CreatePlan(shape, weights);
            var output = new Tensor(shape.Output, engine.Buffers.Rent(shape.Output.Count));
            try
            {
                using Workspace workspace = engine.RentWorkspace(plan);
                timing.Start("run");
                plan.Run(input.Data, output.Data, workspace, cancellationToken: token);
                metrics.Computed(shape.Kind, plan.Algorithm, timing.Stop(), shape.MultiplyAdds);
                result = new ConvResult(output, plan.Algorithm, memory);
            }
            catch
            {
                output.Dispose();
                throw;
            }
        }
    }
}

/// <summary>What came out, and how.</summary>
/// <param name="Output"><c>[N, F, O1..On]</c>; disposed with this.</param>
/// <param name="Algorithm">Name of the algorithm that ran.</param>
/// <param name="Memory">What was reserved for it; disposed with this.</param>
internal sealed record ConvResult(Tensor Output, string Algorithm, IDisposable Memory) : IDisposable
{
    public void Dispose()
    {
        Output.Dispose();
        Memory.Dispose();
    }
}
