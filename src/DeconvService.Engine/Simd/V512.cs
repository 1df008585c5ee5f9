using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DeconvService.Engine.Simd;

/// <summary>16 lanes: AVX-512.</summary>
internal unsafe struct V512 : IVec<V512>
{
    private Vector512<float> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private V512(Vector512<float> v) => _v = v;

    public static int Count => 16;

    public static int Registers => 32;

    public static V512 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector512<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(ref V512 target, float* source) => target._v = Vector512.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 LoadPartial(float* source, int count) => new(Avx512F.MaskLoad(source, Mask(count), Vector512<float>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* source) => Sse.Prefetch1(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 MultiplyAdd(V512 a, V512 b, V512 c) => new(Avx512F.FusedMultiplyAdd(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(ref V512 sum, V512 a, V512 b) => sum._v = Avx512F.FusedMultiplyAdd(a._v, b._v, sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(ref V512 sum, V512 a, float b) => sum._v = Avx512F.FusedMultiplyAdd(a._v, Vector512.Create(b), sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 NegatedMultiplyAdd(V512 a, V512 b, V512 c) => new(Avx512F.FusedMultiplyAddNegated(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Max(V512 a, V512 b) => new(Avx512F.Max(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Min(V512 a, V512 b) => new(Avx512F.Min(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Clamp(V512 value, V512 low, V512 high) => new(Avx512F.Min(high._v, Avx512F.Max(low._v, value._v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Bound(ref V512 value, V512 low, V512 high) => value._v = Avx512F.Min(high._v, Avx512F.Max(low._v, value._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 ZipLow(V512 a, V512 b) =>
        new(Avx512F.PermuteVar16x32x2(a._v, Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 ZipHigh(V512 a, V512 b) =>
        new(Avx512F.PermuteVar16x32x2(a._v, Vector512.Create(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), b._v));

    // Within runs of four lanes: a shuffle of the whole vector takes twice as long as one that stays inside of them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeElements(ref V512 a, ref V512 b, ref V512 c, ref V512 d)
    {
        Vector512<double> ab = Avx512F.UnpackLow(a._v, b._v).AsDouble(), cd = Avx512F.UnpackLow(c._v, d._v).AsDouble();
        Vector512<double> ab2 = Avx512F.UnpackHigh(a._v, b._v).AsDouble(), cd2 = Avx512F.UnpackHigh(c._v, d._v).AsDouble();
        a = new(Avx512F.UnpackLow(ab, cd).AsSingle());
        b = new(Avx512F.UnpackHigh(ab, cd).AsSingle());
        c = new(Avx512F.UnpackLow(ab2, cd2).AsSingle());
        d = new(Avx512F.UnpackHigh(ab2, cd2).AsSingle());
    }

    // Runs 0 and 2 of two vectors are 0x88, runs 1 and 3 are 0xDD.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeRuns(ref V512 a, ref V512 b, ref V512 c, ref V512 d)
    {
        Vector512<float> even = Avx512F.Shuffle4x128(a._v, b._v, 0x88), even2 = Avx512F.Shuffle4x128(c._v, d._v, 0x88);
        Vector512<float> odd = Avx512F.Shuffle4x128(a._v, b._v, 0xDD), odd2 = Avx512F.Shuffle4x128(c._v, d._v, 0xDD);
        a = new(Avx512F.Shuffle4x128(even, even2, 0x88));
        b = new(Avx512F.Shuffle4x128(odd, odd2, 0x88));
        c = new(Avx512F.Shuffle4x128(even, even2, 0xDD));
        d = new(Avx512F.Shuffle4x128(odd, odd2, 0xDD));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreZipped(V512 a, V512 b, float* target)
    {
        ZipLow(a, b).Store(target);
        ZipHigh(a, b).Store(target + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreZipped(V512 a, V512 b, float* target, nint* places)
    {
        // They interleave within runs of four lanes: no order is to be restored if each goes to its own place. The JIT interleaves once, without
        // local variables, of which kernels have none to spare.
        Avx512F.ExtractVector128(Avx512F.UnpackLow(a._v, b._v), 0).Store(target + places[0]);
        Avx512F.ExtractVector128(Avx512F.UnpackHigh(a._v, b._v), 0).Store(target + places[1]);
        Avx512F.ExtractVector128(Avx512F.UnpackLow(a._v, b._v), 1).Store(target + places[2]);
        Avx512F.ExtractVector128(Avx512F.UnpackHigh(a._v, b._v), 1).Store(target + places[3]);
        Avx512F.ExtractVector128(Avx512F.UnpackLow(a._v, b._v), 2).Store(target + places[4]);
        Avx512F.ExtractVector128(Avx512F.UnpackHigh(a._v, b._v), 2).Store(target + places[5]);
        Avx512F.ExtractVector128(Avx512F.UnpackLow(a._v, b._v), 3).Store(target + places[6]);
        Avx512F.ExtractVector128(Avx512F.UnpackHigh(a._v, b._v), 3).Store(target + places[7]);
    }

    // Two of the three at first, with gaps for the third.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreZipped(V512 a, V512 b, V512 c, float* target)
    {
        Vector512<float> ab0 = Avx512F.PermuteVar16x32x2(a._v, Vector512.Create(0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5), b._v);
        Avx512F.PermuteVar16x32x2(ab0, Vector512.Create(0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15), c._v).Store(target);
        Vector512<float> ab1 = Avx512F.PermuteVar16x32x2(a._v, Vector512.Create(21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26), b._v);
        Avx512F.PermuteVar16x32x2(ab1, Vector512.Create(0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), c._v).Store(target + 16);
        Vector512<float> ab2 = Avx512F.PermuteVar16x32x2(a._v, Vector512.Create(0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0), b._v);
        Avx512F.PermuteVar16x32x2(ab2, Vector512.Create(26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), c._v).Store(target + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Even(V512 a, V512 b) =>
        new(Avx512F.PermuteVar16x32x2(a._v, Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Odd(V512 a, V512 b) =>
        new(Avx512F.PermuteVar16x32x2(a._v, Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 Third(V512 a, V512 b, V512 c)
    {
        Vector512<float> ab = Avx512F.PermuteVar16x32x2(a._v, Vector512.Create(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0), b._v);
        return new(Avx512F.PermuteVar16x32x2(ab, Vector512.Create(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29), c._v));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 And(V512 value, V512 mask) => new(value._v & mask._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator +(V512 a, V512 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator -(V512 a, V512 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V512 operator *(V512 a, V512 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(float* target) => _v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StorePastCaches(float* target) => _v.StoreAlignedNonTemporal(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StorePartial(float* target, int count) => Avx512F.MaskStore(target, Mask(count), _v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Mask(int count) =>
        Vector512.LessThan(Vector512.Create(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), Vector512.Create(count)).AsSingle();
}
