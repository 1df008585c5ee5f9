using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>
/// The transforms of Winograd's minimal filtering in one dimension, for tiles of <see cref="Alpha"/> inputs: F(m, r) with
/// <c>m + r - 1 = Alpha</c> computes m outputs of a filter with r taps by Alpha products.
/// </summary>
/// <remarks>
/// <para>
/// Outputs, filter and input are seen as polynomials that are multiplied by their values at Alpha - 1 points and at infinity (Toom-Cook).
/// The points are pairs of opposite sign, and 0 where Alpha is even, because then sums and differences of the even and odd parts serve both of a pair.
/// For the point p, with P the product of <c>x - q</c> over the other finite points q:
/// </para>
/// <code>
///   input    B^T row p   = coefficients of P;                    row infinity = those of the product over all finite points
///   filter   G row p     = [1, p, .. p^(r-1)] / P(p);            row infinity = [0 .. 0 1]     (WinogradFilter)
///   output   A^T row i   = p^i at the finite points;             infinity adds to the last row only
/// </code>
/// <para>
/// B^T does not depend on r, and A^T of a smaller m is a part of that of a larger one, so one transform serves all pairs (m, r) of an Alpha.
/// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016).
/// </para>
/// </remarks>
internal unsafe interface IWinogradTransform
{
    /// <summary>Inputs and products of a tile, along one axis.</summary>
    static abstract int Alpha { get; }

    /// <summary>The finite points in the order of the products.</summary>
    static abstract ReadOnlySpan<double> Points { get; }

    /// <summary>Alpha vectors, <paramref name="sourceStride"/> elements apart, to Alpha transformed ones.</summary>
    static abstract void Input<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V>;

    /// <summary>Alpha products to M outputs, to each of which <paramref name="bias"/> is added.</summary>
    static abstract void Output<V, M>(float* source, nint sourceStride, float* target, nint targetStride, V bias)
        where V : struct, IVec<V>
        where M : struct, INumberConstant;
}

/// <summary>Points 0, 1, infinity: F(2,2), "Karatsuba". The fewest transformed weights, for layers that wait for them.</summary>
internal readonly unsafe struct Winograd3 : IWinogradTransform
{
    public static int Alpha => 3;

    public static ReadOnlySpan<double> Points => [0, 1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V>
    {
        V d0 = V.Load(source), d1 = V.Load(source + sourceStride), d2 = V.Load(source + (2 * sourceStride));
        (d1 - d0).Store(target);
        d1.Store(target + targetStride);
        (d2 - d1).Store(target + (2 * targetStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<V, M>(float* source, nint sourceStride, float* target, nint targetStride, V bias)
        where V : struct, IVec<V>
        where M : struct, INumberConstant
    {
        V one = V.Load(source + sourceStride) + bias;
        (V.Load(source) + one).Store(target);
        (V.Load(source + (2 * sourceStride)) + one).Store(target + targetStride);
    }
}

/// <summary>Points 0, 1, -1, infinity: F(2,3) and F(3,2).</summary>
internal readonly unsafe struct Winograd4 : IWinogradTransform
{
    public static int Alpha => 4;

    public static ReadOnlySpan<double> Points => [0, 1, -1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V>
    {
        V d0 = V.Load(source), d1 = V.Load(source + sourceStride), d2 = V.Load(source + (2 * sourceStride)), d3 = V.Load(source + (3 * sourceStride));
        (d2 - d0).Store(target);
        (d2 + d1).Store(target + targetStride);
        (d2 - d1).Store(target + (2 * targetStride));
        (d3 - d1).Store(target + (3 * targetStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<V, M>(float* source, nint sourceStride, float* target, nint targetStride, V bias)
        where V : struct, IVec<V>
        where M : struct, INumberConstant
    {
        V zero = V.Load(source) + bias;
        V plus = V.Load(source + sourceStride), minus = V.Load(source + (2 * sourceStride));
        V last = V.Load(source + (3 * sourceStride));
        V sum = plus + minus, difference = (plus - minus) + bias;
        (zero + sum).Store(target);
        if (M.Value == 2)
            (difference + last).Store(target + targetStride);
        if (M.Value == 3)
        {
            difference.Store(target + targetStride);
            (sum + bias + last).Store(target + (2 * targetStride));
        }
    }
}

/// <summary>Points +-a, +-b, infinity with a = 3/8, b = 5/4: F(3,3), whose tiles long kernels share, and F(4,2).</summary>
/// <remarks>
/// Without 0 there are pairs only. Of the fractions by eighths these have the smallest error, less than half of that of 0, 1, -1, 2;
/// for F(4,2) two thirds.
/// </remarks>
internal readonly unsafe struct Winograd5 : IWinogradTransform
{
    private const float A1 = 3f / 8, A2 = A1 * A1, A3 = A2 * A1;
    private const float B1 = 5f / 4, B2 = B1 * B1, B3 = B2 * B1;

    public static int Alpha => 5;

    public static ReadOnlySpan<double> Points => [A1, -A1, B1, -B1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V>
    {
        V d0 = V.Load(source), d1 = V.Load(source + sourceStride), d2 = V.Load(source + (2 * sourceStride));
        V d3 = V.Load(source + (3 * sourceStride)), d4 = V.Load(source + (4 * sourceStride));
        V a2 = V.Broadcast(A2), b2 = V.Broadcast(B2);

        // +-a: (x +- a)(x^2 - b^2);  +-b: (x +- b)(x^2 - a^2);  infinity: (x^2 - a^2)(x^2 - b^2)
        V odd = V.NegatedMultiplyAdd(b2, d1, d3), even = V.Broadcast(A1) * V.NegatedMultiplyAdd(b2, d0, d2);
        (odd + even).Store(target);
        (odd - even).Store(target + targetStride);
        odd = V.NegatedMultiplyAdd(a2, d1, d3);
        even = V.Broadcast(B1) * V.NegatedMultiplyAdd(a2, d0, d2);
        (odd + even).Store(target + (2 * targetStride));
        (odd - even).Store(target + (3 * targetStride));
        V.MultiplyAdd(V.Broadcast(A2 * B2), d0, V.NegatedMultiplyAdd(V.Broadcast(A2 + B2), d2, d4)).Store(target + (4 * targetStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<V, M>(float* source, nint sourceStride, float* target, nint targetStride, V bias)
        where V : struct, IVec<V>
        where M : struct, INumberConstant
    {
        V plus = V.Load(source), minus = V.Load(source + sourceStride), last = V.Load(source + (4 * sourceStride));
        V sumA = plus + minus, differenceA = plus - minus;
        plus = V.Load(source + (2 * sourceStride));
        minus = V.Load(source + (3 * sourceStride));
        V sumB = plus + minus, differenceB = plus - minus;
        (bias + sumA + sumB).Store(target);
        WinogradPowers.Add<V, M>(1, A1, differenceA, B1, differenceB, last, bias, target + targetStride);
        WinogradPowers.Add<V, M>(2, A2, sumA, B2, sumB, last, bias, target + (2 * targetStride));
        WinogradPowers.Add<V, M>(3, A3, differenceA, B3, differenceB, last, bias, target + (3 * targetStride));
    }
}

/// <summary>
/// Points 0, +-a, +-b, infinity with a = 5/8, b = 3/2: F(4,3), F(3,4), F(5,2), F(2,5).
/// </summary>
/// <remarks>
/// The usual points 1 and 2 need the same operations and give twice the error; these are fractions that float32 holds exactly.
/// (Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks", 2020, on the choice of points.)
/// </remarks>
internal readonly unsafe struct Winograd6 : IWinogradTransform
{
    private const float A1 = 5f / 8, A2 = A1 * A1, A3 = A2 * A1, A4 = A2 * A2;
    private const float B1 = 3f / 2, B2 = B1 * B1, B3 = B2 * B1, B4 = B2 * B2;

    public static int Alpha => 6;

    public static ReadOnlySpan<double> Points => [0, A1, -A1, B1, -B1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V>
    {
        V d1 = V.Load(source + sourceStride), d2 = V.Load(source + (2 * sourceStride));
        V d3 = V.Load(source + (3 * sourceStride)), d4 = V.Load(source + (4 * sourceStride));
        ZeroAndA(V.Load(source), d1, d2, d3, d4, out V first, out V second, out V third);
        first.Store(target);
        second.Store(target + targetStride);
        third.Store(target + (2 * targetStride));
        BAndInfinity(d1, d2, d3, d4, V.Load(source + (5 * sourceStride)), out first, out second, out third);
        first.Store(target + (3 * targetStride));
        second.Store(target + (4 * targetStride));
        third.Store(target + (5 * targetStride));
    }

    /// <summary>The inputs at 0 and +-a: <c>(x^2 - a^2)(x^2 - b^2)</c> and <c>x (x +- a)(x^2 - b^2)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ZeroAndA<V>(V d0, V d1, V d2, V d3, V d4, out V zero, out V plus, out V minus)
        where V : struct, IVec<V>
    {
        V even = V.NegatedMultiplyAdd(V.Broadcast(B2), d2, d4), odd = V.Broadcast(A1) * V.NegatedMultiplyAdd(V.Broadcast(B2), d1, d3);
        zero = V.MultiplyAdd(V.Broadcast(A2 * B2), d0, V.NegatedMultiplyAdd(V.Broadcast(A2 + B2), d2, d4));
        plus = even + odd;
        minus = even - odd;
    }

    /// <summary>The inputs at +-b and infinity: <c>x (x +- b)(x^2 - a^2)</c>, and x times that at 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BAndInfinity<V>(V d1, V d2, V d3, V d4, V d5, out V plus, out V minus, out V infinity)
        where V : struct, IVec<V>
    {
        V even = V.NegatedMultiplyAdd(V.Broadcast(A2), d2, d4), odd = V.Broadcast(B1) * V.NegatedMultiplyAdd(V.Broadcast(A2), d1, d3);
        plus = even + odd;
        minus = even - odd;
        infinity = V.MultiplyAdd(V.Broadcast(A2 * B2), d1, V.NegatedMultiplyAdd(V.Broadcast(A2 + B2), d3, d5));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<V, M>(float* source, nint sourceStride, float* target, nint targetStride, V bias)
        where V : struct, IVec<V>
        where M : struct, INumberConstant
    {
        V zero = V.Load(source) + bias, last = V.Load(source + (5 * sourceStride));
        V plus = V.Load(source + sourceStride), minus = V.Load(source + (2 * sourceStride));
        V sumA = plus + minus, differenceA = plus - minus;
        plus = V.Load(source + (3 * sourceStride));
        minus = V.Load(source + (4 * sourceStride));
        V sumB = plus + minus, differenceB = plus - minus;
        (zero + sumA + sumB).Store(target);
        WinogradPowers.Add<V, M>(1, A1, differenceA, B1, differenceB, last, bias, target + targetStride);
        WinogradPowers.Add<V, M>(2, A2, sumA, B2, sumB, last, bias, target + (2 * targetStride));
        WinogradPowers.Add<V, M>(3, A3, differenceA, B3, differenceB, last, bias, target + (3 * targetStride));
        WinogradPowers.Add<V, M>(4, A4, sumA, B4, sumB, last, bias, target + (4 * targetStride));
    }
}

/// <summary>Points 0, +-1, +-2, +-1/2, infinity: F(4,5), F(5,4), F(2,7), F(6,3). Fewest products, largest error; no other fractions by eighths do better.</summary>
internal readonly unsafe struct Winograd8 : IWinogradTransform
{
    private const float A = 1, B = 2, C = 0.5f, A2 = A * A, B2 = B * B, C2 = C * C;

    public static int Alpha => 8;

    public static ReadOnlySpan<double> Points => [0, A, -A, B, -B, C, -C];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V>
    {
        V d0 = V.Load(source), d1 = V.Load(source + sourceStride), d2 = V.Load(source + (2 * sourceStride)), d3 = V.Load(source + (3 * sourceStride));
        source += 4 * sourceStride;
        V d4 = V.Load(source), d5 = V.Load(source + sourceStride), d6 = V.Load(source + (2 * sourceStride)), d7 = V.Load(source + (3 * sourceStride));

        // (x^2 - a^2)(x^2 - b^2)(x^2 - c^2) = x^6 - e1 x^4 + e2 x^2 - e3
        V e1 = V.Broadcast(A2 + B2 + C2), e2 = V.Broadcast((A2 * B2) + (A2 * C2) + (B2 * C2)), e3 = V.Broadcast(A2 * B2 * C2);
        V.NegatedMultiplyAdd(e3, d0, V.MultiplyAdd(e2, d2, V.NegatedMultiplyAdd(e1, d4, d6))).Store(target);
        V.NegatedMultiplyAdd(e3, d1, V.MultiplyAdd(e2, d3, V.NegatedMultiplyAdd(e1, d5, d7))).Store(target + (7 * targetStride));
        Pair(A, B2, C2, d1, d2, d3, d4, d5, d6, target + targetStride, targetStride);
        Pair(B, A2, C2, d1, d2, d3, d4, d5, d6, target + (3 * targetStride), targetStride);
        Pair(C, A2, B2, d1, d2, d3, d4, d5, d6, target + (5 * targetStride), targetStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<V, M>(float* source, nint sourceStride, float* target, nint targetStride, V bias)
        where V : struct, IVec<V>
        where M : struct, INumberConstant
    {
        V zero = V.Load(source) + bias, last = V.Load(source + (7 * sourceStride));
        V plus = V.Load(source + sourceStride), minus = V.Load(source + (2 * sourceStride));
        V sumA = plus + minus, differenceA = plus - minus;
        plus = V.Load(source + (3 * sourceStride));
        minus = V.Load(source + (4 * sourceStride));
        V sumB = plus + minus, differenceB = plus - minus;
        plus = V.Load(source + (5 * sourceStride));
        minus = V.Load(source + (6 * sourceStride));
        V sumC = plus + minus, differenceC = plus - minus;
        (zero + sumA + (sumB + sumC)).Store(target);
        WinogradPowers.Add<V, M>(1, differenceA, B, differenceB, C, differenceC, last, bias, target + targetStride);
        WinogradPowers.Add<V, M>(2, sumA, B2, sumB, C2, sumC, last, bias, target + (2 * targetStride));
        WinogradPowers.Add<V, M>(3, differenceA, B2 * B, differenceB, C2 * C, differenceC, last, bias, target + (3 * targetStride));
        WinogradPowers.Add<V, M>(4, sumA, B2 * B2, sumB, C2 * C2, sumC, last, bias, target + (4 * targetStride));
        WinogradPowers.Add<V, M>(5, differenceA, B2 * B2 * B, differenceB, C2 * C2 * C, differenceC, last, bias, target + (5 * targetStride));
    }

    // The points p and -p: x (x +- p)(x^2 - q^2)(x^2 - r^2)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pair<V>(float p, float q2, float r2, V d1, V d2, V d3, V d4, V d5, V d6, float* target, nint stride)
        where V : struct, IVec<V>
    {
        V sum = V.Broadcast(q2 + r2), product = V.Broadcast(q2 * r2);
        V even = V.MultiplyAdd(product, d2, V.NegatedMultiplyAdd(sum, d4, d6));
        V odd = V.Broadcast(p) * V.MultiplyAdd(product, d1, V.NegatedMultiplyAdd(sum, d3, d5));
        (even + odd).Store(target);
        (even - odd).Store(target + stride);
    }
}

/// <summary>An axis that is not transformed: one input, one product, one output, F(1,1).</summary>
internal readonly unsafe struct Winograd1 : IWinogradTransform
{
    public static int Alpha => 1;

    public static ReadOnlySpan<double> Points => [];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V> => V.Load(source).Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<V, M>(float* source, nint sourceStride, float* target, nint targetStride, V bias)
        where V : struct, IVec<V>
        where M : struct, INumberConstant => (V.Load(source) + bias).Store(target);
}
