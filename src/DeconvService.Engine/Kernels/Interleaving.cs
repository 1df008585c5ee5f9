using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>Puts the phases of a transposed convolution together: <c>row[i * phases + p] = sums[p][i]</c>.</summary>
internal static unsafe class Interleaving
{
    /// <summary>Interleaves.</summary>
    /// <param name="sums">The first phase's row.</param>
    /// <param name="phaseStride">Elements from one phase's row to the next.</param>
    /// <param name="phases">Number of phases.</param>
    /// <param name="count">Elements of each.</param>
    /// <param name="row">Receives phases * count elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V>(float* sums, nint phaseStride, int phases, int count, float* row)
        where V : struct, IVec<V>
    {
        if (phases == 2)
        {
            int whole = count - (count % V.Count);
            for (int i = 0; i < whole; i += V.Count)
            {
                V a = V.Load(sums + i), b = V.Load(sums + phaseStride + i);
                V.ZipLow(a, b).Store(row + (2 * i));
                V.ZipHigh(a, b).Store(row + (2 * i) + V.Count);
            }

            for (int i = whole; i < count; i++)
                (row[2 * i], row[(2 * i) + 1]) = (sums[i], sums[phaseStride + i]);

            return;
        }

        for (int p = 0; p < phases; p++, sums += phaseStride, row++)
        {
            for (int i = 0; i < count; i++)
                row[i * phases] = sums[i];
        }
    }
}
