using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DeconvService.Engine.Simd;

/// <summary>8 lanes: AVX2 with FMA.</summary>
internal unsafe struct V256 : IVec<V256>
{
    private Vector256<float> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private V256(Vector256<float> v) => _v = v;

    public static int Count => 8;

    public static int Registers => 16;

    public static V256 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector256<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(ref V256 target, float* source) => target._v = Vector256.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 LoadPartial(float* source, int count) => new(Avx.MaskLoad(source, Mask(count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* source) => Sse.Prefetch1(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 MultiplyAdd(V256 a, V256 b, V256 c) => new(Fma.MultiplyAdd(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(ref V256 sum, V256 a, V256 b) => sum._v = Fma.MultiplyAdd(a._v, b._v, sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(ref V256 sum, V256 a, float b) => sum._v = Fma.MultiplyAdd(a._v, Vector256.Create(b), sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 NegatedMultiplyAdd(V256 a, V256 b, V256 c) => new(Fma.MultiplyAddNegated(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Max(V256 a, V256 b) => new(Avx.Max(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Min(V256 a, V256 b) => new(Avx.Min(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Clamp(V256 value, V256 low, V256 high) => new(Avx.Min(high._v, Avx.Max(low._v, value._v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Bound(ref V256 value, V256 low, V256 high) => value._v = Avx.Min(high._v, Avx.Max(low._v, value._v));

    // AVX interleaves within halves of 128 bits; the halves are put together afterwards.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 ZipLow(V256 a, V256 b) => new(Avx.Permute2x128(Avx.UnpackLow(a._v, b._v), Avx.UnpackHigh(a._v, b._v), 0x20));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 ZipHigh(V256 a, V256 b) => new(Avx.Permute2x128(Avx.UnpackLow(a._v, b._v), Avx.UnpackHigh(a._v, b._v), 0x31));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeElements(ref V256 a, ref V256 b, ref V256 c, ref V256 d)
    {
        Vector256<double> ab = Avx.UnpackLow(a._v, b._v).AsDouble(), cd = Avx.UnpackLow(c._v, d._v).AsDouble();
        Vector256<double> ab2 = Avx.UnpackHigh(a._v, b._v).AsDouble(), cd2 = Avx.UnpackHigh(c._v, d._v).AsDouble();
        a = new(Avx.UnpackLow(ab, cd).AsSingle());
        b = new(Avx.UnpackHigh(ab, cd).AsSingle());
        c = new(Avx.UnpackLow(ab2, cd2).AsSingle());
        d = new(Avx.UnpackHigh(ab2, cd2).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeRuns(ref V256 a, ref V256 b, ref V256 c, ref V256 d)
    {
        V256 first = new(Avx.Permute2x128(a._v, b._v, 0x20));
        b = new(Avx.Permute2x128(a._v, b._v, 0x31));
        a = first;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreZipped(V256 a, V256 b, float* target)
    {
        Vector256<float> low = Avx.UnpackLow(a._v, b._v), high = Avx.UnpackHigh(a._v, b._v);
        Avx.Permute2x128(low, high, 0x20).Store(target);
        Avx.Permute2x128(low, high, 0x31).Store(target + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreZipped(V256 a, V256 b, float* target, nint* places)
    {
        Vector256<float> even = Avx.UnpackLow(a._v, b._v), odd = Avx.UnpackHigh(a._v, b._v);
        even.GetLower().Store(target + places[0]);
        odd.GetLower().Store(target + places[1]);
        even.GetUpper().Store(target + places[2]);
        odd.GetUpper().Store(target + places[3]);
    }

    // Element q / 3 of one of the three for each place q.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreZipped(V256 a, V256 b, V256 c, float* target)
    {
        Vector256<int> first = Vector256.Create(0, 0, 0, 1, 1, 1, 2, 2), second = Vector256.Create(2, 3, 3, 3, 4, 4, 4, 5), third = Vector256.Create(5, 5, 6, 6, 6, 7, 7, 7);
        Avx.Blend(Avx.Blend(Avx2.PermuteVar8x32(a._v, first), Avx2.PermuteVar8x32(b._v, first), 0x92), Avx2.PermuteVar8x32(c._v, first), 0x24).Store(target);
        Avx.Blend(Avx.Blend(Avx2.PermuteVar8x32(a._v, second), Avx2.PermuteVar8x32(b._v, second), 0x24), Avx2.PermuteVar8x32(c._v, second), 0x49).Store(target + 8);
        Avx.Blend(Avx.Blend(Avx2.PermuteVar8x32(a._v, third), Avx2.PermuteVar8x32(b._v, third), 0x49), Avx2.PermuteVar8x32(c._v, third), 0x92).Store(target + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Even(V256 a, V256 b) => new(Avx2.Permute4x64(Avx.Shuffle(a._v, b._v, 0x88).AsDouble(), 0xD8).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Odd(V256 a, V256 b) => new(Avx2.Permute4x64(Avx.Shuffle(a._v, b._v, 0xDD).AsDouble(), 0xD8).AsSingle());

    // No two of the eight are in the same lane: a0 b1 c2 a3 b4 c5 a6 b7, which is then put in order.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 Third(V256 a, V256 b, V256 c) =>
        new(Avx2.PermuteVar8x32(Avx.Blend(Avx.Blend(a._v, b._v, 0x92), c._v, 0x24), Vector256.Create(0, 3, 6, 1, 4, 7, 2, 5)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 And(V256 value, V256 mask) => new(value._v & mask._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator +(V256 a, V256 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator -(V256 a, V256 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V256 operator *(V256 a, V256 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(float* target) => _v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StorePastCaches(float* target) => _v.StoreAlignedNonTemporal(target);

    // In pieces of 4, 2 and 1: the instruction that stores under a mask takes 13 cycles on Zen 4, these take four or five.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StorePartial(float* target, int count)
    {
        if (count >= Count)
        {
            _v.Store(target);
            return;
        }

        Vector128<float> rest = _v.GetLower();
        if ((count & 4) != 0)
        {
            rest.Store(target);
            target += 4;
            rest = _v.GetUpper();
        }

        if ((count & 2) != 0)
        {
            Sse.StoreLow(target, rest);
            target += 2;
            rest = Sse.MoveHighToLow(rest, rest);
        }

        if ((count & 1) != 0)
            *target = rest.ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Mask(int count) =>
        Vector256.LessThan(Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7), Vector256.Create(count)).AsSingle();
}
