using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>Transposes a square of L x L elements, L the lanes of a vector, in registers: between rows of one channel and vectors of L channels.</summary>
/// <remarks>
/// In two steps, of squares of 4 x 4: their elements first, then the squares as a whole. So the first step's shuffles stay within runs of
/// four lanes and the second's move whole runs, which machines do at twice the rate of shuffles of single elements across the vector.
/// </remarks>
internal static unsafe class Transposition
{
    /// <summary><c>target[j * targetStride + i] = source[i * sourceStride + j]</c> for i, j below L.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V>
    {
        V r0 = Row<V>(0, source, sourceStride);
        V r1 = Row<V>(1, source, sourceStride);
        V r2 = Row<V>(2, source, sourceStride);
        V r3 = Row<V>(3, source, sourceStride);
        V r4 = Row<V>(4, source, sourceStride);
        V r5 = Row<V>(5, source, sourceStride);
        V r6 = Row<V>(6, source, sourceStride);
        V r7 = Row<V>(7, source, sourceStride);
        V r8 = Row<V>(8, source, sourceStride);
        V r9 = Row<V>(9, source, sourceStride);
        V r10 = Row<V>(10, source, sourceStride);
        V r11 = Row<V>(11, source, sourceStride);
        V r12 = Row<V>(12, source, sourceStride);
        V r13 = Row<V>(13, source, sourceStride);
        V r14 = Row<V>(14, source, sourceStride);
        V r15 = Row<V>(15, source, sourceStride);
        V.TransposeElements(ref r0, ref r1, ref r2, ref r3);
        if (V.Count >= 8)
            V.TransposeElements(ref r4, ref r5, ref r6, ref r7);

        if (V.Count == 16)
        {
            V.TransposeElements(ref r8, ref r9, ref r10, ref r11);
            V.TransposeElements(ref r12, ref r13, ref r14, ref r15);
        }

        if (V.Count >= 8)
        {
            V.TransposeRuns(ref r0, ref r4, ref r8, ref r12);
            V.TransposeRuns(ref r1, ref r5, ref r9, ref r13);
            V.TransposeRuns(ref r2, ref r6, ref r10, ref r14);
            V.TransposeRuns(ref r3, ref r7, ref r11, ref r15);
        }

        Store(0, r0, target, targetStride);
        Store(1, r1, target, targetStride);
        Store(2, r2, target, targetStride);
        Store(3, r3, target, targetStride);
        Store(4, r4, target, targetStride);
        Store(5, r5, target, targetStride);
        Store(6, r6, target, targetStride);
        Store(7, r7, target, targetStride);
        Store(8, r8, target, targetStride);
        Store(9, r9, target, targetStride);
        Store(10, r10, target, targetStride);
        Store(11, r11, target, targetStride);
        Store(12, r12, target, targetStride);
        Store(13, r13, target, targetStride);
        Store(14, r14, target, targetStride);
        Store(15, r15, target, targetStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Row<V>(int row, float* source, nint stride)
        where V : struct, IVec<V> => row < V.Count ? V.Load(source + (row * stride)) : V.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<V>(int row, V value, float* target, nint stride)
        where V : struct, IVec<V>
    {
        if (row < V.Count)
            value.Store(target + (row * stride));
    }
}
