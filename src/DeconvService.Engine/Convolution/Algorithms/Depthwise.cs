using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Convolution and transposed convolution of each channel by itself, in one or two dimensions: picture filters, the depthwise layers of
/// MobileNet, up-sampling by interpolation. Runs near the speed of memory: see <see cref="DepthwisePlan{V}"/>.
/// </summary>
internal sealed class Depthwise : IConvAlgorithm
{
    // With more outputs a channel the matrix product is better: it loads an input once for several of them.
    private const int MaximumMultiplier = 2;

    // What one thread holds of input and sums at most; a kernel whose window is larger than that is left to others.
    private const long MaximumScratchBytes = 6L << 20;

    // A few rows of a thousand floats fit the first-level cache together with their sums; memory itself prefers long rows.
    private const int GatheredColumns = 1024;
    private const int StreamedColumns = 4096;

    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        int multiplier = shape.OutputChannels / shape.Groups;
        if (shape.Groups != shape.InputChannels || multiplier > (shape.Groups == 1 ? 1 : MaximumMultiplier) || shape.SpatialRank > 2)
            return null;

        TapAxis[] axes = TapAxis.Of(shape);
        var (y, x) = (new DepthwiseAxis(axes[1]), new DepthwiseAxis(axes[2]));
        SeparableTaps? separable = shape.Accuracy == Accuracy.Exact ? null : SeparableTaps.TryFind(shape, request.Weights.Weight.Span);
        DepthwiseStream<V>? stream = separable is null ? DepthwiseStream<V>.TryCreate(request, y, x) : null;
        var geometry = DepthwiseGeometry.TryCreate(y, x, stream is null ? GatheredColumns : StreamedColumns, V.Count, MaximumScratchBytes);
        return geometry is null ? null : new DepthwisePlan<V>(request, geometry, separable, stream);
    }
}

/// <summary>
/// One axis of a depthwise layer. Position m of the grid reads input <c>m * Step + shift</c>; with <c>shift = q * Step + residue</c> that is
/// element <c>m + q</c> of the input's elements residue, residue + Step, ... Gathered side by side by residue, the input of a strided
/// convolution is read like that of an ordinary one.
/// </summary>
internal sealed class DepthwiseAxis
{
    /// <summary>Sorts the taps by residue.</summary>
    public DepthwiseAxis(TapAxis axis)
    {
        Axis = axis;
        int step = axis.InputStep;
        int[] residues = Array.ConvertAll(axis.Shifts, shift => Modulo(shift, step));
        int[] quotients = [.. axis.Shifts.Select((shift, i) => (shift - residues[i]) / step)];
        Residues = [.. residues.Distinct().Order()];
        First = quotients.DefaultIfEmpty(0).Min();
        Span = quotients.DefaultIfEmpty(0).Max() - First;
        Phases = Array.ConvertAll(axis.Phases, taps => Array.ConvertAll(
            taps, tap => new DepthwiseTap(tap.Kernel, Array.IndexOf(Residues, residues[tap.Shift]), quotients[tap.Shift] - First)));
    }

    /// <summary>The axis as all algorithms see it.</summary>
    public TapAxis Axis { get; }

    /// <summary>The residues that occur, ascending.</summary>
    public int[] Residues { get; }

    /// <summary>The smallest q.</summary>
    public int First { get; }

    /// <summary>The largest q less the smallest: elements that a tile reads beyond its own number.</summary>
    public int Span { get; }

    /// <summary>The taps of each phase of the output.</summary>
    public DepthwiseTap[][] Phases { get; }

    /// <summary>The input index of gathered element <paramref name="index"/> (counted from grid position 0) with a residue.</summary>
    public long InputIndex(long index, int residue) => ((index + First) * Axis.InputStep) + Residues[residue];

    private static int Modulo(int a, int b) => ((a % b) + b) % b;
}

/// <summary>A tap of an axis.</summary>
/// <param name="Kernel">Index in the kernel.</param>
/// <param name="Residue">Index of its residue in <see cref="DepthwiseAxis.Residues"/>.</param>
/// <param name="Offset">Gathered elements after the grid position.</param>
internal readonly record struct DepthwiseTap(int Kernel, int Residue, int Offset);

/// <summary>How a depthwise layer is cut into tiles, and where a tile's parts lie in a thread's memory.</summary>
/// <remarks>
/// The gathered input is <c>[residue y][row][residue x][column]</c>, rows <see cref="Pitch"/> apart. Seen as one long line, every output of the
/// tile reads at the same distances from its own place, so rows need no treatment of their own; the sums between them are ignored.
/// </remarks>
internal sealed class DepthwiseGeometry
{
    private const int MaximumRows = 64;
    private const int MaximumElements = 64 << 10;

    // Multiply-adds of a tile at most, so that cancelling takes effect within milliseconds.
    private const long MaximumTileWork = 1 << 25;

    private DepthwiseGeometry(DepthwiseAxis y, DepthwiseAxis x, int rows, int columns, int lanes)
    {
        (Y, X, Rows, Columns) = (y, x, rows, columns);
        Pitch = columns + x.Span;
        PlaneRows = rows + y.Span;
        LineFloats = Align((long)PlaneRows * Pitch * x.Residues.Length + Slack(lanes));
        InputFloats = LineFloats * y.Residues.Length;
        SumFloats = Align(((long)rows * Pitch) + Slack(lanes));
        RowFloats = Align(((long)columns * x.Phases.Length) + Slack(lanes));
    }

    public DepthwiseAxis Y { get; }

    public DepthwiseAxis X { get; }

    /// <summary>Grid rows of a tile.</summary>
    public int Rows { get; }

    /// <summary>Grid columns of a tile.</summary>
    public int Columns { get; }

    /// <summary>Floats from a gathered row to the next, for one residue of x.</summary>
    public int Pitch { get; }

    /// <summary>Gathered rows of one residue of y.</summary>
    public int PlaneRows { get; }

    /// <summary>Floats of all rows of one residue of y.</summary>
    public long LineFloats { get; }

    /// <summary>Floats of a tile's gathered input.</summary>
    public long InputFloats { get; }

    /// <summary>Floats of the sums of one phase of x.</summary>
    public long SumFloats { get; }

    /// <summary>Floats of an output row of a tile.</summary>
    public long RowFloats { get; }

    /// <summary>Tiles of one plane.</summary>
    public int TilesY => (Y.Axis.Grid + Rows - 1) / Rows;

    /// <summary>Tiles of one plane, from left to right.</summary>
    public int TilesX => (X.Axis.Grid + Columns - 1) / Columns;

    /// <summary>Where a residue of x begins within a residue of y.</summary>
    public long ColumnPlane(int residue) => (long)residue * PlaneRows * Pitch;

    /// <summary>The geometry of a layer, its tiles no wider than given; null where a thread would need more memory than allowed.</summary>
    public static DepthwiseGeometry? TryCreate(DepthwiseAxis y, DepthwiseAxis x, int maximumColumns, int lanes, long maximumBytes)
    {
        int columns = Math.Min(x.Axis.Grid, maximumColumns);
        long work = Math.Max((long)columns * y.Axis.Kernel * x.Axis.Kernel, 1);
        int most = Math.Min(Math.Min(y.Axis.Grid, MaximumRows), Math.Max(MaximumElements / Math.Max(columns, 1), 1));
        int rows = (int)Math.Clamp(MaximumTileWork / work, 1, Math.Max(most, 1));
        double floats = ((double)rows + y.Span) * ((double)columns + x.Span) * y.Residues.Length * x.Residues.Length;
        floats += (double)rows * (columns + x.Span) * x.Phases.Length;
        // Twice: the separable form keeps the result of its first pass.
        return floats * 2 * sizeof(float) > maximumBytes ? null : new DepthwiseGeometry(y, x, rows, columns, lanes);
    }

    // The last block of a line may compute and read this much beyond it.
    private static int Slack(int lanes) => 8 * lanes;

    private static long Align(long floats) => (floats + 15) / 16 * 16;
}
