using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Winograd along the height only, straight from the rows of the input: for few output channels, of a convolution or of the phases of a
/// transposed one.
/// </summary>
/// <remarks>
/// <para>
/// <c>Y = A^T [ sum over c of (G g) * (B^T d) ]</c> for each column of the kernel: F(3,2) and F(2,3) take 4 products for 3 outputs of 2
/// taps, or 2 outputs of 3, instead of 6. With the points 0, 1, -1 and infinity each number of <c>B^T d</c> is the sum or difference of two
/// rows:
/// </para>
/// <code>
///   rows of a tile   B^T d       U = G g                        A^T, three outputs or two
///   d0               d0 - d2     g0                             y0 = m0 + m1 + m2
///   d1               d1 + d2     (g0 + g1 + g2) / 2             y1 = m1 - m2           | m1 - m2 + m3
///   d2               d2 - d1     (g0 - g1 + g2) / 2             y2 = m1 + m2 + m3      |
///   d3               d3 - d1     the last
/// </code>
/// <para>
/// So the micro-kernel makes it of two loads and an addition while it multiplies, no transformed input is ever written, and the image is
/// read where it stands. That pays while one such vector serves few register blocks; with many output channels transforming once is
/// better (<see cref="Winograd"/>).
/// </para>
/// <para>
/// To have many rows in a product although there are few outputs, the columns of the kernel are rows as well, and their sums are shifted
/// against each other and added only when they are written ("overlap-add"): nothing is read beside the image, no column has a border, and
/// where a stride does not divide the kernel no zeros are multiplied along the width. Transposed, 4x4, stride 2, one output channel:
/// </para>
/// <code>
///   rows of a product, M[point][row][column]          written, after A^T along the height
///   phase of the height 0, kernel column 0..3         phase of the width 0 at j:  column 1 [j] + column 3 [j - 1]
///   phase of the height 1, kernel column 0..3                            1 at j:  column 0 [j + 1] + column 2 [j]
/// </code>
/// <para>
/// More taps along the height than 3 are segments of 2 or 3, added up in the products, for their output transforms are the same; a
/// segment that lacks its last tap has no product at infinity. Rows outside of the image are zeros, one row of them for all.
/// </para>
/// <para>Source: Winograd, "Arithmetic Complexity of Computations" (1980); Lavin and Gray, "Fast Algorithms for Convolutional Neural
/// Networks" (2016). Phases: <see cref="TapAxis"/>.</para>
/// </remarks>
internal sealed class RowWinograd : IConvAlgorithm
{
    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        if (shape.Accuracy == Accuracy.Exact || (!request.EvenIfSlow && !Choices<RowWinograd, V, bool>.Table.Of(shape, request.Weights.Use, IsFaster<V>)))
            return null;

        return RowWinogradGeometry.TryCreate<V>(shape, request.Threads) is { } geometry ? new RowWinogradPlan<V>(request, geometry) : null;
    }

    /// <summary>The two rows of a tile whose sum (point 1) or difference (first minus second) a point multiplies: <c>B^T d</c>.</summary>
    public static (int First, int Second) InputRows(int point) => point switch
    {
        0 => (0, 2),
        1 => (1, 2),
        2 => (2, 1),
        _ => (3, 1),
    };

    private static bool IsFaster<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V>
    {
        if (RowWinogradGeometry.TryCreate<V>(shape, threads: 1) is not { } geometry)
            return false;

        double cost = WinogradCost.OfRows<V>(shape, use, geometry) * CostModel.Margin<V>(use);
        return cost < MatrixProductCost.OfBest<V>(shape, use)
            && (DirectGeometry.TryCreate<V>(shape, threads: 1) is not { } direct || cost < DirectCost.Of<V>(shape, use, direct));
    }
}
