using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>Sizes of register blocks.</summary>
/// <remarks>
/// R rows times N vectors need R * N accumulators, N vectors of the panel and one broadcast: 9 x 3 takes 31 of 32 registers,
/// 4 x 3 all of 16. A panel that has fewer vectors gets more rows instead.
/// </remarks>
internal static class Blocking
{
    /// <summary>The most vectors of a panel.</summary>
    public static int Vectors<V>()
        where V : struct, IVec<V> => 3;

    /// <summary>The most rows beside a panel of so many vectors.</summary>
    public static int Rows<V>(int vectors)
        where V : struct, IVec<V> => Math.Min(MicroKernelTable.MaximumRows, (V.Registers - 1 - vectors) / vectors);
}
