using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// The matrix product of <see cref="Gemm"/> with the roles exchanged: output channels in the lanes, positions one by one. For small images,
/// whose positions do not fill vectors, and for many weights.
/// </summary>
/// <remarks>
/// <code>
///   panel of the input        packed weights             sums                 rows of sums      output
///   [tap][c][14 positions]    [block][tap][c][2L]        [position][2L]       [2L][positions]   [n][f][positions]
///
///   14 positions  k ->        k | o o o o o o o o |         | f -> |            | q -> |
///     |           x x x x  *    | o o o o o o o o |  ->   q |      |   ->     f |      |   ->   written once
///     v           x x x x       v | o o o o o o o o |       v                   v
///                                                            transposed in squares of L
/// </code>
/// <para>
/// 14 positions with 2 vectors, as many as the registers hold, waste no lanes on any number of positions (196 are 14 times 14), and a
/// weight that comes from memory is used for all positions of a batch while it is in the cache; meanwhile the next are fetched. The price
/// is the transposition, about half a cycle an output, which deep reductions hide.
/// </para>
/// <para>Source: as <see cref="Gemm"/>.</para>
/// </remarks>
internal sealed class GemmChannels : IConvAlgorithm
{
    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        if (!ProductChoice<V>.Is(ProductKind.Channels, request))
            return null;

        // Two vectors and many rows, or where there are few positions, or few registers, three.
        int two = Blocking.Rows<V>(2), three = Blocking.Rows<V>(3);
        TapAxis[] axes = InputPanels.Axes(shape);
        var panels = new InputPanels<V>(shape, axes, unit: 1, two);
        bool few = V.Registers < 32 || panels.Split.Largest <= three;
        if (few)
            panels = new InputPanels<V>(shape, axes, unit: 1, three);

        return panels.Floats <= int.MaxValue / 4 ? new GemmChannelsPlan<V>(request, panels, few ? 3 : 2) : null;
    }
}
