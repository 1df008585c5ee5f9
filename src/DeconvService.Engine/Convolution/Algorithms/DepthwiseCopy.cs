using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Copies what a segment reads of a row, with what stands beside the row: the elements of each residue of the stride side by side.</summary>
/// <remarks>
/// <code>
/// stride 2, padding 1:   row   a b c d e ...        slot   0 b d ...     residue 1
///                                                          0 a c e ...   residue 0, after the part's pitch
/// </code>
/// The first element of the row comes to lie on a whole vector, so that stores are aligned.
/// </remarks>
internal readonly unsafe struct DepthwiseCopy<V>
    where V : struct, IVec<V>
{
    private readonly PaddingMode _mode;
    private readonly int[] _residues;
    private readonly int _step;
    private readonly int _size;
    private readonly int _pitch;
    private readonly int _count;
    private readonly long _first;
    private readonly int _before;
    private readonly int _lead;
    private readonly bool _even;
    private readonly bool _odd;

    // Whether all that is read stands before the row's end, so that what is copied from behind it does not matter.
    private readonly bool _endsInside;

    public DepthwiseCopy(DepthwiseCut cut, DepthwiseSegment segment, PaddingMode mode)
    {
        DepthwiseAxis x = cut.X;
        (_mode, _residues, _step, _size, _pitch) = (mode, x.Residues, x.CopyStep, x.Axis.Input, cut.PartPitch);
        _count = (segment.Columns * x.LineStep) + x.Span;
        _first = (((long)segment.First * x.LineStep) + x.First) * _step;
        _before = (int)Math.Clamp(-(_first / _step), 0, _count);
        _lead = (_before + V.Count - 1) / V.Count * V.Count;
        (_even, _odd) = (_residues[0] == 0, _residues[^1] == 1);
        _endsInside = _first + ((_count - 1L) * _step) + _residues[^1] < _size;
    }

    /// <summary>Copies.</summary>
    /// <param name="row">The row's first element.</param>
    /// <param name="slot">Room for the copy, aligned to a vector.</param>
    /// <param name="inputEnd">Behind the last element that may be read.</param>
    /// <returns>Where the first column's first element stands.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float* Run(float* row, float* slot, float* inputEnd)
    {
        if (_step == 2)
            Pairs(row, slot, inputEnd);
        else
        {
            for (int residue = 0; residue < _residues.Length; residue++)
                Part(row, slot + ((nint)residue * _pitch), _residues[residue]);
        }

        float* target = slot + _lead - _before;
        if (_mode != PaddingMode.Zeros)
            Beside(row, target);

        return target;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Part(float* row, float* target, int residue)
    {
        for (int i = 0; i < _lead; i += V.Count)
            V.Zero.Store(target + i);

        target += _lead;
        int left = _count - _before;
        float* source = row + (nint)(_first + ((long)_before * _step) + residue), end = row + _size;
        if (_step == 1)
        {
            for (; left > 0 && source + V.Count <= end; left -= V.Count, source += V.Count, target += V.Count)
                V.Load(source).Store(target);

            if (left > 0 && source < end)
            {
                V.LoadPartial(source, (int)(end - source)).Store(target);
                left -= V.Count;
                target += V.Count;
            }
        }
        else
        {
            for (; left > 0 && source < end; left--, source += _step, target++)
                *target = *source;
        }

        for (; left > 0; left -= V.Count, target += V.Count)
            V.Zero.Store(target);
    }

    // Stride 2: even and odd elements at once. Where only one kind is read, the other is written to the same place first.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pairs(float* row, float* slot, float* inputEnd)
    {
        float* evens = slot, odds = _even && _odd ? slot + _pitch : slot;
        for (int i = 0; i < _lead; i += V.Count, evens += V.Count, odds += V.Count)
        {
            V.Zero.Store(evens);
            V.Zero.Store(odds);
        }

        int left = _count - _before;
        float* source = row + (nint)(_first + (2L * _before)), end = row + _size;
        if (_even && _odd)
        {
            // All of a row or most of it, without a question for each vector: the last one takes as long as three of these.
            int whole = (left + V.Count - 1) / V.Count;
            if (!_endsInside || source + (2L * whole * V.Count) > inputEnd)
                whole = (int)Math.Min(whole, (end - source) / (2 * V.Count));

            left -= whole * V.Count;
            for (; whole > 0; whole--, source += 2 * V.Count, evens += V.Count, odds += V.Count)
            {
                V a = V.Load(source), b = V.Load(source + V.Count);
                V.Even(a, b).Store(evens);
                V.Odd(a, b).Store(odds);
            }
        }

        for (; left > 0 && source < end; left -= V.Count, source += 2 * V.Count, evens += V.Count, odds += V.Count)
        {
            int rest = (int)Math.Min(end - source, 2 * V.Count);
            V a = rest >= V.Count ? V.Load(source) : V.LoadPartial(source, rest);
            V b = rest >= 2 * V.Count ? V.Load(source + V.Count) : V.LoadPartial(source + V.Count, Math.Max(rest - V.Count, 0));
            if (_even)
                V.Even(a, b).Store(evens);
            if (_odd)
                V.Odd(a, b).Store(odds);
        }

        for (; left > 0; left -= V.Count, evens += V.Count, odds += V.Count)
        {
            V.Zero.Store(evens);
            V.Zero.Store(odds);
        }
    }

    // What a padding mode other than zeros puts before and behind the row.
    private void Beside(float* row, float* target)
    {
        for (int residue = 0; residue < _residues.Length; residue++)
        {
            float* part = target + ((nint)residue * _pitch);
            long from = _first + _residues[residue];
            for (int i = 0; i < _count; i++)
            {
                long at = from + ((long)i * _step);
                if (at >= 0 && at < _size)
                {
                    // To the last element in the row.
                    i += (int)Math.Min((_size - 1 - at) / _step, _count);
                    continue;
                }

                part[i] = row[DepthwiseBorder.Source(at, _size, _mode)];
            }
        }
    }
}

/// <summary>What an axis holds outside of its elements.</summary>
internal static class DepthwiseBorder
{
    /// <summary>The index that stands at a place; -1 for zero. Reflection goes back and forth, as a last tile may overhang.</summary>
    public static long Source(long index, int size, PaddingMode mode)
    {
        if ((ulong)index < (ulong)size)
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
