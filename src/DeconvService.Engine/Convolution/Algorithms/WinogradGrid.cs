namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>An axis of a convolution cut into Winograd tiles that all phases of a transposed convolution share.</summary>
/// <remarks>
/// Tile t reads inputs <c>First + t * m ...</c>, Alpha of them. Phase p, whose taps read from shift lo(p) on, gets from it the outputs at
/// <c>o = s * (First + t * m + j - lo(p)) + p</c>, j = 0 .. m - 1, with s the number of phases. The numbers p - s * lo(p) are s neighbours,
/// so the tile's outputs of all phases together are <c>s * m</c> neighbours, from <c>s * (First + t * m) + OutputShift</c> on:
/// every output belongs to one tile.
/// </remarks>
internal sealed class WinogradGrid
{
    private WinogradGrid(TapAxis axis, int taps, int[] low, int outputShift)
    {
        (Axis, Taps, Low, OutputShift) = (axis, taps, low, outputShift);
        First = low.Min();
        Positions = axis.Grid + low.Max() - First;
    }

    /// <summary>The axis.</summary>
    public TapAxis Axis { get; }

    /// <summary>Taps r of the phase that has most; the others are filled with zeros.</summary>
    public int Taps { get; }

    /// <summary>The lowest shift of each phase.</summary>
    public int[] Low { get; }

    /// <summary>First input of the first tile.</summary>
    public int First { get; }

    /// <summary>Positions that the tiles have to cover.</summary>
    public int Positions { get; }

    /// <summary>See the class.</summary>
    public int OutputShift { get; }

    /// <summary>The axis, or null where taps do not stand side by side (dilation), the input is not read at every element (stride), or a phase has no taps.</summary>
    public static WinogradGrid? Of(TapAxis axis)
    {
        if (axis.InputStep != 1 || axis.Phases.Any(taps => taps.Length == 0))
            return null;

        int[] low = Array.ConvertAll(axis.Phases, taps => taps.Min(tap => axis.Shifts[tap.Shift]));
        for (int p = 0; p < low.Length; p++)
        {
            if (axis.Phases[p].Any(tap => axis.Shifts[tap.Shift] - low[p] >= axis.Phases[p].Length))
                return null;
        }

        int count = low.Length;
        int[] places = [.. low.Select((shift, p) => p - (count * shift))];
        return places.Max() - places.Min() == count - 1 ? new WinogradGrid(axis, axis.Phases.Max(taps => taps.Length), low, places.Min()) : null;
    }

    /// <summary>Number of tiles with <paramref name="m"/> outputs of each phase.</summary>
    public int Tiles(int m) => (Positions + m - 1) / m;
}
