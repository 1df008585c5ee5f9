using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Winograd convolution of any stride, dilation, kernel and number of groups; and each phase of a transposed convolution.
/// </summary>
/// <remarks>
/// <para>
/// <c>Y = A^T [ sum over c of (G g G^T) * (B^T d B) ] A</c>, * element by element: a tile of m x m outputs needs Alpha^2 products for each
/// pair of channels instead of m^2 r^2. F(4x4,3x3), for instance, 36 instead of 144. The transforms and their points:
/// <see cref="IWinogradTransform"/>. The sum over the channels makes Alpha^2 matrix products of it, tiles times output channels:
/// </para>
/// <code>
///   input [c][H][W]   -> lanes [row][column][L]  -> V [point][part][c / L][tile][L]        <see cref="WinogradInput{V}"/>
///   weight            ->                            U [chunk of 2L outputs][phase][point][part][c][2L]      <see cref="WinogradFilter"/>
///   products             M [point][tile][2L] = V[point] * U[point]                         <see cref="WinogradPlan{V}"/>
///   M                 -> lanes [row][column][L]  -> output [f][rows][columns]              <see cref="WinogradOutput{V}"/>
/// </code>
/// <para>
/// What is no 3x3 convolution of stride 1 is made a sum of such ones (<see cref="WinogradGrid"/>): the residues of a stride, the segments
/// of a long kernel, the taps of the depth. All parts have transforms of the same size, so their transformed tiles are just more
/// channels of the products, which are summed up before the one transform of the outputs. Parts that lie whole tiles apart read the
/// same transformed tiles ("nested": a 21x21 kernel is 7x7 kernels of 3x3).
/// </para>
/// <para>
/// A block of tiles is transformed for all channels, so that V stays in the second-level cache while the weights pass by, 2L output
/// channels at a time. In a transposed convolution the phases read the same tiles, so one transformed input serves them all, and
/// their outputs are interleaved in the lanes before they are written.
/// </para>
/// <para>
/// With one tap an axis is not transformed at all, F(1,1). A layer that has one tap on both is a matrix product (<see cref="GemmChannels"/>).
/// </para>
/// <para>Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016).</para>
/// </remarks>
internal sealed class Winograd : IConvAlgorithm
{
    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        WinogradGeometry? chosen = request.EvenIfSlow
            ? Cheapest<V>(request.Shape, request.Weights.Use, double.PositiveInfinity)
            : Choices<Winograd, V, WinogradGeometry?>.Table.Of(request.Shape, request.Weights.Use, Choose<V>);
        return chosen is null ? null : new WinogradPlan<V>(request, chosen, WinogradTileFunctions.Find<V>(chosen.Height.Size, chosen.Width.Size));
    }

    /// <summary>All ways to cut a layer into tiles.</summary>
    internal static IEnumerable<WinogradGeometry> Candidates(ConvShape shape, TapAxis[] axes, int lanes)
    {
        WinogradGrid[] widths = Grids(axes[2], shape.Accuracy);
        foreach (WinogradGrid height in Grids(axes[1], shape.Accuracy))
        {
            foreach (WinogradGrid width in widths)
            {
                var geometry = new WinogradGeometry(shape, axes[0], height, width, lanes);
                if (geometry is { Fits: true, Points: > 1 })
                    yield return geometry;
            }
        }
    }

    // The cut that is cheaper than every other algorithm, or null.
    private static WinogradGeometry? Choose<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V>
    {
        double best = MatrixProductCost.OfBest<V>(shape, use);
        if (DirectGeometry.TryCreate<V>(shape, threads: 1) is { } direct)
            best = Math.Min(best, DirectCost.Of<V>(shape, use, direct));

        if (RowWinogradGeometry.TryCreate<V>(shape, threads: 1) is { } rows)
            best = Math.Min(best, WinogradCost.OfRows<V>(shape, use, rows));

        return Cheapest<V>(shape, use, best / CostModel.Margin<V>(use));
    }

    private static WinogradGeometry? Cheapest<V>(ConvShape shape, WeightUse use, double best)
        where V : struct, IVec<V>
    {
        TapAxis[] axes = TapAxis.Of(shape);
        if (shape.Accuracy == Accuracy.Exact || axes[0].Phases.Length > 1)
            return null;

        WinogradGeometry? chosen = null;
        foreach (WinogradGeometry geometry in Candidates(shape, axes, V.Count))
        {
            double cost = WinogradCost.Of<V>(geometry, use);
            if (cost < best)
                (best, chosen) = (cost, geometry);
        }

        return chosen;
    }

    // F(6,3) is the largest error that there is.
    private static WinogradGrid[] Grids(TapAxis axis, Accuracy accuracy)
    {
        var grids = new List<WinogradGrid>();
        foreach (WinogradSize size in WinogradTileFunctions.Sizes)
        {
            if (size != new WinogradSize(8, 6) || accuracy == Accuracy.Fast)
                grids.AddRange(WinogradGrid.Of(axis, size));
        }

        return [.. grids];
    }
}
