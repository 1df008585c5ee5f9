using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>What an axis holds outside of its elements.</summary>
internal static class Border
{
    /// <summary>The element that stands at <paramref name="position"/>, which may lie outside; -1 for a zero.</summary>
    public static int Source(int position, int size, PaddingMode mode)
    {
        if ((uint)position < (uint)size)
            return position;

        switch (mode)
        {
            case PaddingMode.Replicate:
                return position < 0 ? 0 : size - 1;
            case PaddingMode.Circular:
                int rest = position % size;
                return rest < 0 ? rest + size : rest;
            case PaddingMode.Reflect:
                int mirrored = position < 0 ? -position : (2 * (size - 1)) - position;
                return (uint)mirrored < (uint)size ? mirrored : -1;
            default:
                return -1;
        }
    }
}

/// <summary>Copies <c>row[first + i * step]</c>, i = 0 .. count - 1, out of rows of one size, whatever lies outside of them.</summary>
internal readonly unsafe struct BorderedRow
{
    private readonly int _size;
    private readonly int _first;
    private readonly int _step;
    private readonly int _count;
    private readonly int _inside;
    private readonly int _insideEnd;
    private readonly PaddingMode _mode;

    public BorderedRow(int size, int first, int step, int count, PaddingMode mode)
    {
        (_size, _first, _step, _count, _mode) = (size, first, step, count, mode);
        int begin = first >= 0 ? 0 : (-first + step - 1) / step;
        int end = first >= size ? 0 : ((size - 1 - first) / step) + 1;
        _inside = Math.Min(begin, count);
        _insideEnd = Math.Clamp(end, _inside, count);
    }

    /// <summary>Copies out of <paramref name="row"/>. Reads nothing but the row, writes nothing but <c>count</c> elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Copy<V>(float* row, float* target)
        where V : struct, IVec<V>
    {
        for (int i = 0; i < _inside; i++)
            target[i] = Outside(row, i);

        float* source = row + _first + ((nint)_inside * _step), to = target + _inside;
        int count = _insideEnd - _inside;
        switch (_step)
        {
            case 1:
                Copy<V, Number1>(source, to, count);
                break;
            case 2:
                Copy<V, Number2>(source, to, count);
                break;
            case 3:
                Copy<V, Number3>(source, to, count);
                break;
            case 4:
                Copy<V, Number4>(source, to, count);
                break;
            default:
                CopyInFours(source, to, count);
                break;
        }

        for (int i = _insideEnd; i < _count; i++)
            target[i] = Outside(row, i);
    }

    /// <summary>
    /// Copies out of several rows. Of whole vectors: up to 2 L elements behind the <c>count</c> of each row may be overwritten, so that short
    /// rows cost no more than the vectors they consist of; rows are written in ascending order.
    /// </summary>
    /// <param name="row">The first row.</param>
    /// <param name="rowStride">Elements to the next row.</param>
    /// <param name="target">Receives the first row.</param>
    /// <param name="targetStride">Elements to the next row's place.</param>
    /// <param name="rows">Number of rows.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void CopyRows<V>(float* row, nint rowStride, float* target, nint targetStride, int rows)
        where V : struct, IVec<V>
    {
        int step = _mode == PaddingMode.Zeros ? _step : 0;
        switch (step)
        {
            case 1:
                CopyRows<V, Number1>(row, rowStride, target, targetStride, rows);
                break;
            case 2:
                CopyRows<V, Number2>(row, rowStride, target, targetStride, rows);
                break;
            case 3:
                CopyRows<V, Number3>(row, rowStride, target, targetStride, rows);
                break;
            case 4:
                CopyRows<V, Number4>(row, rowStride, target, targetStride, rows);
                break;
            default:
                for (; rows > 0; rows--, row += rowStride, target += targetStride)
                    Copy<V>(row, target);

                break;
        }
    }

    /// <summary>Copies rows <c>first + i * step</c>, i = 0 .. rows - 1, of a plane, whatever lies outside of it; as <c>CopyRows</c>.</summary>
    /// <param name="plane">The plane, or null for zeros.</param>
    /// <param name="height">Its rows.</param>
    /// <param name="firstRow">The first row, which may lie outside.</param>
    /// <param name="step">Rows to the next one.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="target">Receives the first row.</param>
    /// <param name="targetStride">Elements to the next row's place.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void CopyPlane<V>(float* plane, int height, int firstRow, int step, int rows, float* target, nint targetStride)
        where V : struct, IVec<V>
    {
        for (int r = 0; r < rows;)
        {
            int position = firstRow + (r * step), y = Border.Source(position, height, _mode);
            if (plane == null || y < 0)
            {
                new Span<float>(target + (r * targetStride), _count).Clear();
                r++;
                continue;
            }

            // Rows inside of the plane follow each other.
            int inside = y == position ? Math.Min(rows - r, ((height - 1 - y) / step) + 1) : 1;
            CopyRows<V>(plane + (y * (nint)_size), step * (nint)_size, target + (r * targetStride), targetStride, inside);
            r += inside;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyRows<V, S>(float* row, nint rowStride, float* target, nint targetStride, int rows)
        where V : struct, IVec<V>
        where S : struct, INumberConstant
    {
        int left = _inside, right = _insideEnd, count = _count;

        // Here the last whole vector may begin; with a step it reads elements that are not wanted and need not exist.
        int whole = right - V.Count - (S.Value > 1 ? 1 : 0);
        float* source = row + _first + ((nint)left * S.Value);
        for (; rows > 0; rows--, source += rowStride, target += targetStride)
        {
            for (int i = 0; i < left; i += V.Count)
                V.Zero.Store(target + i);

            int at = left;
            float* from = source;
            for (; at <= whole; at += V.Count, from += S.Value * V.Count)
                StridedLoad.Load<V, S>(from).Store(target + at);

            if (at < right)
                StridedLoad.LoadPartial<V, S>(from, right - at).Store(target + at);

            for (int i = right; i < count; i += V.Count)
                V.Zero.Store(target + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy<V, S>(float* source, float* target, int count)
        where V : struct, IVec<V>
        where S : struct, INumberConstant
    {
        int whole = count - V.Count - (S.Value > 1 ? 1 : 0), at = 0;
        for (; at <= whole; at += V.Count, source += S.Value * V.Count)
            StridedLoad.Load<V, S>(source).Store(target + at);

        if (at < count)
            StridedLoad.LoadPartial<V, S>(source, count - at).StorePartial(target + at, count - at);
    }

    // Four single elements are put into a vector and stored at once: with a store for each it takes twice as long.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyInFours(float* source, float* target, int count)
    {
        nint step = _step, step3 = 3 * step;
        int at = 0;
        for (; at <= count - 4; at += 4, source += 4 * step)
            Vector128.Create(source[0], source[step], source[2 * step], source[step3]).Store(target + at);

        for (; at < count; at++, source += step)
            target[at] = *source;
    }

    private float Outside(float* row, int i)
    {
        int source = Border.Source(_first + (i * _step), _size, _mode);
        return source < 0 ? 0 : row[source];
    }
}
