using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The inner loop of depthwise layers of 4x4 to 7x7 with stride 2, in the manner of <see cref="DepthwiseSquare{V}"/>.</summary>
/// <remarks>
/// <para>
/// A vector of columns goes down the lines, two for each output row. Two vectors of a line give the even and the odd elements, which two
/// neighbouring columns of the kernel read: nothing has to be copied and sorted before. What a line adds is summed by itself first, so that
/// the sum of a row waits for one addition a line, not for a chain of multiply-adds.
/// </para>
/// <code>
/// 5x5, lines 2r + 3 and 2r + 4:   row r, its last two: written        7x7, lines 2r + 5 and 2r + 6:   row r, its last two: written
///                                 row r + 1, its second and third                                     row r + 1, its fourth and fifth
///                                 row r + 2, its first (2r + 4)                                       row r + 2, its second and third
///                                                                                                     row r + 3, its first (2r + 6)
/// </code>
/// <para>Weights come from memory, each as often as it is used: of so many, registers would hold few.</para>
/// </remarks>
internal static unsafe class DepthwiseHalving<V>
    where V : struct, IVec<V>
{
    /// <summary>Computes a vector of columns, of which the first is <paramref name="i"/>, of some rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in DepthwiseBlock block, int row, int rows, nint i, bool edge, bool pastCaches)
    {
        switch (block.Taps.Count)
        {
            case 4:
                Choose<Number4>(block, row, rows, i, edge, pastCaches);
                break;
            case 5:
                Choose<Number5>(block, row, rows, i, edge, pastCaches);
                break;
            case 6:
                Choose<Number6>(block, row, rows, i, edge, pastCaches);
                break;
            default:
                Choose<Number7>(block, row, rows, i, edge, pastCaches);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Choose<TSize>(in DepthwiseBlock block, int row, int rows, nint i, bool edge, bool pastCaches)
        where TSize : struct, INumberConstant
    {
        if (edge)
            Strip<TSize, DepthwiseEdge>(block, row, rows, i, pastCaches);
        else
            Strip<TSize, DepthwiseInside>(block, row, rows, i, pastCaches);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Strip<TSize, TPlace>(in DepthwiseBlock block, int row, int rows, nint i, bool pastCaches)
        where TSize : struct, INumberConstant
        where TPlace : struct, IDepthwisePlace
    {
        int size = TSize.Value;
        float* w = block.Weights;
        DepthwiseRun* runs = block.Taps.Runs;
        nint pairs = (2 * i) + runs[0].Column, single = (2 * i) + runs[size - 1].Column;
        V m0 = V.Zero, m1 = V.Zero, m2 = V.Zero, m3 = V.Zero, m4 = V.Zero, m5 = V.Zero, m6 = V.Zero;
        if (TPlace.AtEdge)
            Read<TSize, DepthwiseInside>(block.Mask, pairs, single, m0, m1, m2, m3, m4, m5, m6, out m0, out m1, out m2, out m3, out m4, out m5, out m6);

        // The sums of the row that is written next, and of those after it.
        V bias = V.Broadcast(block.Bias), s0 = bias, s1 = bias, s2 = bias, s3 = bias;
        float** first = block.Lines + (2 * (nint)row), line = first + size - 2;
        float* target = block.Target + (row * block.Pitch) + i, residual = block.Residual == null ? null : block.Residual + (row * block.Pitch) + i;
        int count = (int)Math.Min(block.Columns - i, V.Count);

        // Begins with rows above, which are not written; what a line above the first would add to them does not matter.
        int above = (size - 1) / 2;
        line -= 2 * above;
        for (int left = rows + above; left > 0; left--, line += 2)
        {
            Read<TSize, TPlace>(line < first ? *first : *line, pairs, single, m0, m1, m2, m3, m4, m5, m6, out V x0, out V x1, out V x2, out V x3, out V x4, out V x5, out V x6);
            s0 += Product<TSize>(w + ((size - 2) * size), x0, x1, x2, x3, x4, x5, x6);
            s1 += Product<TSize>(w + ((size - 4) * size), x0, x1, x2, x3, x4, x5, x6);
            if (size > 5)
                s2 += Product<TSize>(w + ((size - 6) * size), x0, x1, x2, x3, x4, x5, x6);

            Read<TSize, TPlace>(line[1], pairs, single, m0, m1, m2, m3, m4, m5, m6, out x0, out x1, out x2, out x3, out x4, out x5, out x6);
            V sum = s0 + Product<TSize>(w + ((size - 1) * size), x0, x1, x2, x3, x4, x5, x6);
            s0 = s1 + Product<TSize>(w + ((size - 3) * size), x0, x1, x2, x3, x4, x5, x6);
            s1 = size < 5 ? s2 : s2 + Product<TSize>(w + ((size - 5) * size), x0, x1, x2, x3, x4, x5, x6);
            s2 = size < 7 ? s3 : s3 + Product<TSize>(w, x0, x1, x2, x3, x4, x5, x6);
            if (left > rows)
                continue;

            DepthwiseSquare<V>.Write(block, sum, target, ref residual, count, pastCaches);
            target += block.Pitch;
        }
    }

    // What the columns read of a line: pairs of neighbours, and the one that is left of an odd number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Read<TSize, TPlace>(
        float* line, nint pairs, nint single, V m0, V m1, V m2, V m3, V m4, V m5, V m6, out V x0, out V x1, out V x2, out V x3, out V x4, out V x5, out V x6)
        where TSize : struct, INumberConstant
        where TPlace : struct, IDepthwisePlace
    {
        V a = V.Load(line + pairs), b = V.Load(line + pairs + V.Count);
        (x0, x1) = (V.Even(a, b), V.Odd(a, b));
        (a, b) = (V.Load(line + pairs + 2), V.Load(line + pairs + 2 + V.Count));
        (x2, x3) = (V.Even(a, b), V.Odd(a, b));
        (x4, x5, x6) = (V.Zero, V.Zero, V.Zero);
        if (TSize.Value > 5)
        {
            (a, b) = (V.Load(line + pairs + 4), V.Load(line + pairs + 4 + V.Count));
            (x4, x5) = (V.Even(a, b), V.Odd(a, b));
        }

        if (TSize.Value == 5)
            x4 = V.Even(V.Load(line + single), V.Load(line + single + V.Count));
        if (TSize.Value == 7)
            x6 = V.Even(V.Load(line + single), V.Load(line + single + V.Count));
        if (TPlace.AtEdge)
        {
            (x0, x1, x2, x3) = (V.And(x0, m0), V.And(x1, m1), V.And(x2, m2), V.And(x3, m3));
            (x4, x5, x6) = (V.And(x4, m4), V.And(x5, m5), V.And(x6, m6));
        }
    }

    // A row of the kernel times what its columns read.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Product<TSize>(float* w, V x0, V x1, V x2, V x3, V x4, V x5, V x6)
        where TSize : struct, INumberConstant
    {
        V sum = V.Broadcast(w[0]) * x0;
        V.AddProduct(ref sum, x1, w[1]);
        V.AddProduct(ref sum, x2, w[2]);
        V.AddProduct(ref sum, x3, w[3]);
        if (TSize.Value > 4)
            V.AddProduct(ref sum, x4, w[4]);
        if (TSize.Value > 5)
            V.AddProduct(ref sum, x5, w[5]);
        if (TSize.Value > 6)
            V.AddProduct(ref sum, x6, w[6]);
        return sum;
    }
}
