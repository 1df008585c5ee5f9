using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Winograd convolution: stride 1, no dilation, one group; and each phase of a transposed convolution.
/// </summary>
/// <remarks>
/// <para>
/// <c>Y = A^T [ sum over c of (G g G^T) * (B^T d B) ] A</c>, * element by element: a tile of m x m outputs needs Alpha^2 products for each
/// pair of channels instead of m^2 r^2. F(4x4,3x3), for instance, 36 instead of 144. The transforms and their points:
/// <see cref="IWinogradTransform"/>. The sum over the channels makes Alpha^2 matrix products of it, tiles times output channels:
/// </para>
/// <code>
///   input [c][H][W]   -> lanes [row][column][L]  -> V [point][tile block][c / L][R][L]     R tiles of a register block
///   weight            ->                            U [chunk of 2L outputs][phase][point][c][2L]
///   products             M [point][tile][2L] = V[point] * U[point]
///   M                 -> lanes [row][column][L]  -> output [f][rows][columns]
/// </code>
/// <para>
/// A block of tiles is transformed for all channels, so that V stays in the second-level cache while the weights pass by, 2L output
/// channels at a time. In a transposed convolution the phases read the same tiles (<see cref="WinogradGrid"/>), so one transformed input
/// serves them all, and their outputs are interleaved in the lanes before they are written.
/// </para>
/// <para>
/// With one tap an axis is not transformed at all, F(1,1). A layer that has one tap on both is a plain matrix product in this order of
/// the data, "pointwise", which suits small images of many channels.
/// </para>
/// <para>Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016).</para>
/// </remarks>
internal sealed class Winograd : IConvAlgorithm
{
    // The tiles that are worth a choice, in order of their number: Alpha inputs, m outputs, for r = Alpha - m + 1 taps.
    private static readonly (int Alpha, int Outputs)[] Tiles = [(1, 1), (4, 2), (4, 3), (6, 2), (6, 3), (6, 4), (8, 6)];

    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        if (shape.Groups != 1 || shape.Accuracy == Accuracy.Exact)
            return null;

        TapAxis[] axes = TapAxis.Of(shape);
        if (axes[0] != TapAxis.None || WinogradGrid.Of(axes[1]) is not { } height || WinogradGrid.Of(axes[2]) is not { } width)
            return null;

        double best = request.EvenIfSlow ? double.PositiveInfinity : CostModel.Gemm(shape, request.Weights.Use);
        if (!request.EvenIfSlow && DirectGeometry.TryCreate<V>(shape, threads: 1) is { } direct)
            best = Math.Min(best, CostModel.Direct(shape, request.Weights.Use, direct));

        (int Height, int Width)? chosen = null;
        foreach (int h in Candidates(height.Taps, shape.Accuracy))
        {
            foreach (int w in Candidates(width.Taps, shape.Accuracy))
            {
                double cost = CostModel.Winograd(shape, request.Weights.Use, height, Tiles[h], width, Tiles[w]);
                if (cost < best)
                    (best, chosen) = (cost, (h, w));
            }
        }

        return chosen is { } pair ? ForHeight<V>(request, height, width, pair.Height, pair.Width) : null;
    }

    private static IEnumerable<int> Candidates(int taps, Accuracy accuracy) =>
        Enumerable.Range(0, Tiles.Length).Where(i => Tiles[i].Alpha - Tiles[i].Outputs + 1 == taps && (Tiles[i].Alpha < 8 || accuracy == Accuracy.Fast));

    private static PlannedAlgorithm ForHeight<V>(ConvRequest request, WinogradGrid height, WinogradGrid width, int h, int w)
        where V : struct, IVec<V> => h switch
        {
            0 => ForWidth<V, WinogradAxis<Winograd1, Number1>>(request, height, width, w),
            1 => ForWidth<V, WinogradAxis<Winograd4, Number2>>(request, height, width, w),
            2 => ForWidth<V, WinogradAxis<Winograd4, Number3>>(request, height, width, w),
            3 => ForWidth<V, WinogradAxis<Winograd6, Number2>>(request, height, width, w),
            4 => ForWidth<V, WinogradAxis<Winograd6, Number3>>(request, height, width, w),
            5 => ForWidth<V, WinogradAxis<Winograd6, Number4>>(request, height, width, w),
            _ => ForWidth<V, WinogradAxis<Winograd8, Number6>>(request, height, width, w),
        };

    private static PlannedAlgorithm ForWidth<V, TH>(ConvRequest request, WinogradGrid height, WinogradGrid width, int w)
        where V : struct, IVec<V>
        where TH : struct, IWinogradAxis => w switch
        {
            0 => new WinogradPlan<V, TH, WinogradAxis<Winograd1, Number1>>(request, height, width),
            1 => new WinogradPlan<V, TH, WinogradAxis<Winograd4, Number2>>(request, height, width),
            2 => new WinogradPlan<V, TH, WinogradAxis<Winograd4, Number3>>(request, height, width),
            3 => new WinogradPlan<V, TH, WinogradAxis<Winograd6, Number2>>(request, height, width),
            4 => new WinogradPlan<V, TH, WinogradAxis<Winograd6, Number3>>(request, height, width),
            5 => new WinogradPlan<V, TH, WinogradAxis<Winograd6, Number4>>(request, height, width),
            _ => new WinogradPlan<V, TH, WinogradAxis<Winograd8, Number6>>(request, height, width),
        };
}
