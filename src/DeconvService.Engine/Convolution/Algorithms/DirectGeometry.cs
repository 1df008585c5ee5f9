using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>How a layer is cut into blocks for direct convolution, and what a block reads.</summary>
internal sealed class DirectGeometry
{
    // What a block copies should leave room in the second-level cache.
    private const int BlockBytes = 256 << 10;

    // The sums of a strip stay in the first-level cache until they are written, beside the input that is read.
    private const int StripBytes = 16 << 10;

    // What a strip takes beside its products, for a row of its own.
    private const double StripCycles = 200;

    // A slice of the channels is worth reading for at least so many steps of the reduction: its sums are read and written for it.
    private const int SliceSteps = 128;

    // With so few rows all sums of a block, over many rows of the image, fit the second-level cache beside a slice.
    private const int SlicedRows = 32;
    private const int SumBytes = 128 << 10;

    /// <summary>Below this many cycles, some fifteen microseconds, an item is not worth another one: its border is copied for it alone.</summary>
    public const double ItemCycles = 60_000;

    // With slices it has to be longer, because in short pieces of the image there is little to add to the sums.
    private const double SlicedItemCycles = 240_000;

    // Addresses that are a multiple of this apart fall into the same set of the first-level cache.
    private const int CacheWayBytes = 4096;

    private DirectGeometry(ConvShape shape, DirectProducts products, int lanes, int threads)
    {
        (Products, Lanes) = (products, lanes);
        (FirstRow, RowSpan) = (Height.Shifts.Min(), Height.Shifts.Max() - Height.Shifts.Min() + 1);
        (FirstColumn, ColumnSpan) = (Width.Shifts.Min(), Width.Shifts.Max() - Width.Shifts.Min() + 1);

        double rowVectors = Math.Ceiling(Width.Grid / (double)lanes);
        double useful = UsefulRows(shape.PaddingMode);
        double flatVectors = Height.Grid * (double)(Width.Grid + ColumnRest) / lanes;
        double strips = Height.Grid * (double)(Products.AllRows / Products.Rows / Products.Together * Products.Chunks.Pieces);
        Flat = (flatVectors - (useful * rowVectors)) * Products.CyclesPerVector <= strips * StripCycles * CostModel.Lanes / lanes;
        Vectors = (double)shape.Batch * shape.Groups * Depth.Grid * (Flat ? Math.Ceiling(flatVectors) : useful * rowVectors);

        long plane = sizeof(float) * (long)Depth.Input * Height.Input * Width.Input;
        long sets = CacheWayBytes / GreatestCommonDivisor(plane, CacheWayBytes);
        CopiesNothing = Width.InputStep == 1 && Products.MultiplyAdds <= 128 && Products.ChannelBlock <= 4 * sets;
        SliceChannels = Flat && Products.AllRows <= SlicedRows ? Slice() : Products.Channels;
        Cut((double)shape.Batch * shape.Groups * Depth.Grid, threads);
    }

    /// <summary>The products of a block.</summary>
    public DirectProducts Products { get; }

    /// <summary>Depth, or an axis of size 1.</summary>
    public TapAxis Depth => Products.Depth;

    /// <summary>Height, or an axis of size 1.</summary>
    public TapAxis Height => Products.Height;

    /// <summary>Width.</summary>
    public TapAxis Width => Products.Width;

    /// <summary>Lanes of a vector.</summary>
    public int Lanes { get; }

    /// <summary>
    /// Whether vectors run on from the end of a row into the next one, what they compute between them being dropped. Else they begin anew
    /// in every row, and the taps of the rows that meet nothing but padding are skipped.
    /// </summary>
    public bool Flat { get; }

    /// <summary>Vectors of positions of the whole layer; where taps are skipped, so many whole ones.</summary>
    public double Vectors { get; }

    /// <summary>
    /// Whether most blocks read the image where it stands: no stride, and so few products that copying would show. But not where the
    /// channels of a block are a multiple of large powers of two apart and would push each other out of the cache.
    /// </summary>
    public bool CopiesNothing { get; }

    /// <summary>Lowest row shift.</summary>
    public int FirstRow { get; }

    /// <summary>Rows that one output row reads over.</summary>
    public int RowSpan { get; }

    /// <summary>Lowest column shift.</summary>
    public int FirstColumn { get; }

    /// <summary>Columns that one output reads over.</summary>
    public int ColumnSpan { get; }

    /// <summary>
    /// Channels that a block reads at a time, a divisor of the channels. With few rows, sums of all of them are kept while slice after slice is
    /// added, and a block can be so large that long pieces of the image are read. Else all channels, and sums are kept of a strip only.
    /// </summary>
    public int SliceChannels { get; }

    /// <summary>Whether channels are read slice by slice.</summary>
    public bool Sliced => SliceChannels < Products.Channels;

    /// <summary>Grid rows of a block.</summary>
    public EvenSplit Rows { get; private set; }

    /// <summary>Grid columns of a block.</summary>
    public EvenSplit Columns { get; private set; }

    /// <summary>Rows of a part of a copied block.</summary>
    public int PartRows { get; private set; }

    /// <summary>Columns of a part of a copied block.</summary>
    public int PartColumns { get; private set; }

    /// <summary>Parts that rows and columns are dealt out to.</summary>
    public int Parts => Height.InputStep * Width.InputStep;

    /// <summary>Elements of a part, with room for vectors that reach over its end.</summary>
    public int PartLength { get; private set; }

    /// <summary>Panels of vectors that are summed up before their sums are written.</summary>
    public int StripPanels { get; private set; }

    /// <summary>
    /// Elements of a copied channel: an odd number of cache lines, so that channels do not fall into the same sets of the cache.
    /// </summary>
    public long ChannelLength { get; private set; }

    private int ColumnRest => (ColumnSpan - 1) / Width.InputStep;

    /// <summary>Cuts the layer, or answers null where a block would not fit 32-bit offsets.</summary>
    public static DirectGeometry? TryCreate<V>(ConvShape shape, int threads)
        where V : struct, IVec<V>
    {
        DirectProducts products = DirectProducts.Choose<V>(shape);
        if (products.Depth.Shifts.Length == 0 || products.Height.Shifts.Length == 0 || products.Width.Shifts.Length == 0)
            return null;

        // One thread has the largest blocks. It must decide for any number of them, or the algorithm would depend on it, and with it bits.
        var lone = new DirectGeometry(shape, products, V.Count, threads: 1);
        bool fits = lone.ChannelLength * products.Channels < int.MaxValue / 2 && lone.StripPanels < 1 << 20;
        return !fits ? null : threads == 1 ? lone : new DirectGeometry(shape, products, V.Count, threads);
    }

    /// <summary>
    /// How many items to cut a layer into: some for each thread, the same number, so that all are busy to the end; but none that is not worth
    /// the trouble.
    /// </summary>
    /// <param name="cycles">What the layer takes.</param>
    /// <param name="itemCycles">What makes an item worth while.</param>
    /// <param name="threads">Number of threads.</param>
    public static double WantedItems(double cycles, double itemCycles, int threads) =>
        threads == 1 ? 1 : threads * Math.Clamp(Math.Floor(cycles / itemCycles / threads), 1, 4);

    /// <summary>The largest number that divides both.</summary>
    public static long GreatestCommonDivisor(long a, long b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);

    /// <summary>Where a tap reads, from the first element of the copied block on.</summary>
    public int CopiedOffset(DirectTap tap)
    {
        (int row, int rowPart) = Math.DivRem(tap.Row - FirstRow, Height.InputStep);
        (int column, int columnPart) = Math.DivRem(tap.Column - FirstColumn, Width.InputStep);
        return (PartIndex(tap.Depth, rowPart, columnPart) * PartLength) + (row * PartColumns) + column;
    }

    /// <summary>Number of a part in a copied channel.</summary>
    public int PartIndex(int depth, int rowPart, int columnPart) => (((depth * Height.InputStep) + rowPart) * Width.InputStep) + columnPart;

    // Rows of the grid, each counted by the share of its taps that read rows of the image.
    private double UsefulRows(PaddingMode mode)
    {
        if (mode != PaddingMode.Zeros || Depth.Shifts.Length > 1 || Products.ChannelBlock < Products.Channels)
            return Height.Grid;

        // A shift s reads inside at the rows y for which 0 <= y * step + s < size.
        double inside = 0;
        foreach (int shift in Height.Shifts)
        {
            int first = Math.Max(0, (-shift + Height.InputStep - 1) / Height.InputStep);
            int end = shift >= Height.Input ? 0 : Math.Min(Height.Grid, ((Height.Input - 1 - shift) / Height.InputStep) + 1);
            inside += Math.Max(0, end - first);
        }

        return inside / Height.Shifts.Length;
    }

    private int Slice()
    {
        int channels = Products.ChannelBlock;
        while (channels < Products.Channels && (channels * Products.Taps < SliceSteps || Products.Channels % channels != 0))
            channels += Products.ChannelBlock;

        return channels;
    }

    private void Cut(double items, int threads)
    {
        double wanted = WantedItems(Vectors * Products.CyclesPerVector, Sliced ? SlicedItemCycles : ItemCycles, threads);

        // Wide rows are cut into whole panels; then as many rows as fit, but enough blocks for all threads.
        int panel = Products.Vectors * Lanes, parts = Depth.Shifts.Length * Width.InputStep;
        int widest = Math.Max(panel, BlockBytes / (sizeof(float) * SliceChannels * parts * RowSpan) / panel * panel);
        int pieces = (int)Math.Ceiling(wanted / (items * Height.Grid));
        if (pieces > 1)
            widest = Math.Min(widest, Math.Max(panel, Width.Grid / pieces / panel * panel));

        Columns = new EvenSplit(Width.Grid, Math.Min(Width.Grid, widest));
        if (Columns.Pieces > 1)
            Columns = new EvenSplit(Width.Grid, (Columns.Largest + Lanes - 1) / Lanes * Lanes);

        PartColumns = Columns.Largest + ColumnRest;
        long rowBytes = sizeof(float) * (long)SliceChannels * parts * PartColumns;
        int rows = (int)Math.Clamp(((BlockBytes / rowBytes) - RowSpan) / Height.InputStep, 1, Height.Grid);
        if (Sliced)
            rows = Math.Min(rows, (int)Math.Max(1, SumBytes / (sizeof(float) * Products.AllRows * PartColumns)));

        rows = Math.Max(rows, Math.Min(RowSpan, 4));
        int most = (int)Math.Ceiling(Height.Grid / Math.Ceiling(wanted / (items * Columns.Pieces)));
        Rows = new EvenSplit(Height.Grid, Math.Clamp(most, 1, Math.Max(1, rows)));
        PartRows = Rows.Largest + ((RowSpan - 1) / Height.InputStep);
        PartLength = (PartRows * PartColumns) + (2 * Lanes);
        ChannelLength = ((((long)Depth.Shifts.Length * Parts * PartLength) + 31) / 32 * 32) + 16;
        int stripBytes = sizeof(float) * Products.Chunks.Largest * Products.LineRows * Products.Together * panel;
        StripPanels = Sliced ? ((Rows.Largest * PartColumns) + Lanes + panel - 1) / panel : Math.Max(1, StripBytes / stripBytes);
    }
}
