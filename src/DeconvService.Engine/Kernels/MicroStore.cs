using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>
/// How <see cref="MicroKernel"/> stores two rows, a and b, of up to three vectors. The number of the first is known to the JIT: "if" is decided
/// when it compiles.
/// </summary>
internal static unsafe class MicroStore
{
    /// <summary>Sums, a row for each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Plain<V, R, N>(int row, float* c, nint rowStride, ref V a0, ref V a1, ref V a2, ref V b0, ref V b1, ref V b2)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where N : struct, INumberConstant
    {
        if (row >= R.Value)
            return;

        c += row * rowStride;
        a0.Store(c);
        if (N.Value > 1)
            a1.Store(c + V.Count);
        if (N.Value > 2)
            a2.Store(c + (2 * V.Count));
        if (row + 1 >= R.Value)
            return;

        c += rowStride;
        b0.Store(c);
        if (N.Value > 1)
            b1.Store(c + V.Count);
        if (N.Value > 2)
            b2.Store(c + (2 * V.Count));
    }

    /// <summary>Sums between bounds, a row for each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Outputs<V, R, N>(int row, V low, V high, float* c, nint rowStride, ref V a0, ref V a1, ref V a2, ref V b0, ref V b1, ref V b2)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where N : struct, INumberConstant
    {
        if (row >= R.Value)
            return;

        Bound(low, high, ref a0, ref a1, ref a2, ref b0, ref b1, ref b2);
        Plain<V, R, N>(row, c, rowStride, ref a0, ref a1, ref a2, ref b0, ref b1, ref b2);
    }

    /// <summary>Sums between bounds, both as one row in which their elements alternate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ZippedOutputs<V, R, N>(int row, V low, V high, float* c, nint rowStride, ref V a0, ref V a1, ref V a2, ref V b0, ref V b1, ref V b2)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where N : struct, INumberConstant
    {
        if (row >= R.Value)
            return;

        Bound(low, high, ref a0, ref a1, ref a2, ref b0, ref b1, ref b2);
        c += row / 2 * rowStride;
        V.StoreZipped(a0, b0, c);
        if (N.Value > 1)
            V.StoreZipped(a1, b1, c + (2 * V.Count));
        if (N.Value > 2)
            V.StoreZipped(a2, b2, c + (4 * V.Count));
    }

    /// <summary>As <see cref="ZippedOutputs"/>, but each four elements have their own place, for lines of outputs that end within a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ZippedFours<V, R, N>(
        int row, V low, V high, float* c, nint rowStride, nint* fours, ref V a0, ref V a1, ref V a2, ref V b0, ref V b1, ref V b2)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where N : struct, INumberConstant
    {
        if (row >= R.Value)
            return;

        Bound(low, high, ref a0, ref a1, ref a2, ref b0, ref b1, ref b2);
        c += row / 2 * rowStride;
        V.StoreZipped(a0, b0, c, fours);
        if (N.Value > 1)
            V.StoreZipped(a1, b1, c, fours + (V.Count / 2));
        if (N.Value > 2)
            V.StoreZipped(a2, b2, c, fours + V.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Bound<V>(V low, V high, ref V a0, ref V a1, ref V a2, ref V b0, ref V b1, ref V b2)
        where V : struct, IVec<V>
    {
        V.Bound(ref a0, low, high);
        V.Bound(ref a1, low, high);
        V.Bound(ref a2, low, high);
        V.Bound(ref b0, low, high);
        V.Bound(ref b1, low, high);
        V.Bound(ref b2, low, high);
    }
}
