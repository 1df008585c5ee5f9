using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The taps of one phase: at what distance each reads, and which number of the kernel it multiplies with.</summary>
internal sealed unsafe class DepthwiseTaps
{
    // Pinned: read through pointers in every tile.
    private readonly int[] _offsets;
    private readonly int[] _weights;

    private DepthwiseTaps(int[] offsets, int[] weights)
    {
        (Count, _offsets, _weights) = (offsets.Length, GC.AllocateArray<int>(offsets.Length, pinned: true), GC.AllocateArray<int>(weights.Length, pinned: true));
        offsets.CopyTo(_offsets, 0);
        weights.CopyTo(_weights, 0);
    }

    /// <summary>Number of taps; may be 0.</summary>
    public int Count { get; }

    /// <summary>Floats from an output's place to what the tap reads.</summary>
    public int* Offsets => (int*)Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(_offsets));

    /// <summary>Indices into the kernel.</summary>
    public int* Weights => (int*)Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(_weights));

    /// <summary>The taps of a list.</summary>
    public static DepthwiseTaps Of<T>(T[] taps, Func<T, long> offset, Func<T, int> weight) =>
        new(Array.ConvertAll(taps, tap => checked((int)offset(tap))), Array.ConvertAll(taps, tap => weight(tap)));
}

/// <summary>The taps of a kernel with stride 1 and no gaps between its rows, as a grid.</summary>
/// <param name="Rows">Rows of the kernel.</param>
/// <param name="FirstRow">Input rows from an output's own row to the kernel's first one.</param>
/// <param name="Line">The taps of one row of the kernel.</param>
internal sealed unsafe record DepthwiseGrid(int Rows, int FirstRow, DepthwiseTaps Line)
{
    /// <summary>Columns of the kernel.</summary>
    public int Columns => Line.Count;

    /// <summary>Elements from an output's own column to what each column of the kernel reads.</summary>
    public int* Offsets => Line.Offsets;
}

/// <summary>The inner loops of depthwise layers.</summary>
internal static unsafe class DepthwiseKernel<V>
    where V : struct, IVec<V>
{
    private const int Block = 8;

    /// <summary>
    /// <c>sums[i] = sum over t of weights[t] * source[i + offsets[t]]</c> for i from 0 to <paramref name="length"/>, and for a block more:
    /// both lines have that much room behind them.
    /// </summary>
    /// <remarks>Eight vectors at a time: a weight is broadcast once for them, and their sums hide each other's latency.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* source, DepthwiseTaps taps, float* weights, float* sums, nint length)
    {
        int* offsets = taps.Offsets;
        int* indices = taps.Weights;
        int count = taps.Count;
        nint i = 0;
        for (; i <= length - ((Block - 3) * V.Count); i += Block * V.Count)
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero, c6 = V.Zero, c7 = V.Zero;
            for (int t = 0; t < count; t++)
            {
                V w = V.Broadcast(weights[indices[t]]);
                float* x = source + i + offsets[t];
                c0 = V.MultiplyAdd(w, V.Load(x), c0);
                c1 = V.MultiplyAdd(w, V.Load(x + V.Count), c1);
                c2 = V.MultiplyAdd(w, V.Load(x + (2 * V.Count)), c2);
                c3 = V.MultiplyAdd(w, V.Load(x + (3 * V.Count)), c3);
                c4 = V.MultiplyAdd(w, V.Load(x + (4 * V.Count)), c4);
                c5 = V.MultiplyAdd(w, V.Load(x + (5 * V.Count)), c5);
                c6 = V.MultiplyAdd(w, V.Load(x + (6 * V.Count)), c6);
                c7 = V.MultiplyAdd(w, V.Load(x + (7 * V.Count)), c7);
            }

            float* y = sums + i;
            c0.Store(y);
            c1.Store(y + V.Count);
            c2.Store(y + (2 * V.Count));
            c3.Store(y + (3 * V.Count));
            c4.Store(y + (4 * V.Count));
            c5.Store(y + (5 * V.Count));
            c6.Store(y + (6 * V.Count));
            c7.Store(y + (7 * V.Count));
        }

        for (; i < length; i += V.Count)
        {
            V c = V.Zero;
            for (int t = 0; t < count; t++)
                c = V.MultiplyAdd(V.Broadcast(weights[indices[t]]), V.Load(source + i + offsets[t]), c);

            c.Store(sums + i);
        }
    }

    /// <summary>
    /// <c>target[i] = bias + sum over t of weights[t] * source[i + offsets[t]]</c> for i from 0 to <paramref name="length"/>, and nothing beyond.
    /// </summary>
    /// <param name="source">The element that belongs to the first output.</param>
    /// <param name="taps">The taps.</param>
    /// <param name="weights">The kernel.</param>
    /// <param name="bias">Where the sums begin.</param>
    /// <param name="target">The outputs.</param>
    /// <param name="length">Their number.</param>
    /// <param name="pastCaches">Whether to write past the caches.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Stream(float* source, DepthwiseTaps taps, float* weights, float bias, float* target, nint length, bool pastCaches)
    {
        int* offsets = taps.Offsets;
        int* indices = taps.Weights;
        int count = taps.Count;
        V start = V.Broadcast(bias);
        nint i = 0;
        if (pastCaches && length >= V.Count)
        {
            // The first vector as it lies, the next one from where the target is aligned; they may overlap.
            One(source, offsets, indices, count, weights, start).Store(target);
            i = V.Count - (((nint)target / sizeof(float)) & (V.Count - 1));
        }

        for (; i <= length - (Block * V.Count); i += Block * V.Count)
        {
            V c0 = start, c1 = start, c2 = start, c3 = start, c4 = start, c5 = start, c6 = start, c7 = start;
            for (int t = 0; t < count; t++)
            {
                V w = V.Broadcast(weights[indices[t]]);
                float* x = source + i + offsets[t];
                c0 = V.MultiplyAdd(w, V.Load(x), c0);
                c1 = V.MultiplyAdd(w, V.Load(x + V.Count), c1);
                c2 = V.MultiplyAdd(w, V.Load(x + (2 * V.Count)), c2);
                c3 = V.MultiplyAdd(w, V.Load(x + (3 * V.Count)), c3);
                c4 = V.MultiplyAdd(w, V.Load(x + (4 * V.Count)), c4);
                c5 = V.MultiplyAdd(w, V.Load(x + (5 * V.Count)), c5);
                c6 = V.MultiplyAdd(w, V.Load(x + (6 * V.Count)), c6);
                c7 = V.MultiplyAdd(w, V.Load(x + (7 * V.Count)), c7);
            }

            Store(target + i, c0, c1, c2, c3, pastCaches);
            Store(target + i + (4 * V.Count), c4, c5, c6, c7, pastCaches);
        }

        for (; i <= length - V.Count; i += V.Count)
            One(source + i, offsets, indices, count, weights, start).Store(target + i);

        if (i < length)
        {
            int left = (int)(length - i);
            V c = start;
            for (int t = 0; t < count; t++)
                c = V.MultiplyAdd(V.Broadcast(weights[indices[t]]), V.LoadPartial(source + i + offsets[t], left), c);

            c.StorePartial(target + i, left);
        }
    }

    /// <summary>
    /// <see cref="Stream"/> for two output rows at once, as far as whole blocks of four vectors go: each input vector is loaded once for both.
    /// </summary>
    /// <param name="source">The element that belongs to the first output of the upper row.</param>
    /// <param name="pitch">Elements from an input row to the next.</param>
    /// <param name="grid">The taps as a grid whose rows lie one input row apart.</param>
    /// <param name="weights">The kernel.</param>
    /// <param name="bias">Where the sums begin.</param>
    /// <param name="upper">The outputs of the upper row.</param>
    /// <param name="lower">The outputs of the lower row; aligned as the upper ones when they are written past the caches.</param>
    /// <param name="length">Their number.</param>
    /// <param name="pastCaches">Whether to write past the caches.</param>
    /// <returns>How many outputs of each row were written.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static nint StreamPair(
        float* source, nint pitch, DepthwiseGrid grid, float* weights, float bias, float* upper, float* lower, nint length, bool pastCaches)
    {
        int rows = grid.Rows, columns = grid.Columns;
        int* offsets = grid.Offsets;
        V start = V.Broadcast(bias);
        nint i = 0;
        for (; i <= length - (4 * V.Count); i += 4 * V.Count)
        {
            V a0 = start, a1 = start, a2 = start, a3 = start, b0 = start, b1 = start, b2 = start, b3 = start;
            float* row = source + i + (grid.FirstRow * pitch);
            for (int y = 0; y <= rows; y++, row += pitch)
            {
                float* above = weights + (y * columns);
                float* below = above - columns;
                for (int k = 0; k < columns; k++)
                {
                    float* x = row + offsets[k];
                    V x0 = V.Load(x), x1 = V.Load(x + V.Count), x2 = V.Load(x + (2 * V.Count)), x3 = V.Load(x + (3 * V.Count));
                    if (y < rows)
                    {
                        V w = V.Broadcast(above[k]);
                        a0 = V.MultiplyAdd(w, x0, a0);
                        a1 = V.MultiplyAdd(w, x1, a1);
                        a2 = V.MultiplyAdd(w, x2, a2);
                        a3 = V.MultiplyAdd(w, x3, a3);
                    }

                    if (y > 0)
                    {
                        V w = V.Broadcast(below[k]);
                        b0 = V.MultiplyAdd(w, x0, b0);
                        b1 = V.MultiplyAdd(w, x1, b1);
                        b2 = V.MultiplyAdd(w, x2, b2);
                        b3 = V.MultiplyAdd(w, x3, b3);
                    }
                }
            }

            Store(upper + i, a0, a1, a2, a3, pastCaches);
            Store(lower + i, b0, b1, b2, b3, pastCaches);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* target, V v0, V v1, V v2, V v3, bool pastCaches)
    {
        if (pastCaches)
        {
            v0.StorePastCaches(target);
            v1.StorePastCaches(target + V.Count);
            v2.StorePastCaches(target + (2 * V.Count));
            v3.StorePastCaches(target + (3 * V.Count));
        }
        else
        {
            v0.Store(target);
            v1.Store(target + V.Count);
            v2.Store(target + (2 * V.Count));
            v3.Store(target + (3 * V.Count));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V One(float* source, int* offsets, int* indices, int count, float* weights, V c)
    {
        for (int t = 0; t < count; t++)
            c = V.MultiplyAdd(V.Broadcast(weights[indices[t]]), V.Load(source + offsets[t]), c);

        return c;
    }

    /// <summary><c>target[i * phases + r] = lines[r * stride + i]</c></summary>
    public static void Interleave(float* lines, nint stride, int phases, int count, float* target)
    {
        nint i = 0;
        if (phases == 2)
        {
            for (; i < count; i += V.Count)
            {
                V a = V.Load(lines + i), b = V.Load(lines + stride + i);
                V.ZipLow(a, b).Store(target + (2 * i));
                V.ZipHigh(a, b).Store(target + (2 * i) + V.Count);
            }

            return;
        }

        for (int r = 0; r < phases; r++)
        {
            float* line = lines + (r * stride);
            float* to = target + r;
            for (i = 0; i < count; i++, to += phases)
                *to = line[i];
        }
    }
}

/// <summary>Copies a tile's input, with what stands outside of it, to where <see cref="DepthwiseKernel{V}"/> reads it.</summary>
internal static unsafe class DepthwiseGather<V>
    where V : struct, IVec<V>
{
    /// <summary>Gathers the input of a tile; see <see cref="DepthwiseGeometry"/> for the order.</summary>
    public static void Run(
        DepthwiseGeometry geometry, PaddingMode mode, float* source, float* target, int firstRow, int rows, int firstColumn, int columns)
    {
        DepthwiseAxis y = geometry.Y, x = geometry.X;
        for (int residueY = 0; residueY < y.Residues.Length; residueY++)
            for (int residueX = 0; residueX < x.Residues.Length; residueX++)
            {
                float* plane = target + (nint)(residueY * geometry.LineFloats) + (nint)geometry.ColumnPlane(residueX);
                long column = x.InputIndex(firstColumn, residueX);
                for (int row = 0; row < rows + y.Span; row++)
                {
                    long at = Source(y.InputIndex((long)firstRow + row, residueY), y.Axis.Input, mode);
                    float* to = plane + ((nint)row * geometry.Pitch);
                    if (at < 0)
                        new Span<float>(to, columns + x.Span).Clear();
                    else
                        Row(source + ((nint)at * x.Axis.Input), x.Axis.Input, mode, column, x.Axis.InputStep, to, columns + x.Span);
                }
            }
    }

    // Elements first, first + step, ... of a row that goes on beyond its ends.
    private static void Row(float* source, int size, PaddingMode mode, long first, int step, float* target, int count)
    {
        long before = first >= 0 ? 0 : (-first + step - 1) / step;
        int from = (int)Math.Min(before, count);
        int to = (int)Math.Clamp(((size - 1 - first) / step) + (first <= size - 1 ? 1 : 0), from, count);
        for (int i = 0; i < from; i++)
            target[i] = Outside(source, first + ((long)i * step), size, mode);
        for (int i = to; i < count; i++)
            target[i] = Outside(source, first + ((long)i * step), size, mode);

        float* x = source + (nint)(first + ((long)from * step));
        if (step == 1)
        {
            new ReadOnlySpan<float>(x, to - from).CopyTo(new Span<float>(target + from, to - from));
            return;
        }

        if (step == 2)
        {
            // Whole vectors while the second one ends inside of the row.
            for (; from < to && x + (2 * V.Count) <= source + size; from += V.Count, x += 2 * V.Count)
                V.Even(V.Load(x), V.Load(x + V.Count)).Store(target + from);
        }

        for (; from < to; from++, x += step)
            target[from] = *x;
    }

    private static float Outside(float* source, long index, int size, PaddingMode mode)
    {
        long at = Source(index, size, mode);
        return at < 0 ? 0 : source[at];
    }

    /// <summary>The input index that stands at a place; -1 for zero. Reflection goes back and forth, as a last tile may overhang.</summary>
    public static long Source(long index, int size, PaddingMode mode)
    {
        if (index >= 0 && index < size)
            return index;

        switch (mode)
        {
            case PaddingMode.Replicate:
                return index < 0 ? 0 : size - 1;
            case PaddingMode.Circular:
                return ((index % size) + size) % size;
            case PaddingMode.Reflect:
                long period = Math.Max(2L * (size - 1), 1);
                long inside = ((index % period) + period) % period;
                return inside < size ? inside : period - inside;
            default:
                return -1;
        }
    }
}
