using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DeconvService.Engine.Simd;

/// <summary>The width of the vectors that kernels compute with.</summary>
public enum SimdLevel
{
    /// <summary>128 bits: NEON, SSE, and machines without vectors.</summary>
    Vector128,

    /// <summary>256 bits: AVX2 with FMA.</summary>
    Vector256,

    /// <summary>512 bits: AVX-512.</summary>
    Vector512,
}

/// <summary>Which widths this machine has.</summary>
public static class SimdLevels
{
    /// <summary>The widest.</summary>
    public static SimdLevel Best { get; } =
        Avx512F.IsSupported && Vector512.IsHardwareAccelerated ? SimdLevel.Vector512
        : Avx2.IsSupported && Fma.IsSupported ? SimdLevel.Vector256
        : SimdLevel.Vector128;

    /// <summary>All of them, narrowest first.</summary>
    public static IReadOnlyList<SimdLevel> Supported { get; } = [.. Enum.GetValues<SimdLevel>().Where(level => level <= Best)];
}
