using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>Puts the phases of a transposed convolution together: <c>row[i * phases + p] = sums[p][i]</c>.</summary>
internal static unsafe class Interleaving
{
    /// <summary>Interleaves. Of whole vectors: up to L - 1 elements behind the last are read, and that many for each phase written.</summary>
    /// <param name="sums">The first phase's row.</param>
    /// <param name="phaseStride">Elements from one phase's row to the next.</param>
    /// <param name="phases">Number of phases.</param>
    /// <param name="count">Elements of each.</param>
    /// <param name="row">Receives phases * count elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V>(float* sums, nint phaseStride, int phases, int count, float* row)
        where V : struct, IVec<V>
    {
        switch (phases)
        {
            case 2:
                for (int i = 0; i < count; i += V.Count)
                    Zip(V.Load(sums + i), V.Load(sums + phaseStride + i), row + (2 * i));

                break;
            case 3:
                for (int i = 0; i < count; i += V.Count)
                    V.StoreZipped(V.Load(sums + i), V.Load(sums + phaseStride + i), V.Load(sums + (2 * phaseStride) + i), row + (3 * i));

                break;
            case 4:
                // Phases 0 and 2 make the even elements, 1 and 3 the odd ones.
                for (int i = 0; i < count; i += V.Count)
                {
                    V p0 = V.Load(sums + i), p1 = V.Load(sums + phaseStride + i);
                    V p2 = V.Load(sums + (2 * phaseStride) + i), p3 = V.Load(sums + (3 * phaseStride) + i);
                    Zip(V.ZipLow(p0, p2), V.ZipLow(p1, p3), row + (4 * i));
                    Zip(V.ZipHigh(p0, p2), V.ZipHigh(p1, p3), row + (4 * i) + (2 * V.Count));
                }

                break;
            default:
                for (int p = 0; p < phases; p++, sums += phaseStride, row++)
                {
                    for (int i = 0; i < count; i++)
                        row[i * phases] = sums[i];
                }

                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Zip<V>(V even, V odd, float* row)
        where V : struct, IVec<V>
    {
        V.ZipLow(even, odd).Store(row);
        V.ZipHigh(even, odd).Store(row + V.Count);
    }
}
