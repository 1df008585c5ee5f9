using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>The transform of one axis together with the number of outputs of a tile along it: F(m, r) as a type.</summary>
internal interface IWinogradAxis
{
    /// <summary>Inputs of a tile.</summary>
    static abstract int Alpha { get; }

    /// <summary>Outputs of a tile.</summary>
    static abstract int M { get; }

    /// <inheritdoc cref="IWinogradTransform.Points"/>
    static abstract ReadOnlySpan<double> Points { get; }

    /// <inheritdoc cref="IWinogradTransform.Input"/>
    static abstract unsafe void Input<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V>;

    /// <inheritdoc cref="IWinogradTransform.Output"/>
    static abstract unsafe void Output<V>(float* source, nint sourceStride, float* target, nint targetStride, V bias)
        where V : struct, IVec<V>;
}

/// <summary>Transform <typeparamref name="T"/> with <typeparamref name="TOutputs"/> outputs.</summary>
internal readonly unsafe struct WinogradAxis<T, TOutputs> : IWinogradAxis
    where T : struct, IWinogradTransform
    where TOutputs : struct, INumberConstant
{
    public static int Alpha => T.Alpha;

    public static int M => TOutputs.Value;

    public static ReadOnlySpan<double> Points => T.Points;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<V>(float* source, nint sourceStride, float* target, nint targetStride)
        where V : struct, IVec<V> => T.Input<V>(source, sourceStride, target, targetStride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<V>(float* source, nint sourceStride, float* target, nint targetStride, V bias)
        where V : struct, IVec<V> => T.Output<V, TOutputs>(source, sourceStride, target, targetStride, bias);
}

/// <summary>The transforms of a tile in two dimensions, L channels at a time in the lanes: first down the columns, then along the rows.</summary>
internal static unsafe class WinogradTile<V, TH, TW>
    where V : struct, IVec<V>
    where TH : struct, IWinogradAxis
    where TW : struct, IWinogradAxis
{
    /// <summary><c>B^T d B</c> of one tile.</summary>
    /// <param name="source">The tile's first input.</param>
    /// <param name="rowStride">Elements from row to row.</param>
    /// <param name="columnStride">Elements from column to column.</param>
    /// <param name="target">Receives Alpha * Alpha vectors, row by row.</param>
    /// <param name="pointStride">Elements from one to the next.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Input(float* source, nint rowStride, nint columnStride, float* target, nint pointStride)
    {
        if (TH.Alpha == 1)
        {
            TW.Input<V>(source, columnStride, target, pointStride);
            return;
        }

        if (TW.Alpha == 1)
        {
            TH.Input<V>(source, rowStride, target, pointStride);
            return;
        }

        float* space = stackalloc float[(TH.Alpha * TW.Alpha * V.Count) + 16];
        float* columns = Align(space);
        for (int j = 0; j < TW.Alpha; j++)
            TH.Input<V>(source + (j * columnStride), rowStride, columns + (j * V.Count), TW.Alpha * V.Count);

        for (int i = 0; i < TH.Alpha; i++)
            TW.Input<V>(columns + (i * TW.Alpha * V.Count), V.Count, target + (i * TW.Alpha * pointStride), pointStride);
    }

    /// <summary><c>A^T m A + bias</c> of one tile.</summary>
    /// <param name="source">The products, row by row.</param>
    /// <param name="pointStride">Elements from one to the next.</param>
    /// <param name="target">Receives M * M vectors.</param>
    /// <param name="rowStride">Elements from row to row.</param>
    /// <param name="columnStride">Elements from column to column.</param>
    /// <param name="bias">A vector that is added to each output, or null.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Output(float* source, nint pointStride, float* target, nint rowStride, nint columnStride, float* bias)
    {
        V added = bias is null ? V.Zero : V.Load(bias);
        if (TH.Alpha == 1)
        {
            TW.Output(source, pointStride, target, columnStride, added);
            return;
        }

        if (TW.Alpha == 1)
        {
            TH.Output(source, pointStride, target, rowStride, added);
            return;
        }

        float* space = stackalloc float[(TH.M * TW.Alpha * V.Count) + 16];
        float* columns = Align(space);
        for (int j = 0; j < TW.Alpha; j++)
            TH.Output(source + (j * pointStride), TW.Alpha * pointStride, columns + (j * V.Count), TW.Alpha * V.Count, V.Zero);

        for (int i = 0; i < TH.M; i++)
            TW.Output(columns + (i * TW.Alpha * V.Count), V.Count, target + (i * rowStride), columnStride, added);
    }

    private static float* Align(float* p) => (float*)(((nint)p + 63) & ~63);
}
