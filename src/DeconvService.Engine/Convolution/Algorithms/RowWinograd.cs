using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Winograd along the height only, straight from the rows of the input: for few output channels, of a convolution or of the phases of a
/// transposed one.
/// </summary>
internal sealed class RowWinograd : IConvAlgorithm
{
    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        if (shape.Accuracy == Accuracy.Exact || RowWinogradGeometry.TryCreate<V>(shape, request.Threads) is not { } geometry)
            return null;

        if (!request.EvenIfSlow)
        {
            double cost = CostModel.RowWinograd(shape, request.Weights.Use, geometry);
            if (cost >= CostModel.Gemm<V>(shape, request.Weights.Use))
                return null;

            if (DirectGeometry.TryCreate<V>(shape, threads: 1) is { } direct && cost >= CostModel.Direct(shape, request.Weights.Use, direct))
                return null;
        }

        return new RowWinogradPlan<V>(request, geometry);
    }

    /// <summary>The two rows of a tile whose sum (point 1) or difference (first minus second) a point multiplies: <c>B^T d</c>.</summary>
    public static (int First, int Second) InputRows(int point) => point switch
    {
        0 => (0, 2),
        1 => (1, 2),
        2 => (2, 1),
        _ => (3, 1),
    };
}
