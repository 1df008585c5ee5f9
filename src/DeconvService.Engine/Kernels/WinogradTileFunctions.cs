using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>The tile of one axis: F(m, r).</summary>
/// <param name="Alpha">Inputs and products of a tile.</param>
/// <param name="Outputs">Outputs m of a tile.</param>
internal readonly record struct WinogradSize(int Alpha, int Outputs)
{
    /// <summary>Taps r.</summary>
    public int Taps => Alpha - Outputs + 1;
}

/// <summary>The transforms of a tile whose size is known when a layer is planned.</summary>
internal sealed unsafe class WinogradTileFunctions
{
    // What WinogradTile6 holds in registers: three rows of six vectors, a column, constants.
    private const int KeptVectors = 32;

    private WinogradTileFunctions()
    {
    }

    /// <summary><see cref="WinogradTile{V, TH, TW}.Input"/></summary>
    public delegate*<float*, nint, nint, float*, nint, void> Input { get; private init; }

    /// <summary><see cref="WinogradTile{V, TH, TW}.Output"/>, the bias in memory.</summary>
    public delegate*<float*, nint, float*, nint, nint, float*, void> Output { get; private init; }

    /// <summary>The finite points of the height.</summary>
    public required double[] PointsHeight { get; init; }

    /// <summary>Those of the width.</summary>
    public required double[] PointsWidth { get; init; }

    /// <summary>The sizes that there are.</summary>
    public static ReadOnlySpan<WinogradSize> Sizes =>
        (WinogradSize[])[new(1, 1), new(3, 2), new(4, 2), new(4, 3), new(5, 3), new(5, 4), new(6, 2), new(6, 3), new(6, 4), new(6, 5), new(8, 2), new(8, 4), new(8, 5), new(8, 6)];

    /// <summary>The functions for a size of each axis.</summary>
    public static WinogradTileFunctions Find<V>(WinogradSize height, WinogradSize width)
        where V : struct, IVec<V> => (height.Alpha, height.Outputs) switch
        {
            (1, 1) => Find<V, WinogradAxis<Winograd1, Number1>>(width),
            (3, 2) => Find<V, WinogradAxis<Winograd3, Number2>>(width),
            (4, 2) => Find<V, WinogradAxis<Winograd4, Number2>>(width),
            (4, 3) => Find<V, WinogradAxis<Winograd4, Number3>>(width),
            (5, 3) => Find<V, WinogradAxis<Winograd5, Number3>>(width),
            (5, 4) => Find<V, WinogradAxis<Winograd5, Number4>>(width),
            (6, 2) => Find<V, WinogradAxis<Winograd6, Number2>>(width),
            (6, 3) => Find<V, WinogradAxis<Winograd6, Number3>>(width),
            (6, 4) => Find<V, WinogradAxis<Winograd6, Number4>>(width),
            (6, 5) => Find<V, WinogradAxis<Winograd6, Number5>>(width),
            (8, 2) => Find<V, WinogradAxis<Winograd8, Number2>>(width),
            (8, 4) => Find<V, WinogradAxis<Winograd8, Number4>>(width),
            (8, 5) => Find<V, WinogradAxis<Winograd8, Number5>>(width),
            (8, 6) => Find<V, WinogradAxis<Winograd8, Number6>>(width),
            _ => throw new ArgumentOutOfRangeException(nameof(height)),
        };

    private static WinogradTileFunctions Find<V, TH>(WinogradSize width)
        where V : struct, IVec<V>
        where TH : struct, IWinogradAxis => (width.Alpha, width.Outputs) switch
        {
            (1, 1) => Of<V, TH, WinogradAxis<Winograd1, Number1>>(),
            (3, 2) => Of<V, TH, WinogradAxis<Winograd3, Number2>>(),
            (4, 2) => Of<V, TH, WinogradAxis<Winograd4, Number2>>(),
            (4, 3) => Of<V, TH, WinogradAxis<Winograd4, Number3>>(),
            (5, 3) => Of<V, TH, WinogradAxis<Winograd5, Number3>>(),
            (5, 4) => Of<V, TH, WinogradAxis<Winograd5, Number4>>(),
            (6, 2) => Of<V, TH, WinogradAxis<Winograd6, Number2>>(),
            (6, 3) => Of<V, TH, WinogradAxis<Winograd6, Number3>>(),
            (6, 4) => Of<V, TH, WinogradAxis<Winograd6, Number4>>(),
            (6, 5) => Of<V, TH, WinogradAxis<Winograd6, Number5>>(),
            (8, 2) => Of<V, TH, WinogradAxis<Winograd8, Number2>>(),
            (8, 4) => Of<V, TH, WinogradAxis<Winograd8, Number4>>(),
            (8, 5) => Of<V, TH, WinogradAxis<Winograd8, Number5>>(),
            (8, 6) => Of<V, TH, WinogradAxis<Winograd8, Number6>>(),
            _ => throw new ArgumentOutOfRangeException(nameof(width)),
        };

    private static WinogradTileFunctions Of<V, TH, TW>()
        where V : struct, IVec<V>
        where TH : struct, IWinogradAxis
        where TW : struct, IWinogradAxis => new()
        {
            Input = TH.Alpha == 6 && TW.Alpha == 6 && V.Registers >= KeptVectors ? &WinogradTile6<V>.Input : &WinogradTile<V, TH, TW>.Input,
            Output = &WinogradTile<V, TH, TW>.Output,
            PointsHeight = TH.Points.ToArray(),
            PointsWidth = TW.Points.ToArray(),
        };
}
