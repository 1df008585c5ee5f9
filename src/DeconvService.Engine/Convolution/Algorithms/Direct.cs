using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Direct convolution from rows of the input: for large kernels, strides, few channels on either side, groups; and for the phases of a
/// transposed convolution.
/// </summary>
/// <remarks>
/// <para>
/// <c>y[f, h, w] = sum over (tap, c) of w[f, tap, c] * x[c, h * stride + shift, w * stride + shift]</c> with the vectors along w: for a
/// fixed tap, neighbouring outputs read neighbouring inputs. So the matrix product of <see cref="Gemm"/> can read its right factor out of
/// the image itself, at a different place for each tap, and nothing is gathered tap by tap.
/// </para>
/// <code>
///   block of the input, copied once with its border            one tap reads at one offset
///   [c][depth shift][row][w mod stride][w / stride]
///                                                              row | . . . . . . . . . . |
///   stride 2:  x0 x2 x4 x6 ...   part 0                        tap     |--vector--|           (any alignment)
///              x1 x3 x5 x7 ...   part 1                        next      |--vector--|
/// </code>
/// <para>
/// With stride s the columns are dealt out to s parts, so that the outputs of a tap are neighbours again. Rows of the kernel that meet
/// nothing but zero padding are skipped. Where there is no border and the stride is 1, the image is read where it stands.
/// </para>
/// <para>
/// A transposed convolution has stride^n phases (<see cref="TapAxis"/>). With a single output channel the phases of a row are
/// computed as the rows of one product, with zeros for the taps that a phase does not have: that keeps more sums in flight.
/// </para>
/// <para>Source: Zhang, Franchetti and Low, "High Performance Zero-Memory Overhead Direct Convolutions" (2018), for the idea to pack nothing.</para>
/// </remarks>
internal sealed class Direct : IConvAlgorithm
{
    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        TapAxis[] axes = TapAxis.Of(shape);
        if (DirectGeometry.TryCreate(shape, axes, V.Count, Blocking.Vectors<V>(), request.Threads) is not { } geometry)
            return null;

        // The number of threads must not decide, or it would change the bits of results. Fewer threads have larger blocks.
        if (DirectGeometry.TryCreate(shape, axes, V.Count, Blocking.Vectors<V>(), threads: 1) is not { } lone)
            return null;

        bool faster = CostModel.Direct(shape, request.Weights.Use, lone) < CostModel.Gemm(shape, request.Weights.Use);
        return faster || request.EvenIfSlow ? new DirectPlan<V>(request, geometry) : null;
    }
}
