using System.Runtime.CompilerServices;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>
/// Between rows of single channels, as tensors hold them, and vectors with L channels in the lanes, as transforms want them:
/// <c>lanes[column][L channels]</c>.
/// </summary>
internal static unsafe class ChannelLanes
{
    /// <summary>Columns first .. first + count - 1 of a row, of up to L channels. Lanes without a channel become 0.</summary>
    /// <param name="row">The row in the first channel.</param>
    /// <param name="channelStride">Elements to the same row in the next channel.</param>
    /// <param name="channels">Number of channels, 1 to L.</param>
    /// <param name="size">Elements of the row.</param>
    /// <param name="first">First column, which may lie outside of the row.</param>
    /// <param name="count">Number of columns.</param>
    /// <param name="mode">What lies outside.</param>
    /// <param name="lanes">Receives the vectors; up to L - 1 further ones may be overwritten.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gather<V>(float* row, nint channelStride, int channels, int size, int first, int count, PaddingMode mode, float* lanes)
        where V : struct, IVec<V>
    {
        int begin = Math.Clamp(-first, 0, count), end = Math.Clamp(size - first, begin, count);
        float* inside = row + first;
        if (channels == V.Count && end - begin >= V.Count)
        {
            int j = begin;
            for (; j <= end - V.Count; j += V.Count)
                Transposition.Run<V>(inside + j, channelStride, lanes + (j * V.Count), V.Count);

            if (j < end)
                Transposition.Run<V>(inside + end - V.Count, channelStride, lanes + ((end - V.Count) * V.Count), V.Count);
        }
        else
        {
            float* square = stackalloc float[V.Count * V.Count];
            for (int j = begin; j < end; j += V.Count)
            {
                int columns = Math.Min(V.Count, end - j);
                for (int c = 0; c < V.Count; c++)
                    (c < channels ? V.LoadPartial(inside + (c * channelStride) + j, columns) : V.Zero).Store(square + (c * V.Count));

                Transposition.Run<V>(square, V.Count, lanes + (j * V.Count), V.Count);
            }
        }

        for (int j = 0; j < begin; j++)
            Outside<V>(row, channelStride, channels, Border.Source(first + j, size, mode), lanes + (j * V.Count));

        for (int j = end; j < count; j++)
            Outside<V>(row, channelStride, channels, Border.Source(first + j, size, mode), lanes + (j * V.Count));
    }

    /// <summary>Writes <paramref name="count"/> columns to rows of up to L output channels; bias and activation have been applied unless there is a residual.</summary>
    /// <param name="lanes">The vectors; up to L - 1 further ones may be read.</param>
    /// <param name="stage">Adds the residual, if there is one.</param>
    /// <param name="row">The first element in the first channel.</param>
    /// <param name="residual">The residual at the same place, or null.</param>
    /// <param name="channelStride">Elements to the next channel.</param>
    /// <param name="firstChannel">Number of the first channel.</param>
    /// <param name="channels">Number of channels, 1 to L.</param>
    /// <param name="count">Number of columns.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scatter<V>(
        float* lanes, OutputStage stage, float* row, float* residual, nint channelStride, int firstChannel, int channels, int count)
        where V : struct, IVec<V>
    {
        if (channels == V.Count && count >= V.Count && !stage.Epilogue.HasResidual)
        {
            int j = 0;
            for (; j <= count - V.Count; j += V.Count)
                Transposition.Run<V>(lanes + (j * V.Count), V.Count, row + j, channelStride);

            if (j < count)
                Transposition.Run<V>(lanes + ((count - V.Count) * V.Count), V.Count, row + count - V.Count, channelStride);

            return;
        }

        float* square = stackalloc float[V.Count * V.Count];
        for (int j = 0; j < count; j += V.Count)
        {
            int columns = Math.Min(V.Count, count - j);
            Transposition.Run<V>(lanes + (j * V.Count), V.Count, square, V.Count);
            for (int c = 0; c < channels; c++)
            {
                float* target = row + (c * channelStride) + j;
                if (stage.Epilogue.HasResidual)
                    stage.WriteRow<V>(square + (c * V.Count), target, residual + (c * channelStride) + j, columns, firstChannel + c);
                else
                    V.Load(square + (c * V.Count)).StorePartial(target, columns);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Outside<V>(float* row, nint channelStride, int channels, int source, float* lanes)
        where V : struct, IVec<V>
    {
        V.Zero.Store(lanes);
        for (int c = 0; c < channels && source >= 0; c++)
            lanes[c] = row[(c * channelStride) + source];
    }
}
