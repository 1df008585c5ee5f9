using DeconvService.Engine.Kernels;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A tap of a direct convolution: which number of the kernel, for each row of the product, and where it reads.</summary>
/// <param name="Kernels">Row-major index in the kernel for each phase of the group; -1 where a phase has no such tap.</param>
/// <param name="Depth">Index of its depth shift.</param>
/// <param name="Row">Its row shift.</param>
/// <param name="Column">Its column shift.</param>
internal sealed record DirectTap(int[] Kernels, int Depth, int Row, int Column);

/// <summary>Phases that one product computes: one phase, or all phases of the width when they are its rows.</summary>
/// <param name="PhaseDepth">Phase of the depth.</param>
/// <param name="PhaseHeight">Phase of the height.</param>
/// <param name="PhaseWidth">Phase of the width, the first one when they are merged.</param>
/// <param name="Taps">Taps, those of one kernel row next to each other.</param>
internal sealed record DirectGroup(int PhaseDepth, int PhaseHeight, int PhaseWidth, DirectTap[] Taps);

/// <summary>How a layer is cut into blocks for direct convolution, and what a block reads.</summary>
internal sealed class DirectGeometry
{
    // What a block copies should leave room in the second-level cache.
    private const int BlockBytes = 256 << 10;

    private DirectGeometry(ConvShape shape, TapAxis[] axes, int lanes, int vectors)
    {
        (Depth, Height, Width) = (axes[0], axes[1], axes[2]);
        Channels = shape.InputChannels / shape.Groups;
        GroupOutputs = shape.OutputChannels / shape.Groups;
        Merged = GroupOutputs == 1 && Width.Phases.Length is > 1 and <= 6;
        PanelVectors = vectors;
        Lanes = lanes;
        (FirstRow, RowSpan) = (Height.Shifts.Min(), Height.Shifts.Max() - Height.Shifts.Min() + 1);
        (FirstColumn, ColumnSpan) = (Width.Shifts.Min(), Width.Shifts.Max() - Width.Shifts.Min() + 1);
        Groups = MakeGroups();
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
    public int GroupOutputs { get; }

    /// <summary>Whether the phases of the width are the rows of one product.</summary>
    public bool Merged { get; }

    /// <summary>Rows of the products: output channels of a group, or phases when they are merged.</summary>
    public int ProductRows => Merged ? Width.Phases.Length : GroupOutputs;

    /// <summary>Lanes of a vector.</summary>
    public int Lanes { get; }

    /// <summary>
    /// Whether most blocks read the image where it stands: no stride, and so few products that copying would show. (Otherwise a copy is
    /// better, because in the image the channels may be a power of two apart and fall into the same sets of the cache.)
    /// </summary>
    public bool CopiesNothing => Width.InputStep == 1 && ProductRows * Groups.Length <= 16;

    /// <summary>Vectors of a panel at the most.</summary>
    public int PanelVectors { get; }

    /// <summary>Lowest row shift.</summary>
    public int FirstRow { get; }

    /// <summary>Rows that one output row reads over.</summary>
    public int RowSpan { get; }

    /// <summary>Lowest column shift.</summary>
    public int FirstColumn { get; }

    /// <summary>Columns that one output reads over.</summary>
    public int ColumnSpan { get; }

    /// <summary>The products; those of the phases of the width follow each other.</summary>
    public DirectGroup[] Groups { get; }

    /// <summary>Grid rows of a block.</summary>
    public EvenSplit Rows { get; private set; }

    /// <summary>Grid columns of a block.</summary>
    public EvenSplit Columns { get; private set; }

    /// <summary>Input rows of a block, for each depth shift.</summary>
    public int CopiedRows => ((Rows.Largest - 1) * Height.InputStep) + RowSpan;

    /// <summary>Elements of a part of a copied row; the last vector may be read behind the last column.</summary>
    public int PartLength => PartColumns + Lanes;

    /// <summary>Elements of a part that are copied.</summary>
    public int PartColumns => Columns.Largest + ((ColumnSpan - 1) / Width.InputStep);

    /// <summary>
    /// Channels that are summed up for all taps before the next ones: the rows that they read should stay in the first-level cache from tap
    /// to tap. A divisor of the channels.
    /// </summary>
    public int ChannelBlock
    {
        get
        {
            int block = Math.Min(Channels, 16);
            while (Channels % block != 0)
                block--;

            return block;
        }
    }

    /// <summary>Elements of a copied channel: an odd number of cache lines, so that channels do not fall into the same sets of the cache.</summary>
    public long ChannelLength
    {
        get
        {
            long floats = (long)Depth.Shifts.Length * CopiedRows * Width.InputStep * PartLength;
            return ((floats + 31) / 32 * 32) + 16;
        }
    }

    /// <summary>Cuts the layer, or answers null where a block would not fit 32-bit offsets.</summary>
    public static DirectGeometry? TryCreate(ConvShape shape, TapAxis[] axes, int lanes, int vectors, int threads)
    {
        if (Array.Exists(axes, axis => axis.Shifts.Length == 0))
            return null;

        var geometry = new DirectGeometry(shape, axes, lanes, vectors);
        geometry.Cut((double)shape.Batch * shape.Groups * geometry.Depth.Grid, threads);
        return geometry.ChannelLength * geometry.Channels < int.MaxValue / 2 ? geometry : null;
    }

    /// <summary>Where a tap reads, from the first element of the copied block on.</summary>
    public int CopiedOffset(DirectTap tap)
    {
        (int column, int part) = Math.DivRem(tap.Column - FirstColumn, Width.InputStep);
        return (((((tap.Depth * CopiedRows) + (tap.Row - FirstRow)) * Width.InputStep) + part) * PartLength) + column;
    }

    private void Cut(double items, int threads)
    {
        // Wide rows are cut into whole panels; then as many rows as fit, but enough blocks for all threads.
        int panel = PanelVectors * Lanes;
        int widest = Math.Max(panel, BlockBytes / (sizeof(float) * Channels * Depth.Shifts.Length * RowSpan * Width.InputStep) / panel * panel);
        Columns = new EvenSplit(Width.Grid, Math.Min(Width.Grid, widest));
        if (Columns.Pieces > 1)
            Columns = new EvenSplit(Width.Grid, (Columns.Largest + Lanes - 1) / Lanes * Lanes);

        long rowBytes = sizeof(float) * (long)Channels * Depth.Shifts.Length * Width.InputStep * PartLength;
        int rows = (int)Math.Clamp(((BlockBytes / rowBytes) - RowSpan) / Height.InputStep, 1, Height.Grid);
        rows = Math.Max(rows, Math.Min(RowSpan, 4));
        int wanted = (int)Math.Ceiling(4 * threads / (items * Columns.Pieces));
        Rows = new EvenSplit(Height.Grid, Math.Clamp(Height.Grid / wanted, 1, Math.Max(1, rows)));
    }

    private DirectGroup[] MakeGroups()
    {
        var groups = new List<DirectGroup>();
        for (int d = 0; d < Depth.Phases.Length; d++)
        {
            for (int h = 0; h < Height.Phases.Length; h++)
            {
                for (int w = 0; w < (Merged ? 1 : Width.Phases.Length); w++)
                    groups.Add(new DirectGroup(d, h, w, TapsOf(Depth.Phases[d], Height.Phases[h], Merged ? Width.Phases : [Width.Phases[w]])));
            }
        }

        return [.. groups];
    }

    private DirectTap[] TapsOf(Tap[] depth, Tap[] height, Tap[][] phases) =>
    [
        .. from d in depth
           from h in height
           from shift in phases.SelectMany(taps => taps.Select(tap => tap.Shift)).Distinct().Order()
           select new DirectTap(
               Array.ConvertAll(phases, taps => KernelIndex(d, h, taps, shift)), d.Shift, Height.Shifts[h.Shift], Width.Shifts[shift]),
    ];

    private int KernelIndex(Tap depth, Tap height, Tap[] width, int shift)
    {
        int found = Array.FindIndex(width, tap => tap.Shift == shift);
        return found < 0 ? -1 : (((depth.Kernel * Height.Kernel) + height.Kernel) * Width.Kernel) + width[found].Kernel;
    }
}
