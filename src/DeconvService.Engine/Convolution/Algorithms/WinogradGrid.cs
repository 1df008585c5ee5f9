using DeconvService.Engine.Kernels;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// An axis of a convolution as Winograd wants it: a sum of short filters that stand side by side, applied to every <see cref="Step"/>-th
/// input, cut into tiles of m outputs.
/// </summary>
/// <remarks>
/// <para>
/// <c>y[m] = sum over k of w[k] * x[m * s + k * d - pad]</c> becomes that by three cuts. With <c>Step = lcm(s, d)</c>:
/// </para>
/// <list type="bullet">
/// <item>
/// Spread: the outputs <c>m = u * Spread + v</c>, Spread = d / gcd(s, d), read for one v only inputs that are Step apart from one u to the
/// next. So a dilated axis is Spread independent axes, whose outputs interleave.
/// </item>
/// <item>
/// Parts: taps <c>k = q * (s / gcd) + p</c> of one p are Step apart too: <c>x[(u + q) * Step + v * s + p * d - pad]</c>. So a strided axis is
/// a sum of stride-1 axes over every Step-th input ("polyphase"), one for each p, with k / s taps.
/// </item>
/// <item>
/// Segments: more than r taps are cut into pieces of r, which read <c>r * Step</c> inputs further on. Where that is a whole number of tiles
/// they need no tiles of their own but read those of the neighbours (<see cref="Shared"/>); else each is one more part.
/// </item>
/// </list>
/// <code>
/// stride 2, 3 taps:   even inputs * [w0 w2] + odd inputs * [w1 0]         2 parts of r = 2
/// 9 taps, F(3,3):     tile[t] * [w0 w1 w2] + tile[t + 1] * [w3 w4 w5] + tile[t + 2] * [w6 w7 w8]
/// </code>
/// <para>
/// The phases of a transposed convolution (<see cref="TapAxis"/>) read the same tiles. Tile t reads inputs <c>First + t * m ...</c>; phase p,
/// whose taps read from shift lo(p) on, gets from it the outputs at <c>o = s * (First + t * m + j - lo(p)) + p</c>, j = 0 .. m - 1, s the number
/// of phases. The numbers p - s * lo(p) are s neighbours, so the tile's outputs of all phases together are <c>s * m</c> neighbours: every
/// output belongs to one tile.
/// </para>
/// <para>
/// Or each phase has tiles of its own, which begin where its taps do (<see cref="Separate"/>): more tiles are transformed, but those of
/// phases that read other windows have one window less at the end, which may save a tile.
/// </para>
/// <code>
/// 16 inputs, kernel 4, stride 2, pad 1:   phase 0 reads windows -1 .. 14, phase 1 windows 0 .. 15
///   the same tiles for both, m = 3        -1 .. 1 | 2 .. 4 | .. | 14 .. 16          6 tiles of 4 products, 36 * 16 in two dimensions
///   tiles of their own,      m = 4        -1 .. 2 | .. | 11 .. 14   0 .. 3 | .. |   4 tiles of 5 products, 16 * 25
/// </code>
/// </remarks>
internal sealed class WinogradGrid
{
    // What lies between the taps is gathered too, so they should not lie too far apart.
    private const int MaximumStep = 1 << 12;

    // The kernel's indices by phase of the output, part and tap.
    private readonly int[][][] _taps;
    private readonly int _segments;

    private WinogradGrid(TapAxis axis, WinogradSize size, int[][][] taps, int first)
    {
        (Axis, Size, _taps, First) = (axis, size, taps, first);
        int longest = taps.Max(parts => parts.Max(part => part.Length));
        _segments = (longest + size.Taps - 1) / size.Taps;
        bool shared = size.Taps % size.Outputs == 0;
        (Shared, TileShift) = shared ? (_segments, size.Taps / size.Outputs) : (1, 0);
    }

    /// <summary>The axis.</summary>
    public TapAxis Axis { get; }

    /// <summary>The tile.</summary>
    public WinogradSize Size { get; }

    /// <summary>Inputs from one tap to the next.</summary>
    public int Step { get; private init; }

    /// <summary>Independent axes whose outputs interleave, because of a dilation.</summary>
    public int Spread { get; private init; } = 1;

    /// <summary>Inputs from one of them to the next.</summary>
    public int SpreadStep { get; private init; } = 1;

    /// <summary>Where each part's first tap reads, from <see cref="First"/> on.</summary>
    public int[] Offsets { get; private set; } = [0];

    /// <summary>Segments of the taps that read the same tiles, shifted; 1 where there is one, or where they are parts.</summary>
    public int Shared { get; }

    /// <summary>Tiles from one such segment to the next.</summary>
    public int TileShift { get; }

    /// <summary>Lowest input that the first tile reads.</summary>
    public int First { get; }

    /// <summary>Number of phases.</summary>
    public int Phases => _taps.Length;

    /// <summary>Whether each phase has tiles of its own: the part of its number.</summary>
    public bool Separate { get; private init; }

    /// <summary>Parts that a phase sums up.</summary>
    public int PhaseParts => Separate ? 1 : Offsets.Length;

    /// <summary>Where among the outputs of a tile each phase has its first.</summary>
    public int[] Places { get; private init; } = [0];

    /// <summary>The first tile's first output; negative where that and some further ones do not exist.</summary>
    public int FirstOutput { get; private init; }

    /// <summary>Tiles of outputs on one of the <see cref="Spread"/> axes.</summary>
    public int Tiles { get; private init; }

    /// <summary>Tiles of inputs: those at the end are only read shifted.</summary>
    public int InputTiles => Tiles + ((Shared - 1) * TileShift);

    /// <summary>Is the same for all axes whose filters are cut into the same parts.</summary>
    public string Key => $"{Size} {Shared} {string.Join('|', _taps.Select(parts => string.Join(';', parts.Select(part => string.Join(',', part)))))}";

    /// <summary>Inputs from the first to behind the last that so many tiles read on all of the interleaved axes.</summary>
    public int Reach(int tiles) => ((((tiles - 1) * Size.Outputs) + Size.Alpha - 1) * Step) + Offsets.Max() + ((Spread - 1) * SpreadStep) + 1;

    /// <summary>The kernel's index of a tap, or -1 where the part has fewer taps.</summary>
    public int Kernel(int phase, int part, int shared, int tap)
    {
        (int residue, int segment) = Shared > 1 ? (part, shared) : Math.DivRem(part, _segments);
        int[] taps = _taps[phase][residue];
        int index = (segment * Size.Taps) + tap;
        return index < taps.Length ? taps[index] : -1;
    }

    /// <summary>The ways to cut the axis into tiles of the given size.</summary>
    public static IEnumerable<WinogradGrid> Of(TapAxis axis, WinogradSize size)
    {
        WinogradGrid?[] grids = axis.Phases.Length == 1 ? [OfOnePhase(axis, size)] : [OfPhases(axis, size, separate: false), OfPhases(axis, size, separate: true)];
        foreach (WinogradGrid? grid in grids)
        {
            if (grid is null || (size.Taps > 1 && grid.LongestPart < size.Taps))
                continue;

            if (!grid.Separate)
                grid.Offsets = [.. from offset in grid.Offsets from s in Enumerable.Range(0, grid.Shared > 1 ? 1 : grid._segments) select offset + (s * size.Taps * grid.Step)];

            yield return grid;
        }
    }

    private int LongestPart => _taps.Max(parts => parts.Max(part => part.Length));

    private static WinogradGrid? OfOnePhase(TapAxis axis, WinogradSize size)
    {
        // In a transposed convolution of stride 1 the shifts fall as the taps rise.
        Tap[] ordered = [.. axis.Phases[0].OrderBy(tap => axis.Shifts[tap.Shift])];
        int stride = axis.InputStep, dilation = axis.Shifts.Length > 1 ? axis.Shifts[1] - axis.Shifts[0] : stride;
        int divisor = (int)System.Numerics.BigInteger.GreatestCommonDivisor(stride, dilation);
        int residues = Math.Min(stride / divisor, ordered.Length), spread = Math.Min(dilation / divisor, axis.Grid);
        int[][] parts = [.. Enumerable.Range(0, residues).Select(p => ordered.Where((_, k) => k % (stride / divisor) == p).Select(tap => tap.Kernel).ToArray())];
        int positions = (axis.Grid + spread - 1) / spread;
        if ((long)stride * dilation > MaximumStep)
            return null;

        return new WinogradGrid(axis, size, [parts], axis.Shifts[0])
        {
            Step = stride / divisor * dilation,
            Spread = spread,
            SpreadStep = stride,
            Offsets = [.. Enumerable.Range(0, residues).Select(p => p * dilation)],
            Tiles = (positions + size.Outputs - 1) / size.Outputs,
        };
    }

    private static WinogradGrid? OfPhases(TapAxis axis, WinogradSize size, bool separate)
    {
        if (axis.InputStep != 1 || axis.Phases.Any(taps => taps.Length == 0))
            return null;

        int count = axis.Phases.Length;
        int[] low = Array.ConvertAll(axis.Phases, taps => taps.Min(tap => axis.Shifts[tap.Shift]));
        int[][][] ordered = new int[count][][];
        for (int p = 0; p < count; p++)
        {
            // Taps have to stand side by side.
            if (axis.Phases[p].Any(tap => axis.Shifts[tap.Shift] - low[p] >= axis.Phases[p].Length))
                return null;

            ordered[p] = [[.. axis.Phases[p].OrderBy(tap => axis.Shifts[tap.Shift]).Select(tap => tap.Kernel)]];
        }

        int[] places = [.. low.Select((shift, p) => p - (count * shift))];
        if (places.Max() - places.Min() != count - 1)
            return null;

        int first = low.Min(), shared = (axis.Grid + low.Max() - first + size.Outputs - 1) / size.Outputs, own = (axis.Grid + size.Outputs - 1) / size.Outputs;
        if (separate)
        {
            // As many tiles would be more work for nothing, and segments would be parts of the parts.
            return own == shared || ordered.Max(parts => parts[0].Length) > size.Taps ? null : new WinogradGrid(axis, size, ordered, first)
            {
                Step = 1,
                Separate = true,
                Offsets = Array.ConvertAll(low, shift => shift - first),
                Places = [.. Enumerable.Range(0, count)],
                Tiles = own,
            };
        }

        return new WinogradGrid(axis, size, ordered, first)
        {
            Step = 1,
            Places = Array.ConvertAll(places, place => place - places.Min()),
            FirstOutput = (count * first) + places.Min(),
            Tiles = shared,
        };
    }
}
