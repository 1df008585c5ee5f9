using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>How a layer is cut for <see cref="DirectChannels"/>: blocks of positions, of output channels, and register blocks.</summary>
internal sealed class DirectChannelsGeometry
{
    // All taps read a slice of the channels while the rows that they meet are in the first-level cache; else each tap would wait for the
    // second-level cache, which takes up to twice the time, because it is a jump from one channel to the next.
    private const int SliceBytes = 16 << 10;
    private const int CacheLine = 64;

    // A slice of a block as it is copied, and the block's sums, which are kept while slice after slice is added; both in the second-level
    // cache, with the weights that pass by.
    private const int CopiedBytes = 192 << 10;
    private const int SumBytes = 192 << 10;

    // The input is copied anew for so many outputs: a thirtieth of the time at a stride of 2. With more, blocks would have few positions.
    private const int PartOutputs = 128;

    // The kernels that there are.
    private const int MaximumStep = 16;

    // A kernel that reaches further is not for blocks that a cache should hold.
    private const int MaximumSpan = 1 << 16;

    private DirectChannelsGeometry(ConvShape shape, TapAxis[] axes, int lanes, int vectors, int registerRows, int threads)
    {
        (Depth, Height, Width, Lanes) = (axes[0], axes[1], axes[2], lanes);
        (Channels, Groups) = (shape.InputChannels / shape.Groups, shape.Groups);
        Blocks = new EvenSplit(((shape.OutputChannels / Groups) + lanes - 1) / lanes, vectors);
        Taps = Depth.Phases[0].Length * Height.Phases[0].Length * Width.Phases[0].Length;
        (RowSpan, ColumnSpan) = (Height.Shifts[^1] - Height.Shifts[0] + 1, Width.Shifts[^1] - Width.Shifts[0] + 1);

        long lines = (long)Depth.Shifts.Length * Height.Shifts.Length, line = sizeof(float) * (((registerRows - 1L) * Width.InputStep) + ColumnSpan);
        Slices = new EvenSplit(Channels, (int)Math.Max(1, SliceBytes / (lines * (line + CacheLine))));

        // Columns are cut where a single row would be too long, rows so that the block fits; then blocks and rows so that all threads are busy.
        double images = (double)shape.Batch * Groups * Depth.Grid;
        double cycles = images * Height.Grid * Width.Grid * Taps * Channels * Blocks.Pieces * Blocks.Largest;
        double wanted = DirectGeometry.WantedItems(cycles, DirectGeometry.ItemCycles, threads);
        int together = Math.Max(1, PartOutputs / (Blocks.Largest * lanes)), sums = SumBytes / (sizeof(float) * together * Blocks.Largest * lanes);
        long fitting = CopiedBytes / (sizeof(float) * (long)Slices.Largest * Depth.Shifts.Length);
        long columns = Math.Max(registerRows, ((fitting / RowSpan) - ColumnSpan) / Width.InputStep);
        Columns = new EvenSplit(Width.Grid, (int)Math.Min(Math.Min(columns, sums), Width.Grid));
        long rows = Math.Clamp(Math.Min(((fitting / CopiedColumns) - RowSpan) / Height.InputStep, sums / Columns.Largest), 1, Height.Grid);
        double blocks = images * Columns.Pieces * Math.Ceiling(Height.Grid / (double)rows);
        Parts = new EvenSplit(Blocks.Pieces, blocks * Math.Ceiling(Blocks.Pieces / (double)together) < wanted ? 1 : together);
        double share = Height.Grid / Math.Ceiling(wanted / (images * Columns.Pieces * Parts.Pieces));
        Rows = new EvenSplit(Height.Grid, (int)Math.Min(rows, Math.Ceiling(share)));
        Pieces = new EvenSplit(Columns.Largest, registerRows);
    }

    /// <summary>Depth, or an axis of size 1.</summary>
    public TapAxis Depth { get; }

    /// <summary>Height, or an axis of size 1.</summary>
    public TapAxis Height { get; }

    /// <summary>Width.</summary>
    public TapAxis Width { get; }

    /// <summary>Lanes L of a vector.</summary>
    public int Lanes { get; }

    /// <summary>Groups of channels.</summary>
    public int Groups { get; }

    /// <summary>Input channels of a group.</summary>
    public int Channels { get; }

    /// <summary>Number of taps, of all axes together.</summary>
    public int Taps { get; }

    /// <summary>Rows that one output row reads over.</summary>
    public int RowSpan { get; }

    /// <summary>Columns that one output reads over.</summary>
    public int ColumnSpan { get; }

    /// <summary>Slices of the input channels of a group.</summary>
    public EvenSplit Slices { get; }

    /// <summary>Blocks of output channels of a group, in vectors.</summary>
    public EvenSplit Blocks { get; }

    /// <summary>Blocks that one item computes, from one copy of the input.</summary>
    public EvenSplit Parts { get; }

    /// <summary>Grid rows of a block of positions.</summary>
    public EvenSplit Rows { get; }

    /// <summary>Grid columns of a block of positions.</summary>
    public EvenSplit Columns { get; }

    /// <summary>The largest number of columns, cut into the rows of register blocks.</summary>
    public EvenSplit Pieces { get; }

    /// <summary>Rows that the largest block copies.</summary>
    public int CopiedRows => ((Rows.Largest - 1) * Height.InputStep) + RowSpan;

    /// <summary>Columns that the largest block copies.</summary>
    public int CopiedColumns => ((Columns.Largest - 1) * Width.InputStep) + ColumnSpan;

    /// <summary>
    /// Elements from one copied channel to the next: an odd number of cache lines, so that channels do not fall into the same sets of the
    /// cache, with room for vectors that reach over the end.
    /// </summary>
    public long ChannelFloats => ((((long)Depth.Shifts.Length * CopiedRows * CopiedColumns) + (2 * Lanes) + 31) / 32 * 32) + 16;

    /// <summary>Elements from the sums of one output channel to the next: the positions of a block, in whole vectors.</summary>
    public int SumStride => ((Rows.Largest * Columns.Largest) + Lanes - 1) / Lanes * Lanes;

    /// <summary>Cuts the layer; null where it has phases, or a stride for which there are no kernels, or where a block would be too large.</summary>
    public static DirectChannelsGeometry? TryCreate<V>(ConvShape shape, int threads)
        where V : struct, IVec<V>
    {
        TapAxis[] axes = TapAxis.UsefulOf(shape);
        if (axes.Any(axis => axis.Phases.Length > 1 || (long)axis.Shifts[^1] - axis.Shifts[0] >= MaximumSpan) || axes[2].InputStep > MaximumStep)
            return null;

        // The vectors and rows that take the fewest steps of the kernel for a row of positions, weighed by what a step loads and multiplies.
        int outputs = ((shape.OutputChannels / shape.Groups) + V.Count - 1) / V.Count, best = 1;
        double least = double.PositiveInfinity;
        for (int vectors = 1; vectors <= Blocking.Vectors<V>(); vectors++)
        {
            double cycles = StepCycles(new EvenSplit(outputs, vectors), new EvenSplit(axes[2].Grid, Blocking.Rows<V>(vectors)));
            if (cycles < least)
                (least, best) = (cycles, vectors);
        }

        var geometry = new DirectChannelsGeometry(shape, axes, V.Count, best, Blocking.Rows<V>(best), threads);
        return geometry.ChannelFloats * geometry.Slices.Largest < int.MaxValue / 4 ? geometry : null;
    }

    /// <summary>Cycles of a step of the reduction for all outputs at the positions of a row, with vectors of 16.</summary>
    public static double StepCycles(EvenSplit blocks, EvenSplit pieces)
    {
        double vectors = blocks.Begin(blocks.Pieces) / (double)blocks.Pieces, rows = pieces.Begin(pieces.Pieces) / (double)pieces.Pieces;
        return blocks.Pieces * pieces.Pieces * Math.Max(vectors * rows, vectors + rows);
    }
}
