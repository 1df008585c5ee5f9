using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Convolution as a matrix product, "implicit im2col": takes every shape.
/// </summary>
/// <remarks>
/// <para>
/// <c>y[f, q] = sum over (tap, c) of w[f, tap, c] * x[c, q * stride + shift(tap)]</c>, q the output positions of all images, row by row.
/// The right factor is never stored whole: it is gathered for one panel of 32 or 48 positions at a time, which stays in the cache
/// while all F rows of weights run over it; a few neighbouring panels are a batch, whose outputs are written in longer rows. Where nothing is
/// done to sums but to add a bias and to bound them, the kernel writes outputs itself (<see cref="GemmOutputsPlan{V}"/>).
/// <see cref="GemmChannels"/> is the same product the other way round.
/// </para>
/// <code>
///   packed weights               panel of the input               sums           output
///   [row block][tap][c][R]       [tap][c][48 positions]           [R][batch]     [n][f][positions]
///
///   R rows of F   k ->           k  |x x x x x x x x|             |            |   bias, activation,
///     |           a a a a   *    |  |x x x x x x x x|      ->   R |            |   residual, then
///     v           a a a a        v  |x x x x x x x x|             |            |   written once
/// </code>
/// <para>
/// A transposed convolution is stride^n such products over one panel, one for each phase (<see cref="TapAxis"/>): the panel holds
/// every shift that any phase reads, a phase reads some of them, and the phases of the width are interleaved when they are written.
/// </para>
/// <para>
/// Source: Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning" (2014), section 3; the blocking is that of Goto and
/// van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008), without its blocking of the reduction: up to 4096
/// steps the panel fits the second-level cache as it is.
/// </para>
/// </remarks>
internal sealed class Gemm : IConvAlgorithm
{
    /// <summary>Vectors of a panel for twins, two rows a channel: beside 2 vectors the registers hold 6 or 14 rows, beside 3 only 4 or 9, of which 8 are pairs.</summary>
    public const int TwinVectors = 2;

    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        TapAxis[] axes = InputPanels.Axes(request.Shape);
        bool twins = axes[2].HasTwins && request.Output.OnlyBounds;
        var panels = new InputPanels<V>(request.Shape, axes, V.Count, twins ? TwinVectors : Blocking.Vectors<V>());
        if (panels.Floats > int.MaxValue / 4)
            return null;

        return twins || (!panels.Grid.Interleaved && request.Output.OnlyBounds)
            ? new GemmOutputsPlan<V>(request, panels, twins)
            : new GemmPositionsPlan<V>(request, panels);
    }

    /// <summary>The name of a plan.</summary>
    public static string NameOf(OutputGrid grid) => grid.Interleaved ? "phase-gemm" : "gemm";
}
