using DeconvService.Engine.Kernels;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Columns of a plane that are computed from lines of one kind.</summary>
/// <param name="First">The first column.</param>
/// <param name="Columns">Their number.</param>
/// <param name="InPlace">Whether the lines are the input's own rows; else they are copies with all that stands beside the rows.</param>
internal readonly record struct DepthwiseSegment(int First, int Columns, bool InPlace);

/// <summary>The one place that says how planes are cut, and what a thread holds in its memory.</summary>
/// <remarks>
/// <code>
/// narrow, stride 1, zeros around     one segment in place; what lies beside the rows is masked away
/// wide, stride 1                     |copied|        in place, whole vectors        |copied|
/// stride 2, 3x3 to 7x7               the same
/// everything else                    |    copied    |    copied    |    copied   |
/// </code>
/// </remarks>
internal sealed class DepthwiseCut
{
    // A row of so many columns has little border: the copies of its ends cost nothing.
    private const int WideColumns = 256;

    // Longer rows in place please memory; a copied line should still be in the first-level cache when it is read, with a few others.
    private const int ColumnsInPlace = 4096;
    private const int CopiedColumns = 512;
    private const int SeparableColumns = 1024;
    private const int CopiedFloats = 6 << 10;
    private const int MaximumRows = 64;

    // Multiply-adds of a tile at most, so that cancelling takes effect within milliseconds; and what makes an item worth the trouble of
    // handing it to a thread.
    private const long MaximumTileWork = 1 << 25;
    private const long MinimumItemWork = 1 << 15;

    // What one thread holds at most; a kernel whose window is larger than that is left to others.
    private const long MaximumScratchBytes = 6L << 20;

    private readonly int _lanes;

    private DepthwiseCut(ConvShape shape, DepthwiseAxis x, bool separable, bool square, bool pieces, int lanes)
    {
        TapAxis[] axes = TapAxis.Of(shape);
        (Z, Y, X, Square, Pieces, _lanes) = (axes[0], axes[1], x, square, pieces, lanes);
        FirstLine = Y.Shifts[0];
        LineSpan = Y.Shifts[^1] - FirstLine;
        Segments = CutColumns(shape.PaddingMode, separable);
        int columns = Segments.Max(segment => segment.Columns);
        PartPitch = LineFloats(columns);
        bool copies = Segments.Any(segment => !segment.InPlace && segment.Columns > columns / 2);
        int copied = Segments.Where(segment => !segment.InPlace).Select(segment => segment.Columns).DefaultIfEmpty(0).Max();
        Masked = Segments is [{ InPlace: true }] && !Pieces;
        SlotFloats = Masked ? PartPitch : copied == 0 ? 0 : LineFloats(copied) * X.Residues.Length;
        if (copied > 0)
            PartPitch = SlotFloats / X.Residues.Length;

        ZeroFloats = Math.Max(SlotFloats, LineFloats(columns));
        Rows = CutRows(columns, copies);
        SumPitch = Align(columns + (3 * lanes));
        long work = (long)Y.Grid * X.Axis.Grid * Y.Kernel * X.Axis.Kernel * Z.Kernel;
        PlanesPerItem = (int)Math.Clamp(MinimumItemWork / Math.Max(work, 1), 1, 1024);
    }

    public TapAxis Z { get; }

    public TapAxis Y { get; }

    public DepthwiseAxis X { get; }

    /// <summary>Whether <see cref="DepthwiseSquare{V}"/> computes the layer.</summary>
    public bool Square { get; }

    /// <summary>Whether tiles are single rows, cut into pieces that are computed as if they were rows.</summary>
    public bool Pieces { get; }

    /// <summary>The columns.</summary>
    public DepthwiseSegment[] Segments { get; }

    /// <summary>Whether lines in place have to be masked beside their elements.</summary>
    public bool Masked { get; }

    /// <summary>Grid rows of a tile.</summary>
    public int Rows { get; }

    /// <summary>Tiles of a segment.</summary>
    public int TilesY => (Y.Grid + Rows - 1) / Rows;

    /// <summary>Planes that one item computes.</summary>
    public int PlanesPerItem { get; }

    /// <summary>The input row that grid row 0 reads first.</summary>
    public int FirstLine { get; }

    /// <summary>Input rows from the first to the last that one grid row reads.</summary>
    public int LineSpan { get; }

    /// <summary>Floats from a residue's elements to the next one's in a copied line.</summary>
    public int PartPitch { get; }

    /// <summary>Floats of a copied line.</summary>
    public int SlotFloats { get; }

    /// <summary>Floats of a line of zeros.</summary>
    public int ZeroFloats { get; }

    /// <summary>Floats of a line of sums.</summary>
    public int SumPitch { get; }

    /// <summary>Lines that so many grid rows read, in each slice.</summary>
    public int Lines(int rows) => ((rows - 1) * Y.InputStep) + LineSpan + 1;

    /// <summary>Pointers to lines that a tile keeps for each slice: a block may begin in the last row and go on behind it, unless it goes down the lines.</summary>
    public int TableLines(int rowStep) => Lines(Square ? Rows : Rows + ((DepthwiseTaps.BlockRows - 1) * rowStep));

    /// <summary>The cut of a layer, or null where a thread would need more memory than is right.</summary>
    public static DepthwiseCut? TryCreate(ConvShape shape, bool separable, bool pieces, int lanes)
    {
        TapAxis[] axes = TapAxis.Of(shape);
        bool square = !separable && DepthwiseSquare.Takes(axes[0], axes[1], axes[2]);
        var x = new DepthwiseAxis(axes[2], asTheyStand: square);
        double columns = Math.Min(x.Axis.Grid, CopiedColumns) + (double)x.Span;
        double window = ((double)axes[1].Shifts[^1] - axes[1].Shifts[0] + 1) * columns * x.Residues.Length * axes[0].Shifts.Length;
        if (window * sizeof(float) > MaximumScratchBytes)
            return null;

        return new DepthwiseCut(shape, x, separable, square, pieces && !square, lanes);
    }

    private DepthwiseSegment[] CutColumns(PaddingMode mode, bool separable)
    {
        int grid = X.Axis.Grid, input = X.Axis.Input;
        bool unit = X.CopyStep == 1;
        if (unit && mode == PaddingMode.Zeros && grid < WideColumns && !Pieces)
            return [new DepthwiseSegment(0, grid, InPlace: true)];

        // A block may go a vector beyond the columns, so one more is left at the end.
        int from = Math.Min((Math.Max(-X.First, 0) + X.LineStep - 1) / X.LineStep, grid);
        int to = (int)Math.Clamp(((long)input - X.First - X.Span) / X.LineStep - _lanes, from, grid);
        from = Align(from);
        to = from + Math.Max((to - from) / _lanes * _lanes, 0);
        if (!unit || to - from < WideColumns / 2)
            return [.. Even(0, grid, separable ? SeparableColumns : CopiedColumns, inPlace: false)];

        return
        [
            .. Even(0, from, CopiedColumns, inPlace: false),
            .. Even(from, to - from, separable ? SeparableColumns : ColumnsInPlace, inPlace: true),
            .. Even(to, grid - to, CopiedColumns, inPlace: false),
        ];
    }

    private IEnumerable<DepthwiseSegment> Even(int first, int columns, int most, bool inPlace)
    {
        var split = new EvenSplit((columns + _lanes - 1) / _lanes, most / _lanes);
        for (int i = 0; i < split.Pieces; i++)
        {
            int begin = split.Begin(i) * _lanes;
            yield return new DepthwiseSegment(first + begin, Math.Min(split.Size(i) * _lanes, columns - begin), inPlace);
        }
    }

    private int CutRows(int columns, bool copies)
    {
        if (Pieces)
            return 1;

        long rows = MaximumRows;
        if (copies)
            rows = Math.Min(rows, ((((long)CopiedFloats / SlotFloats / Z.Shifts.Length) - LineSpan - 1) / Y.InputStep) + 1);

        // A transposed layer keeps the sums of all phases until they are interleaved.
        if (X.Phases.Length > 1)
            rows = Math.Min(rows, CopiedFloats / (columns + _lanes) / X.Phases.Length);

        rows = Math.Max(rows, 2 * DepthwiseTaps.BlockRows);
        rows = Math.Min(rows, Math.Max(MaximumTileWork / Math.Max((long)columns * Y.Kernel * X.Axis.Kernel * Z.Kernel, 1), 1));
        if (rows >= Y.Grid)
            return Y.Grid;

        // Tiles of one size, in whole blocks.
        int tiles = (int)((Y.Grid + rows - 1) / rows);
        int even = (Y.Grid + tiles - 1) / tiles;
        return Math.Min((even + DepthwiseTaps.BlockRows - 1) / DepthwiseTaps.BlockRows * DepthwiseTaps.BlockRows, Y.Grid);
    }

    // A line of so many columns, with room for vectors that reach over its end.
    private int LineFloats(int columns) => Align(((columns + (4 * _lanes)) * X.LineStep) + X.Span);

    private static int Align(int floats) => (floats + 15) / 16 * 16;
}
