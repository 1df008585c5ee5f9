using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A way to compute some convolutions. <see cref="ConvPlanner"/> asks them in order; the first that answers wins.</summary>
internal interface IConvAlgorithm
{
    /// <summary>The layer planned for vectors <typeparamref name="V"/>, or null where this algorithm cannot compute it or would not be the best.</summary>
    PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>;
}

/// <summary>What an algorithm is asked to plan.</summary>
/// <param name="Shape">The sizes, checked.</param>
/// <param name="Weights">The weights, and the place for their packed forms.</param>
/// <param name="Output">Bias, activation and residual.</param>
/// <param name="Pool">Lends memory for packed weights.</param>
/// <param name="Threads">How many threads compute at the most. May change how work is cut into items, never a result.</param>
internal sealed record ConvRequest(ConvShape Shape, ConvWeights Weights, OutputStage Output, AlignedBufferPool Pool, int Threads)
{
    /// <summary>
    /// Whether algorithms may be chosen, and sums be ordered, by the size of the picture. Not for exact results: a tile has to have the bits of
    /// the whole.
    /// </summary>
    public bool MayFollowSize => Shape.Accuracy != Accuracy.Exact;

    /// <summary>Whether an algorithm should take every layer that it can compute, even where another would be faster. For tests.</summary>
    public bool EvenIfSlow { get; init; }
}

/// <summary>A layer that an algorithm has planned: weights packed, memory counted. Immutable and thread-safe.</summary>
internal abstract class PlannedAlgorithm
{
    /// <summary>Name for people, such as <c>winograd-f4</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Bytes that <see cref="Run"/> needs.</summary>
    public virtual long WorkspaceBytes => 0;

    /// <summary>Bytes of the packed weights.</summary>
    public virtual long PackedBytes => 0;

    /// <summary>Computes the layer; allocates nothing.</summary>
    public abstract void Run(in ConvArguments arguments);
}

/// <summary>What one run of a plan works on.</summary>
internal readonly unsafe struct ConvArguments
{
    /// <summary><c>[N, C, D1..Dn]</c></summary>
    public required float* Input { get; init; }

    /// <summary><c>[N, F, O1..On]</c></summary>
    public required float* Output { get; init; }

    /// <summary>The output's shape, or null.</summary>
    public required float* Residual { get; init; }

    /// <summary><see cref="PlannedAlgorithm.WorkspaceBytes"/>, 64-byte aligned, contents undefined.</summary>
    public required float* Workspace { get; init; }

    /// <summary>Where work items go.</summary>
    public required EngineThreads Threads { get; init; }

    /// <summary>For <see cref="Threads"/>.</summary>
    public required CancellationToken Cancellation { get; init; }
}
