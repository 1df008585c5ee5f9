using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>
/// <see cref="WinogradTile{V, TH, TW}.Input"/> with <see cref="Winograd6"/> on both axes, as of F(4x4,3x3), where three of the six rows at a
/// time fit the registers between the two passes. In memory, writing them there took a third of the time.
/// </summary>
internal static unsafe class WinogradTile6<V>
    where V : struct, IVec<V>
{
    /// <summary><c>B^T d B</c> of one tile.</summary>
    /// <param name="source">The tile's first input.</param>
    /// <param name="rowStride">Elements from row to row.</param>
    /// <param name="columnStride">Elements from column to column.</param>
    /// <param name="target">Receives 6 * 6 vectors, row by row.</param>
    /// <param name="pointStride">Elements from one to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Input(float* source, nint rowStride, nint columnStride, float* target, nint pointStride)
    {
        UpperRows(source, rowStride, columnStride, target, pointStride);
        LowerRows(source + rowStride, rowStride, columnStride, target + (18 * pointStride), pointStride);
    }

    // In one method with the lower rows the JIT stops inlining halfway, and vectors go through memory.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void UpperRows(float* source, nint rowStride, nint columnStride, float* target, nint pointStride)
    {
        UpperColumn(source, rowStride, out V a0, out V b0, out V c0);
        UpperColumn(source + columnStride, rowStride, out V a1, out V b1, out V c1);
        UpperColumn(source + (2 * columnStride), rowStride, out V a2, out V b2, out V c2);
        UpperColumn(source + (3 * columnStride), rowStride, out V a3, out V b3, out V c3);
        UpperColumn(source + (4 * columnStride), rowStride, out V a4, out V b4, out V c4);
        UpperColumn(source + (5 * columnStride), rowStride, out V a5, out V b5, out V c5);
        Row(a0, a1, a2, a3, a4, a5, target, pointStride);
        Row(b0, b1, b2, b3, b4, b5, target + (6 * pointStride), pointStride);
        Row(c0, c1, c2, c3, c4, c5, target + (12 * pointStride), pointStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void LowerRows(float* source, nint rowStride, nint columnStride, float* target, nint pointStride)
    {
        LowerColumn(source, rowStride, out V a0, out V b0, out V c0);
        LowerColumn(source + columnStride, rowStride, out V a1, out V b1, out V c1);
        LowerColumn(source + (2 * columnStride), rowStride, out V a2, out V b2, out V c2);
        LowerColumn(source + (3 * columnStride), rowStride, out V a3, out V b3, out V c3);
        LowerColumn(source + (4 * columnStride), rowStride, out V a4, out V b4, out V c4);
        LowerColumn(source + (5 * columnStride), rowStride, out V a5, out V b5, out V c5);
        Row(a0, a1, a2, a3, a4, a5, target, pointStride);
        Row(b0, b1, b2, b3, b4, b5, target + (6 * pointStride), pointStride);
        Row(c0, c1, c2, c3, c4, c5, target + (12 * pointStride), pointStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void UpperColumn(float* d, nint stride, out V a, out V b, out V c) =>
        Winograd6.ZeroAndA(V.Load(d), V.Load(d + stride), V.Load(d + (2 * stride)), V.Load(d + (3 * stride)), V.Load(d + (4 * stride)), out a, out b, out c);

    // From the second row on; the first is not needed.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LowerColumn(float* d, nint stride, out V a, out V b, out V c) =>
        Winograd6.BAndInfinity(V.Load(d), V.Load(d + stride), V.Load(d + (2 * stride)), V.Load(d + (3 * stride)), V.Load(d + (4 * stride)), out a, out b, out c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(V d0, V d1, V d2, V d3, V d4, V d5, float* target, nint stride)
    {
        Winograd6.ZeroAndA(d0, d1, d2, d3, d4, out V first, out V second, out V third);
        first.Store(target);
        second.Store(target + stride);
        third.Store(target + (2 * stride));
        Winograd6.BAndInfinity(d1, d2, d3, d4, d5, out first, out second, out third);
        first.Store(target + (3 * stride));
        second.Store(target + (4 * stride));
        third.Store(target + (5 * stride));
    }
}
