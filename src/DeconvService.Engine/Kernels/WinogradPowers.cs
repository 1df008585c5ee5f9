using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>Outputs of a Winograd tile after the first: sums of powers of the points, for pairs of points of opposite sign.</summary>
internal static unsafe class WinogradPowers
{
    /// <summary>Output <paramref name="i"/> with two pairs, if a tile has so many: <c>a^i atA + b^i atB + bias</c>, the last one with the product at infinity.</summary>
    /// <param name="i">Number of the output.</param>
    /// <param name="a">a^i</param>
    /// <param name="atA">The sum of the products at +-a where i is even, else their difference.</param>
    /// <param name="b">b^i</param>
    /// <param name="atB">The same at +-b.</param>
    /// <param name="last">The product at infinity.</param>
    /// <param name="bias">Added to each output.</param>
    /// <param name="target">Receives it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<V, M>(int i, float a, V atA, float b, V atB, V last, V bias, float* target)
        where V : struct, IVec<V>
        where M : struct, INumberConstant
    {
        if (i >= M.Value)
            return;

        V rest = i == M.Value - 1 ? last + bias : bias;
        V.MultiplyAdd(V.Broadcast(a), atA, V.MultiplyAdd(V.Broadcast(b), atB, rest)).Store(target);
    }

    /// <summary>The same with a third pair +-c, and a = 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<V, M>(int i, V atA, float b, V atB, float c, V atC, V last, V bias, float* target)
        where V : struct, IVec<V>
        where M : struct, INumberConstant
    {
        if (i >= M.Value)
            return;

        V rest = atA + (i == M.Value - 1 ? last + bias : bias);
        V.MultiplyAdd(V.Broadcast(b), atB, V.MultiplyAdd(V.Broadcast(c), atC, rest)).Store(target);
    }
}
