using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Turns rows of L channels into lines of vectors, with the border that is read.</summary>
/// <param name="cut">What lies where.</param>
/// <param name="mode">What stands outside of the input.</param>
/// <param name="input">The block's first channel.</param>
/// <param name="channelStride">Elements to the next one.</param>
/// <param name="channels">Channels of the block, 1 to L.</param>
internal readonly unsafe struct DepthwiseChannelsInput<V>(DepthwiseChannelsCut cut, PaddingMode mode, float* input, nint channelStride, int channels)
    where V : struct, IVec<V>
{
    /// <summary>Fills table and lines with what some grid rows at depth <paramref name="z"/> read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Gather(float* scratch, int z, int firstRow, int rows)
    {
        TapAxis depth = cut.Z, y = cut.Y;
        float** table = (float**)scratch;
        float* lines = scratch + (nint)cut.LinesAt;
        nint lineFloats = (nint)cut.Columns * V.Count;
        long at = ((long)firstRow * y.InputStep) + cut.FirstLine;
        int count = cut.LinesOf(rows);

        // Lines from .. to are rows of the input, which lie one behind the other: turned as one, they leave no remainder at each row's end.
        int from = (int)Math.Clamp(-at, 0, count), to = (int)Math.Clamp(y.Input - at, from, count);
        foreach (int shift in depth.Shifts)
        {
            long slice = DepthwiseBorder.Source(((long)z * depth.InputStep) + shift, depth.Input, mode);
            float* plane = input + ((nint)slice * y.Input * cut.X.Input);
            if (slice >= 0 && to > from)
                Rows(plane + ((nint)(at + from) * cut.X.Input), to - from, lines + (from * lineFloats), scratch + (nint)cut.StagedAt);

            for (int i = 0; i < count; i++)
            {
                long row = slice < 0 ? -1 : DepthwiseBorder.Source(at + i, y.Input, mode);
                float* line = lines + (i * lineFloats);
                table[i] = row < 0 ? null : line;
                if (row >= 0 && (i < from || i >= to))
                    Rows(plane + ((nint)row * cut.X.Input), 1, line, scratch + (nint)cut.StagedAt);
            }

            table += cut.Lines;
            lines += cut.Lines * lineFloats;
        }
    }

    // Rows that lie one behind the other in the input.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Rows(float* source, int rows, float* line, float* staged)
    {
        nint lineFloats = (nint)cut.Columns * V.Count;
        float* first = line - (cut.FirstColumn * V.Count);
        int done = TurnsToPlace ? rows - 1 : 0;
        for (int row = 0; row < done; row++)
            ToPlace(source + ((nint)row * cut.X.Input), first + (row * lineFloats));

        Staged(source + ((nint)done * cut.X.Input), rows - done, first + (done * lineFloats), staged);
        for (int row = 0; row < rows; row++, line += lineFloats)
        {
            for (int i = cut.FirstColumn; i < 0; i++)
                Outside(line, i);

            for (int i = cut.X.Input; i < cut.FirstColumn + cut.Columns; i++)
                Outside(line, i);
        }
    }

    // Whether rows are turned one by one: where squares hold little more than a row (14 of 16 columns, 28 of 32), that takes less time than
    // dealing out what was turned without a remainder.
    private bool TurnsToPlace => channels == V.Count && (cut.X.Input + V.Count - 1) / V.Count * V.Count * 4 <= cut.X.Input * 5;

    // A row, to where it belongs. One shorter than a vector is followed by elements of the next one, which comes to the same place afterwards.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ToPlace(float* source, float* target)
    {
        int last = Math.Max(cut.X.Input - V.Count, 0);
        for (int column = 0; column < last; column += V.Count)
            Transposition.Run<V>(source + column, channelStride, target + (column * V.Count), V.Count);

        Transposition.Run<V>(source + last, channelStride, target + (last * V.Count), V.Count);
    }

    // Rows as if they were one, by way of a buffer.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Staged(float* source, int rows, float* first, float* staged)
    {
        int lanes = V.Count, width = cut.X.Input, column = 0;
        nint lineFloats = (nint)cut.Columns * lanes, total = (nint)rows * width;
        float* target = first;
        for (nint at = 0; at < total; at += DepthwiseChannelsCut.Staged)
        {
            // Fewer than a vector's are turned together with some of those before.
            int count = (int)Math.Min(DepthwiseChannelsCut.Staged, total - at), again = count < lanes && at > 0 ? lanes - count : 0;
            ChannelLanes.Gather<V>(source + at - again, channelStride, channels, count + again, 0, count + again, PaddingMode.Zeros, staged);
            float* vector = staged + (again * lanes);
            while (count > 0)
            {
                int piece = Math.Min(count, width - column);
                for (int i = 0; i < piece; i++, vector += lanes, target += lanes)
                    V.Load(vector).Store(target);

                count -= piece;
                column += piece;
                if (column == width)
                {
                    column = 0;
                    target = first += lineFloats;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Outside(float* line, int column)
    {
        int source = mode == PaddingMode.Zeros ? -1 : (int)DepthwiseBorder.Source(column, cut.X.Input, mode);
        (source < 0 ? V.Zero : V.Load(line + ((nint)(source - cut.FirstColumn) * V.Count))).Store(line + ((nint)(column - cut.FirstColumn) * V.Count));
    }
}
