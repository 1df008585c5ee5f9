using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// The weights of matrix products, packed: <c>[group][block of output channels][tap][c][channel]</c>, the taps phase after phase, or
/// <c>[tap / together][c][channel][tap % together]</c> in a block.
/// </summary>
internal static unsafe class GemmWeights
{
    // An eighth of a second-level cache of 1 MB.
    private const int SliceBytes = 128 << 10;

    /// <summary>Packs a layer's weights, or finds them packed.</summary>
    /// <param name="request">The layer.</param>
    /// <param name="taps">Row-major index in the kernel of each tap.</param>
    /// <param name="blocks">The blocks of output channels of a group, in units.</param>
    /// <param name="unit">Channels of a unit; blocks are filled up with zeros.</param>
    /// <param name="together">The numbers of so many taps that follow each other stand side by side.</param>
    public static PackedWeights Packed<V>(ConvRequest request, int[] taps, EvenSplit blocks, int unit, int together = 1)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        long floats = blocks.Begin(blocks.Pieces) * (long)unit * (shape.InputChannels / shape.Groups) * taps.Length * shape.Groups;
        return request.Weights.Packed(
            request.Pool,
            ("gemm", shape.Kind, unit, together, blocks, shape.Groups, string.Join(';', taps)),
            floats,
            (weight, packed) => Pack<V>(shape, taps, blocks, unit, together, weight, packed));
    }

    // All taps of an input channel are written before the next one is read, so that every cache line of the weight is read once: with tap
    // after tap, a transposed 4x4 kernel of 33 MB took more than twice as long.
    private static void Pack<V>(ConvShape shape, int[] taps, EvenSplit blocks, int unit, int together, float* weight, float* packed)
        where V : struct, IVec<V>
    {
        int channels = shape.InputChannels / shape.Groups, outputs = shape.OutputChannels / shape.Groups;
        nint kernel = (nint)(shape.Weight.Count / shape.Weight[0] / shape.Weight[1]);
        bool transposed = shape.Kind == ConvKind.Transposed;
        nint rowStride = transposed ? kernel : channels * kernel, channelStride = transposed ? outputs * kernel : kernel;

        // Blocks of a transposed layer share cache lines and pages of an input channel's weights: they go over some channels together.
        int slice = transposed ? (int)Math.Clamp(SliceBytes / (sizeof(float) * channelStride), 1, channels) : channels;
        for (int group = 0; group < shape.Groups; group++, weight += channels * (nint)outputs * kernel)
        {
            for (int first = 0; first < channels; first += slice)
            {
                int count = Math.Min(slice, channels - first);
                for (int block = 0; block < blocks.Pieces; block++)
                {
                    int begin = blocks.Begin(block) * unit, rows = blocks.Size(block) * unit, used = Math.Min(rows, outputs - begin);
                    float* source = weight + (begin * rowStride) + (first * channelStride);
                    float* target = packed + (begin * (nint)channels * taps.Length) + (first * (nint)rows * together);
                    if (together == 1 && rows % V.Count == 0 && used == rows && (!transposed || kernel >= V.Count))
                        PackSquares<V>(source, rowStride, channelStride, (int)kernel, taps, channels, count, rows, target);
                    else
                        PackBlock(source, rowStride, channelStride, taps, together, channels, count, used, rows, target);
                }
            }

            packed += blocks.Begin(blocks.Pieces) * (nint)unit * channels * taps.Length;
        }
    }

    // [tap][c][row] by squares of L rows and L neighbouring numbers. One by one it takes up to five times as long where rows are a power of two
    // apart, whose cache lines push each other out before all of their numbers are read.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackSquares<V>(
        float* source, nint rowStride, nint channelStride, int kernel, int[] taps, int channels, int count, int rows, float* packed)
        where V : struct, IVec<V>
    {
        // A tap's place for each number of the kernel; -1 for those that meet nothing but padding.
        int[] places = new int[kernel];
        Array.Fill(places, -1);
        for (int i = 0; i < taps.Length; i++)
            places[taps[i]] = i;

        // In a convolution the channels of a row are neighbours, too.
        int runs = channelStride == kernel ? 1 : count, length = count / runs * kernel;
        float* square = stackalloc float[V.Count * V.Count];
        for (int run = 0; run < runs; run++, source += channelStride)
        {
            for (int r = 0; r < rows; r += V.Count)
            {
                float* row = source + (r * rowStride);
                for (int at = 0; at < length; at += V.Count)
                {
                    int columns = Math.Min(V.Count, length - at);
                    ChannelLanes.Gather<V>(row, rowStride, V.Count, length, at, columns, PaddingMode.Zeros, square);
                    (int channel, int number) = Math.DivRem(at, kernel);
                    for (int j = 0; j < columns; j++, number++)
                    {
                        if (number == kernel)
                            (channel, number) = (channel + 1, 0);

                        if (places[number] >= 0)
                            V.Load(square + (j * V.Count)).Store(packed + (((places[number] * (nint)channels) + run + channel) * rows) + r);
                    }
                }
            }
        }
    }

    // [tap / together][c][row][tap % together]; rows without an output channel are 0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackBlock(
        float* source, nint rowStride, nint channelStride, int[] taps, int together, int channels, int count, int used, int rows, float* packed)
    {
        nint step = rows * (nint)together;
        for (int c = 0; c < count; c++, source += channelStride, packed += step)
        {
            float* target = packed;
            for (int tap = 0; tap < taps.Length; target += channels * step)
            {
                for (int side = 0; side < together; side++, tap++)
                {
                    float* from = source + taps[tap], to = target + side;
                    for (int r = 0; r < used; r++, from += rowStride, to += together)
                        *to = *from;

                    for (int r = used; r < rows; r++, to += together)
                        *to = 0;
                }
            }
        }
    }
}
