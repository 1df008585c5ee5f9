using System.Diagnostics;
using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Benchmarks.Layers;

/// <summary>The most multiply-adds that one core does: a loop of nothing else.</summary>
internal static unsafe class Peak
{
    private const int Steps = 100_000;

    /// <summary>Billions of floating-point operations a second of one core; the best of 50 tries.</summary>
    public static double Measure(SimdLevel level) => level switch
    {
        SimdLevel.Vector512 => Measure<V512>(),
        SimdLevel.Vector256 => Measure<V256>(),
        _ => Measure<V128>(),
    };

    private static double Measure<V>()
        where V : struct, IVec<V>
    {
        double best = 0;
        float* sink = stackalloc float[V.Count];
        for (int i = 0; i < 50; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Loop<V>(sink);
            best = Math.Max(best, 12.0 * 2 * V.Count * Steps / Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }

        return best;
    }

    // Twelve sums that do not wait for each other: more than latency times throughput of any machine known.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Loop<V>(float* sink)
        where V : struct, IVec<V>
    {
        V a = V.Broadcast(0.5f), b = V.Broadcast(0.25f);
        V c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a;
        for (int i = 0; i < Steps; i++)
        {
            c0 = V.MultiplyAdd(c0, a, b);
            c1 = V.MultiplyAdd(c1, a, b);
            c2 = V.MultiplyAdd(c2, a, b);
            c3 = V.MultiplyAdd(c3, a, b);
            c4 = V.MultiplyAdd(c4, a, b);
            c5 = V.MultiplyAdd(c5, a, b);
            c6 = V.MultiplyAdd(c6, a, b);
            c7 = V.MultiplyAdd(c7, a, b);
            c8 = V.MultiplyAdd(c8, a, b);
            c9 = V.MultiplyAdd(c9, a, b);
            c10 = V.MultiplyAdd(c10, a, b);
            c11 = V.MultiplyAdd(c11, a, b);
        }

        (c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11).Store(sink);
    }
}
