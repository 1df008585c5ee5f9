using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>Loads every first, second, third or fourth element, S being the step: <c>v[i] = source[i * S]</c>.</summary>
/// <remarks>
/// S whole vectors are loaded and what is wanted of them is put together, in S - 1 steps; element by element it takes three times as long.
/// </remarks>
internal static unsafe class StridedLoad
{
    /// <summary>The largest step.</summary>
    public const int MaximumStep = 4;

    /// <summary>A whole vector; up to S - 1 elements behind the last one that is wanted are read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V, S>(float* source)
        where V : struct, IVec<V>
        where S : struct, INumberConstant => S.Value switch
        {
            1 => V.Load(source),
            2 => V.Even(V.Load(source), V.Load(source + V.Count)),
            3 => V.Third(V.Load(source), V.Load(source + V.Count), V.Load(source + (2 * V.Count))),
            _ => V.Even(
                V.Even(V.Load(source), V.Load(source + V.Count)),
                V.Even(V.Load(source + (2 * V.Count)), V.Load(source + (3 * V.Count)))),
        };

    /// <summary>The first <paramref name="count"/> lanes, 1 to L; nothing behind the last one that is wanted is read, and the other lanes are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LoadPartial<V, S>(float* source, int count)
        where V : struct, IVec<V>
        where S : struct, INumberConstant
    {
        int left = ((count - 1) * S.Value) + 1;
        return S.Value switch
        {
            1 => Part<V>(source, left, 0),
            2 => V.Even(Part<V>(source, left, 0), Part<V>(source, left, 1)),
            3 => V.Third(Part<V>(source, left, 0), Part<V>(source, left, 1), Part<V>(source, left, 2)),
            _ => V.Even(
                V.Even(Part<V>(source, left, 0), Part<V>(source, left, 1)),
                V.Even(Part<V>(source, left, 2), Part<V>(source, left, 3))),
        };
    }

    // One of the vectors of which so many elements are left in all.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Part<V>(float* source, int left, int number)
        where V : struct, IVec<V>
    {
        left -= number * V.Count;
        return left <= 0 ? V.Zero : V.LoadPartial(source + (number * V.Count), Math.Min(left, V.Count));
    }
}
