using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace DeconvService.Engine.Simd;

/// <summary>4 lanes: NEON, SSE, and whatever .NET makes of it on a machine without vectors.</summary>
internal unsafe struct V128 : IVec<V128>
{
    private Vector128<float> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private V128(Vector128<float> v) => _v = v;

    public static int Count => 4;

    public static int Registers => AdvSimd.IsSupported ? 32 : 16;

    public static V128 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector128<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(ref V128 target, float* source) => target._v = Vector128.Load(source);

    // Only at the ends of rows, so plain code will do.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 LoadPartial(float* source, int count) => count switch
    {
        <= 0 => Zero,
        1 => new(Vector128.CreateScalar(source[0])),
        2 => new(Vector128.Create(source[0], source[1], 0, 0)),
        3 => new(Vector128.Create(source[0], source[1], source[2], 0)),
        _ => Load(source),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* source)
    {
        if (Sse.IsSupported)
            Sse.Prefetch1(source);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Broadcast(float value) => new(Vector128.Create(value));

    // "Estimate" means: fused where there is an instruction for it, else two roundings (and not a slow emulation).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 MultiplyAdd(V128 a, V128 b, V128 c) => new(Vector128.MultiplyAddEstimate(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(ref V128 sum, V128 a, V128 b) => sum._v = Vector128.MultiplyAddEstimate(a._v, b._v, sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(ref V128 sum, V128 a, float b) => sum._v = Vector128.MultiplyAddEstimate(a._v, Vector128.Create(b), sum._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 NegatedMultiplyAdd(V128 a, V128 b, V128 c) => new(Vector128.MultiplyAddEstimate(-a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Max(V128 a, V128 b) => new(Sse.IsSupported ? Sse.Max(a._v, b._v) : Vector128.Max(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Min(V128 a, V128 b) => new(Sse.IsSupported ? Sse.Min(a._v, b._v) : Vector128.Min(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Clamp(V128 value, V128 low, V128 high) =>
        new(Sse.IsSupported ? Sse.Min(high._v, Sse.Max(low._v, value._v)) : Vector128.Min(high._v, Vector128.Max(low._v, value._v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Bound(ref V128 value, V128 low, V128 high) => value._v = Sse.IsSupported ? Sse.Min(high._v, Sse.Max(low._v, value._v)) : Vector128.Min(high._v, Vector128.Max(low._v, value._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 ZipLow(V128 a, V128 b) =>
        new(Sse.IsSupported ? Sse.UnpackLow(a._v, b._v)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a._v, b._v)
            : Vector128.Create(a._v[0], b._v[0], a._v[1], b._v[1]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 ZipHigh(V128 a, V128 b) =>
        new(Sse.IsSupported ? Sse.UnpackHigh(a._v, b._v)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a._v, b._v)
            : Vector128.Create(a._v[2], b._v[2], a._v[3], b._v[3]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeElements(ref V128 a, ref V128 b, ref V128 c, ref V128 d)
    {
        V128 ac = ZipLow(a, c), bd = ZipLow(b, d), ac2 = ZipHigh(a, c), bd2 = ZipHigh(b, d);
        a = ZipLow(ac, bd);
        b = ZipHigh(ac, bd);
        c = ZipLow(ac2, bd2);
        d = ZipHigh(ac2, bd2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void TransposeRuns(ref V128 a, ref V128 b, ref V128 c, ref V128 d)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreZipped(V128 a, V128 b, float* target)
    {
        ZipLow(a, b).Store(target);
        ZipHigh(a, b).Store(target + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreZipped(V128 a, V128 b, float* target, nint* places)
    {
        ZipLow(a, b).Store(target + places[0]);
        ZipHigh(a, b).Store(target + places[1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreZipped(V128 a, V128 b, V128 c, float* target)
    {
        Vector128.Create(a._v[0], b._v[0], c._v[0], a._v[1]).Store(target);
        Vector128.Create(b._v[1], c._v[1], a._v[2], b._v[2]).Store(target + 4);
        Vector128.Create(c._v[2], a._v[3], b._v[3], c._v[3]).Store(target + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Even(V128 a, V128 b) =>
        new(Sse.IsSupported ? Sse.Shuffle(a._v, b._v, 0x88)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.UnzipEven(a._v, b._v)
            : Vector128.Create(a._v[0], a._v[2], b._v[0], b._v[2]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Odd(V128 a, V128 b) =>
        new(Sse.IsSupported ? Sse.Shuffle(a._v, b._v, 0xDD)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.UnzipOdd(a._v, b._v)
            : Vector128.Create(a._v[1], a._v[3], b._v[1], b._v[3]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 Third(V128 a, V128 b, V128 c) => new(Vector128.Create(a._v[0], a._v[3], b._v[2], c._v[1]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 And(V128 value, V128 mask) => new(value._v & mask._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator +(V128 a, V128 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator -(V128 a, V128 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V128 operator *(V128 a, V128 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(float* target) => _v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StorePastCaches(float* target) => _v.StoreAlignedNonTemporal(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StorePartial(float* target, int count)
    {
        if (count >= 4)
            _v.Store(target);
        else
        {
            for (int i = 0; i < count; i++)
                target[i] = _v[i];
        }
    }
}
