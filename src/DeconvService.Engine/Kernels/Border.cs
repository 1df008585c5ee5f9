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

        int at = _inside;
        float* source = row + _first + ((nint)at * _step);
        if (_step == 1)
        {
            for (; at <= _insideEnd - V.Count; at += V.Count, source += V.Count)
                V.Load(source).Store(target + at);

            if (at < _insideEnd)
                V.LoadPartial(source, _insideEnd - at).StorePartial(target + at, _insideEnd - at);
        }
        else
        {
            if (_step == 2)
            {
                // Of two vectors the even elements; the last element of the second is not asked for, so it has to exist.
                for (; at < _insideEnd - V.Count; at += V.Count, source += 2 * V.Count)
                    V.Even(V.Load(source), V.Load(source + V.Count)).Store(target + at);
            }

            at = CopyInFours(source, target, at);
            for (source = row + _first + ((nint)at * _step); at < _insideEnd; at++, source += _step)
                target[at] = *source;
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
        bool vectors = _mode == PaddingMode.Zeros && _step <= 2;
        int step = _step, left = _inside, right = _insideEnd, count = _count;

        // Vectors of the source whose elements are all in the row; the last element of a step's gap is not needed.
        int whole = right - V.Count;
        float* source = row + _first + ((nint)left * step);
        for (; rows > 0; rows--, row += rowStride, source += rowStride, target += targetStride)
        {
            if (!vectors)
            {
                Copy<V>(row, target);
                continue;
            }

            for (int i = 0; i < left; i += V.Count)
                V.Zero.Store(target + i);

            int at = left;
            float* from = source;
            if (step == 1)
            {
                for (; at <= whole; at += V.Count, from += V.Count)
                    V.Load(from).Store(target + at);

                if (at < right)
                    V.LoadPartial(from, right - at).Store(target + at);
            }
            else
            {
                for (; at < whole; at += V.Count, from += 2 * V.Count)
                    V.Even(V.Load(from), V.Load(from + V.Count)).Store(target + at);

                if (at < right)
                {
                    int elements = (2 * (right - at)) - 1;
                    V second = elements > V.Count ? V.LoadPartial(from + V.Count, elements - V.Count) : V.Zero;
                    V.Even(V.LoadPartial(from, Math.Min(elements, V.Count)), second).Store(target + at);
                }
            }

            for (int i = right; i < count; i += V.Count)
                V.Zero.Store(target + i);
        }
    }

    // Four single elements are put into a vector and stored at once: with a store for each it takes twice as long.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int CopyInFours(float* source, float* target, int at)
    {
        nint step = _step, step3 = 3 * step;
        int end = _insideEnd - 4;
        for (; at <= end; at += 4, source += 4 * step)
            Vector128.Create(source[0], source[step], source[2 * step], source[step3]).Store(target + at);

        return at;
    }

    private float Outside(float* row, int i)
    {
        int source = Border.Source(_first + (i * _step), _size, _mode);
        return source < 0 ? 0 : row[source];
    }
}
