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
///   [c][depth shift][row mod stride][column mod stride]
///                   [row / stride][column / stride]            row | . . . . . . . . . . |
///   stride 2:  x0 x2 x4 x6 ...   part 0                        tap     |--vector--|           (any alignment)
///              x1 x3 x5 x7 ...   part 1                        next      |--vector--|
/// </code>
/// <para>
/// With stride s rows and columns are dealt out to s parts each, so that the outputs of a tap are neighbours again. The vectors run on
/// over the ends of the rows, so that short rows leave no lanes empty; what they compute between two rows is dropped. But where much of
/// the kernel meets nothing but zero padding, they begin anew in each row, and the kernel's rows that meet only padding are skipped.
/// Where there is no border and the stride is 1, the image is read where it stands. With few outputs, the channels are added slice by
/// slice to sums of many rows, so that long pieces of each channel are read, and the next slice is asked for meanwhile.
/// </para>
/// <para>
/// A transposed convolution has stride^n phases (<see cref="TapAxis"/>), each a convolution of its own over the same window of
/// ceil(k / stride) inputs an axis. So they can be the rows of one product (<see cref="DirectProducts"/>), F * stride^n of them
/// instead of F, and each vector of the input that is read serves them all. 4x4, stride 2, one axis of it:
/// </para>
/// <code>
///   rows of the product             sums, [row][position]              written, interleaved
///   output 0, phase 0  w2 w0   *    | p0 p0 p0 p0 ...                  | p0 p1 p0 p1 p0 p1 p0 p1 ...   output 0
///             phase 1  w3 w1        | p1 p1 p1 p1 ...                    ^ the first Crop of them are dropped
///   output 1, phase 0  ...          | ...
///             taps:  x[m-1] x[m]
/// </code>
/// <para>Source: Zhang, Franchetti and Low, "High Performance Zero-Memory Overhead Direct Convolutions" (2018), for the idea to pack nothing;
/// Shi et al., "Is the deconvolution layer the same as a convolutional layer?" (2016), for the phases as output channels.</para>
/// </remarks>
internal sealed class Direct : IConvAlgorithm
{
    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        if (!request.EvenIfSlow && !Beats<V>(request))
            return null;

        return DirectGeometry.TryCreate<V>(shape, request.Threads) is { } geometry ? new DirectPlan<V>(request, geometry) : null;
    }

    /// <summary>Whether it is faster than the matrix products.</summary>
    public static bool Beats<V>(ConvRequest request)
        where V : struct, IVec<V> => request.MayFollowSize && Choices<Direct, V, bool>.Table.Of(request.Shape, request.Weights.Use, IsFaster<V>);

    private static bool IsFaster<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V> =>
        DirectGeometry.TryCreate<V>(shape, threads: 1) is { } geometry && DirectCost.Of<V>(shape, use, geometry) < MatrixProductCost.OfBest<V>(shape, use);
}
