using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Direct convolution with output channels in the lanes: for strides, where gathering a panel for each tap would take a third of the time,
/// and for short rows, which leave lanes of positions empty.
/// </summary>
/// <remarks>
/// <para>
/// As <see cref="GemmChannels"/>, but nothing is gathered tap by tap: a number of the input is broadcast, so it may stand anywhere, and the
/// kernel reads R neighbours of an output row where they are, a stride apart. All that is copied is the border, once for all taps.
/// </para>
/// <code>
///   block of the input, with its border              packed weights            sums
///   [c][depth shift][row][column]                    [block][tap][c][N L]      [position][N L]
///
///   stride 2:  row | x0 .  x2 .  x4 .  x6 |   *   c | o o o o o o o o |  ->  q | f -> |    then transposed to rows of
///              tap   ^     ^     ^     ^            | o o o o o o o o |        |      |    positions, and written
///              next     ^     ^     ^     ^
/// </code>
/// <para>Source: Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD Architectures" (2018), section II, whose input
/// has channels in the lanes as well; ours comes as it is.</para>
/// </remarks>
internal sealed class DirectChannels : IConvAlgorithm
{
    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        if (!ProductChoice<V>.Is(ProductKind.DirectChannels, request))
            return null;

        return DirectChannelsGeometry.TryCreate<V>(shape, request.Threads) is { } geometry ? new DirectChannelsPlan<V>(request, geometry) : null;
    }
}
