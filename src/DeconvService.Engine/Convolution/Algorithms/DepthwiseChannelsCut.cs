using DeconvService.Engine.Kernels;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>How <see cref="DepthwiseChannels{V}"/> cuts planes into strips of rows, and what lies where in a thread's memory.</summary>
/// <remarks>
/// <code>
/// table of lines [slice][line] | lines [slice][line][column][L] | outputs [row][column][L] | vectors on their way to lines
/// </code>
/// </remarks>
internal sealed class DepthwiseChannelsCut
{
    /// <summary>Elements of each channel that are turned at a time, before they are dealt out to lines.</summary>
    public const int Staged = 64;

    // What a strip of rows holds: a small part of the second-level cache. And what one that cannot be cut further may hold at most.
    private const double StripBytes = 128 << 10;
    private const double MaximumBytes = 1 << 20;

    // Multiply-adds that make an item worth the trouble of handing it to a thread.
    private const long MinimumItemWork = 1 << 15;

    private DepthwiseChannelsCut(ConvShape shape, TapAxis[] axes, int columns, int rows, int lanes)
    {
        (Z, Y, X) = (axes[0], axes[1], axes[2]);
        Columns = columns;
        FirstColumn = Math.Min(X.Shifts[0], 0);
        Strips = new EvenSplit(Y.Grid, rows);
        Lines = LinesOf(Strips.Largest);
        Blocks = (shape.InputChannels + lanes - 1) / lanes;
        Repeats = (X.Grid + DepthwiseChannelsKernel.MaximumColumns - 1) / DepthwiseChannelsKernel.MaximumColumns;
        ColumnsAtOnce = Math.Max((X.Grid + Repeats - 1) / Repeats, DepthwiseChannelsKernel.MinimumColumns);
        long work = (long)Strips.Largest * X.Grid * lanes * Z.Kernel * Y.Kernel * X.Kernel;
        TilesPerItem = (int)Math.Clamp(MinimumItemWork / work, 1, 1024);
        LinesAt = Align(2L * Lines * Z.Shifts.Length);
        OutputsAt = LinesAt + ((((long)Lines * Z.Shifts.Length * Columns) + ((long)ColumnsAtOnce * X.InputStep)) * lanes);
        StagedAt = OutputsAt + ((((long)Strips.Largest * Y.Phases.Length * X.Output) + ((long)ColumnsAtOnce * X.Phases.Length) + lanes) * lanes);
        Floats = Align(StagedAt + ((Staged + lanes) * lanes));
    }

    public TapAxis Z { get; }

    public TapAxis Y { get; }

    public TapAxis X { get; }

    /// <summary>Blocks of channels.</summary>
    public int Blocks { get; }

    /// <summary>Grid rows, cut into strips.</summary>
    public EvenSplit Strips { get; }

    /// <summary>Strips that one item computes.</summary>
    public int TilesPerItem { get; }

    /// <summary>The input row that grid row 0 reads first.</summary>
    public int FirstLine => Y.Shifts[0];

    /// <summary>Lines of a strip, in each slice.</summary>
    public int Lines { get; }

    /// <summary>The input column that stands first in a line; none or one of the border.</summary>
    public int FirstColumn { get; }

    /// <summary>Columns of a line: a whole row of the input, and the border that is read.</summary>
    public int Columns { get; }

    /// <summary>Output columns that are computed at once.</summary>
    public int ColumnsAtOnce { get; }

    /// <summary>How many times that is, for a row of the grid.</summary>
    public int Repeats { get; }

    /// <summary>Where the lines begin.</summary>
    public long LinesAt { get; }

    /// <summary>Where the outputs begin. The kernel reads some columns more than a last line has.</summary>
    public long OutputsAt { get; }

    /// <summary>Where the staged vectors are. The kernel writes, and turning reads, some outputs more than a last row has.</summary>
    public long StagedAt { get; }

    /// <summary>Floats of a thread's memory.</summary>
    public long Floats { get; }

    /// <summary>Lines that so many grid rows read.</summary>
    public int LinesOf(int rows) => ((rows - 1) * Y.InputStep) + Y.Shifts[^1] - FirstLine + 1;

    /// <summary>The cut of a layer, or null where a thread would need more memory than is right.</summary>
    public static DepthwiseChannelsCut? TryCreate(ConvShape shape, int lanes)
    {
        TapAxis[] axes = TapAxis.Of(shape);
        (TapAxis z, TapAxis y, TapAxis x) = (axes[0], axes[1], axes[2]);
        long columns = Math.Max((((long)x.Grid - 1) * x.InputStep) + x.Shifts[^1] + 1, x.Input) - Math.Min(x.Shifts[0], 0);
        double lineBytes = (double)columns * lanes * sizeof(float) * z.Shifts.Length;
        double rowBytes = (lineBytes * y.InputStep) + ((double)x.Output * y.Phases.Length * lanes * sizeof(float));
        double window = (double)y.Shifts[^1] - y.Shifts[0] + 1;
        double overhang = (double)DepthwiseChannelsKernel.MaximumColumns * (x.InputStep + x.Phases.Length) * lanes * sizeof(float);
        if ((window * lineBytes) + rowBytes + overhang > MaximumBytes)
            return null;

        int rows = (int)Math.Clamp((StripBytes - (window * lineBytes)) / rowBytes, 1, y.Grid);
        return new DepthwiseChannelsCut(shape, axes, (int)columns, rows, lanes);
    }

    private static long Align(long floats) => (floats + 15) / 16 * 16;
}
