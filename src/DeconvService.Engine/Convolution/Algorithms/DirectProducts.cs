using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A tap of a direct convolution: which number of the kernel, for each phase that the product computes, and where it reads.</summary>
/// <param name="Kernels">Row-major index in the kernel for each merged phase; -1 where a phase has no such tap.</param>
/// <param name="Depth">Index of its depth shift.</param>
/// <param name="Row">Its row shift.</param>
/// <param name="Column">Its column shift.</param>
internal sealed record DirectTap(int[] Kernels, int Depth, int Row, int Column);

/// <summary>One product: a phase of each axis that is not merged, and all phases of those that are.</summary>
/// <param name="PhaseDepth">Phase of the depth, 0 when they are merged.</param>
/// <param name="PhaseHeight">Phase of the height, 0 when they are merged.</param>
/// <param name="Taps">Taps, those of one kernel row next to each other.</param>
internal sealed record DirectGroup(int PhaseDepth, int PhaseHeight, DirectTap[] Taps);

/// <summary>
/// Which matrix products compute a layer, and how their rows are cut into register blocks. The rows of a product are
/// <c>[output channel][merged depth phase][merged height phase][merged width phase]</c>.
/// </summary>
/// <remarks>
/// Merging the phases of an axis gives a product more rows, so that every vector of the input that is read serves more
/// multiply-adds; where the stride does not divide the kernel some of them are with zeros. The cycles of both are counted.
/// </remarks>
internal sealed class DirectProducts
{
    // What a call of the micro-kernel costs beside its steps; measured. Narrower vectors do more multiply-adds in that time.
    private const double CallCycles = 30;

    // What a vector of the input costs more that comes from the second-level cache, across cache lines, each time that it is read for other
    // rows or another product; from tap to tap it stays in the first-level cache. Measured with kernels of one tap: 2 to 3.8.
    private const double SecondLevelCycles = 2.5;

    // More rows than this fill the registers anyway.
    private const int MaximumMerged = 64;

    private readonly bool _mergedDepth;
    private readonly bool _mergedHeight;
    private readonly bool _mergedWidth;
    private readonly int _maximumRows;

    // Made when they are asked for first; a second time, at the same moment, they are the same.
    private DirectGroup[]? _groups;
    private string? _key;

    private DirectProducts(ConvShape shape, TapAxis[] axes, int merged, int vectors, int maximumRows, double callCycles)
    {
        (Depth, Height, Width) = (axes[0], axes[1], axes[2]);
        (_mergedDepth, _mergedHeight, _mergedWidth) = ((merged & 4) != 0, (merged & 2) != 0, (merged & 1) != 0);
        (Vectors, _maximumRows) = (vectors, maximumRows);
        Channels = shape.InputChannels / shape.Groups;
        ChannelBlock = Divisor(Channels);
        MergedDepths = _mergedDepth ? Depth.Phases.Length : 1;
        MergedHeights = _mergedHeight ? Height.Phases.Length : 1;
        LineRows = _mergedWidth ? Width.Phases.Length : 1;
        Outputs = shape.OutputChannels / shape.Groups;
        Lines = Outputs * MergedDepths * MergedHeights;
        Together = Width.Phases.Length / LineRows;
        Chunks = new EvenSplit(Lines, Math.Max(1, maximumRows / LineRows));

        int products = axes.Aggregate(1, (product, axis) => product * axis.Phases.Length) / (MergedDepths * MergedHeights * LineRows);
        AllRows = (long)products * Rows;
        Taps = Steps(Depth, _mergedDepth) * Steps(Height, _mergedHeight) * Steps(Width, _mergedWidth) / products;
        CyclesPerVector = (Steps(Depth, _mergedDepth) * Steps(Height, _mergedHeight) * Steps(Width, _mergedWidth) * Channels * BlockCycles(StepCycles))
            + (products * BlockCycles(rows => callCycles + (rows * Vectors) + (Channels * Vectors * SecondLevelCycles)));
    }

    /// <summary>Depth, or an axis of size 1.</summary>
    public TapAxis Depth { get; }

    /// <summary>Height, or an axis of size 1.</summary>
    public TapAxis Height { get; }

    /// <summary>Width.</summary>
    public TapAxis Width { get; }

    /// <summary>Input channels of a group.</summary>
    public int Channels { get; }

    /// <summary>Output channels of a group.</summary>
    public int Outputs { get; }

    /// <summary>Vectors of a panel at the most.</summary>
    public int Vectors { get; }

    /// <summary>Phases of the depth that are rows of one product.</summary>
    public int MergedDepths { get; }

    /// <summary>Phases of the height that are rows of one product.</summary>
    public int MergedHeights { get; }

    /// <summary>Whether some phases are merged.</summary>
    public bool Merged => _mergedDepth || _mergedHeight || _mergedWidth;

    /// <summary>Rows of a product that make up one line of the output: the merged phases of the width.</summary>
    public int LineRows { get; }

    /// <summary>Lines of the output that a product computes at each position: output channels times merged phases of depth and height.</summary>
    public int Lines { get; }

    /// <summary>Rows of a product.</summary>
    public int Rows => Lines * LineRows;

    /// <summary>Rows of all products.</summary>
    public long AllRows { get; }

    /// <summary>Taps of a product, on average.</summary>
    public double Taps { get; }

    /// <summary>Products that make up whole lines of the output: the phases of the width that are not merged.</summary>
    public int Together { get; }

    /// <summary>The lines, cut so that the rows of a chunk fit the registers, or else one line.</summary>
    public EvenSplit Chunks { get; }

    /// <summary>
    /// Channels that are summed up for all taps before the next ones: the rows that they read should stay in the first-level cache from tap
    /// to tap. A divisor of the channels.
    /// </summary>
    public int ChannelBlock { get; }

    /// <summary>Cycles that a core takes for a vector of positions, all products together.</summary>
    public double CyclesPerVector { get; }

    /// <summary>Multiply-adds of a vector of the input, those with zeros included.</summary>
    public double MultiplyAdds => Steps(Depth, _mergedDepth) * Steps(Height, _mergedHeight) * Steps(Width, _mergedWidth) * Rows;

    /// <summary>The products; those of the phases of the width follow each other.</summary>
    public DirectGroup[] Groups => _groups ??= MakeGroups();

    /// <summary>Is the same for layers whose weights are packed the same way, if their sizes are the same.</summary>
    public string Key => _key ??= string.Join('|', Groups.Select(group => string.Join(';', group.Taps.SelectMany(tap => tap.Kernels))));

    /// <summary>The products that take the fewest cycles.</summary>
    public static DirectProducts Choose<V>(ConvShape shape)
        where V : struct, IVec<V> => Choices<DirectProducts, V, DirectProducts>.Table.Of(shape, WeightUse.Many, static (shape, _) => Fastest<V>(shape));

    private static DirectProducts Fastest<V>(ConvShape shape)
        where V : struct, IVec<V>
    {
        TapAxis[] axes = TapAxis.UsefulOf(shape, aligned: true);

        // Rows of one element are no rows to have vectors along.
        if (axes[2].Input == 1 && shape.PaddingMode == PaddingMode.Zeros && TapAxis.Join(axes[1], axes[2]) is { } column)
            axes = [TapAxis.None, axes[0], column];

        DirectProducts? best = null;
        for (int merged = 0; merged < 8; merged++)
        {
            // A bit an axis, depth first; an axis of one phase has nothing to merge.
            TapAxis[] chosen = [.. axes.Where((_, i) => (merged & (4 >> i)) != 0)];
            if (Array.Exists(chosen, axis => axis.Phases.Length == 1) || chosen.Aggregate(1L, (rows, axis) => rows * axis.Phases.Length) > MaximumMerged)
                continue;

            for (int vectors = Blocking.Vectors<V>(); vectors > 0; vectors--)
            {
                var products = new DirectProducts(shape, axes, merged, vectors, Blocking.Rows<V>(vectors), CallCycles * CostModel.Lanes / V.Count);
                if (best is null || products.CyclesPerVector < best.CyclesPerVector)
                    best = products;
            }
        }

        return best!;
    }

    /// <summary>The register blocks of the rows of a chunk.</summary>
    public EvenSplit Blocks(int chunk) => new(Chunks.Size(chunk) * LineRows, _maximumRows);

    private DirectGroup[] MakeGroups() =>
    [
        .. from d in Phases(Depth, _mergedDepth)
           from h in Phases(Height, _mergedHeight)
           from w in Phases(Width, _mergedWidth)
           select new DirectGroup(d.First, h.First, TapsOf(d.Kernels, h.Kernels, w.Kernels)),
    ];

    // For each phase its taps: shift -> kernel.
    private static List<(int First, Dictionary<int, int>[] Kernels)> Phases(TapAxis axis, bool merged)
    {
        Dictionary<int, int>[] phases = Array.ConvertAll(axis.Phases, taps => taps.ToDictionary(tap => tap.Shift, tap => tap.Kernel));
        return merged ? [(0, phases)] : [.. phases.Select((taps, i) => (i, (Dictionary<int, int>[])[taps]))];
    }

    private static double Steps(TapAxis axis, bool merged) => merged ? axis.Shifts.Length : axis.Phases.Sum(taps => taps.Length);

    // A prime number of channels would leave one channel at a time, and with it a loop of one step: better all of them.
    private static int Divisor(int channels)
    {
        int largest = Enumerable.Range(1, Math.Min(channels, 24)).Last(block => channels % block == 0);
        return largest < 4 ? Enumerable.Range(Math.Min(channels, 4), channels).First(block => channels % block == 0) : largest;
    }

    // The cycles of all register blocks, for one vector.
    private double BlockCycles(Func<int, double> cycles)
    {
        double sum = 0;
        for (int chunk = 0; chunk < Chunks.Pieces; chunk++)
        {
            EvenSplit blocks = Blocks(chunk);
            for (int block = 0; block < blocks.Pieces; block++)
                sum += cycles(blocks.Size(block)) / Vectors;
        }

        return sum;
    }

    // One multiply-add a cycle; or one load, two of them where a vector crosses a cache line, as most do that read a row of an image;
    // or the next step waits for the sums of the last.
    private double StepCycles(int rows) => Math.Max(rows * Vectors, Math.Max(rows + (2 * Vectors), 8));

    private DirectTap[] TapsOf(Dictionary<int, int>[] depth, Dictionary<int, int>[] height, Dictionary<int, int>[] width) =>
    [
        .. from d in Shifts(depth)
           from h in Shifts(height)
           from w in Shifts(width)
           select new DirectTap(
               [.. from pd in depth from ph in height from pw in width select KernelIndex(pd, d, ph, h, pw, w)],
               d,
               Height.Shifts[h],
               Width.Shifts[w]),
    ];

    private static IEnumerable<int> Shifts(Dictionary<int, int>[] phases) => phases.SelectMany(taps => taps.Keys).Distinct().Order();

    private int KernelIndex(Dictionary<int, int> depth, int d, Dictionary<int, int> height, int h, Dictionary<int, int> width, int w) =>
        depth.TryGetValue(d, out int kd) && height.TryGetValue(h, out int kh) && width.TryGetValue(w, out int kw)
            ? (((kd * Height.Kernel) + kh) * Width.Kernel) + kw
            : -1;
}
