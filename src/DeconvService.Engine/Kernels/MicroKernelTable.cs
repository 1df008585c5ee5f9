using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>Finds the micro-kernel for numbers that are known when a layer is planned.</summary>
internal static unsafe class MicroKernelTable
{
    /// <summary>The most rows that any kernel has.</summary>
    public const int MaximumRows = 14;

    /// <summary>The kernel for <paramref name="rows"/> rows (1 to 14) and <paramref name="vectors"/> vectors (1 to 3).</summary>
    public static delegate*<in MicroProduct, void> Find<V, TLayout>(int rows, int vectors)
        where V : struct, IVec<V>
        where TLayout : struct, IRowLayout => vectors switch
        {
            1 => Find<V, Number1, TLayout>(rows),
            2 => Find<V, Number2, TLayout>(rows),
            3 => Find<V, Number3, TLayout>(rows),
            _ => throw new ArgumentOutOfRangeException(nameof(vectors)),
        };

    private static delegate*<in MicroProduct, void> Find<V, N, TLayout>(int rows)
        where V : struct, IVec<V>
        where N : struct, INumberConstant
        where TLayout : struct, IRowLayout => rows switch
        {
            1 => &MicroKernel.Run<V, Number1, N, TLayout>,
            2 => &MicroKernel.Run<V, Number2, N, TLayout>,
            3 => &MicroKernel.Run<V, Number3, N, TLayout>,
            4 => &MicroKernel.Run<V, Number4, N, TLayout>,
            5 => &MicroKernel.Run<V, Number5, N, TLayout>,
            6 => &MicroKernel.Run<V, Number6, N, TLayout>,
            7 => &MicroKernel.Run<V, Number7, N, TLayout>,
            8 => &MicroKernel.Run<V, Number8, N, TLayout>,
            9 => &MicroKernel.Run<V, Number9, N, TLayout>,
            10 => &MicroKernel.Run<V, Number10, N, TLayout>,
            11 => &MicroKernel.Run<V, Number11, N, TLayout>,
            12 => &MicroKernel.Run<V, Number12, N, TLayout>,
            13 => &MicroKernel.Run<V, Number13, N, TLayout>,
            14 => &MicroKernel.Run<V, Number14, N, TLayout>,
            _ => throw new ArgumentOutOfRangeException(nameof(rows)),
        };
}
