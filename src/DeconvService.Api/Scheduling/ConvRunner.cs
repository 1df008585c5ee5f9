using DeconvService.Api.Limits;
using DeconvService.Api.Observability;
using DeconvService.Api.Tensors;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Scheduling;

/// <summary>Runs one convolution whose weights came with the request: limits, queue, plan, memory, arithmetic.</summary>
internal sealed class ConvRunner(ConvolutionEngine engine, ComputeQueue queue, LimitsOptions limits)
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

        // The weights count twice: as they came, and packed.
        long bytes = sizeof(float) * (input.Shape.Count + (2 * weight.Shape.Count) + shape.Output.Count);
        ConvResult? result = null;
        timing.Start("queue");
        await queue.RunAsync(bytes, Run, cancellationToken);
        timing.Stop();
        return result!;

        void Run(CancellationToken token)
        {
            timing.Start("plan");
            using var weights = new ConvWeights(weight.Buffer.Memory, bias?.Buffer.Memory ?? default, WeightUse.Once);
            ConvPlan plan = engine.CreatePlan(shape, weights);
            TooLarge.ThrowIfOver(
                "the request with its workspace and output",
                "bytes",
                bytes + plan.WorkspaceBytes,
                limits.EffectiveMemoryBytes,
                nameof(LimitsOptions.MemoryBytes));
            var output = new Tensor(shape.Output, engine.Buffers.Rent(shape.Output.Count));
            try
            {
                using Workspace workspace = engine.RentWorkspace(plan);
                timing.Start("run");
                plan.Run(input.Data, output.Data, workspace, cancellationToken: token);
                result = new ConvResult(output, plan.Algorithm);
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
internal sealed record ConvResult(Tensor Output, string Algorithm) : IDisposable
{
    public void Dispose() => Output.Dispose();
}
