using DeconvService.Engine.Kernels;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer cut into Winograd tiles: the axes, and how transformed tiles stand in memory and are summed up.</summary>
/// <remarks>
/// <para>
/// All parts of the axes (<see cref="WinogradGrid"/>) have transforms of the same size, so their transformed tiles are further channels
/// of the products. The taps of the depth, which is not transformed, are parts as well, or, like segments, shared: then output plane o reads
/// the tiles of the planes that its neighbours read too.
/// </para>
/// <para>Transformed tiles stand in one of two orders; a row of tiles is one of the height, of one plane of one image:</para>
/// <code>
///   lanes     [point][part][c / L][row][column][L channels]   a step of the product takes the next channel of R tiles
///   planar    [point][row][part][c][column, padded to L]      few channels: they would fill only a few lanes, so columns stand in them
/// </code>
/// </remarks>
internal sealed class WinogradGeometry
{
    // Transformed tiles that are shared have to be there all at once.
    private const long MaximumSharedBytes = 64 << 20;

    // A row of tiles has to be there at once in any case.
    private const double MaximumRowFloats = 1 << 28;

    // Taps of the depth are shared where a plane has enough tiles to fill a register block.
    private const int EnoughTiles = 12;

    private const int MaximumSample = 1000;

    public WinogradGeometry(ConvShape shape, TapAxis depth, WinogradGrid height, WinogradGrid width, int lanes)
    {
        (Shape, Depth, Height, Width, Lanes) = (shape, depth, height, width, lanes);
        (Channels, Outputs) = (shape.InputChannels / shape.Groups, shape.OutputChannels / shape.Groups);
        ChannelBlocks = (Channels + lanes - 1) / lanes;
        DepthTaps = [.. depth.Phases[0].OrderBy(tap => depth.Shifts[tap.Shift])];
        SharesDepth = DepthTaps.Length > 1 && RowTiles * height.Tiles * height.Spread >= EnoughTiles;
        Planar = Channels <= lanes / 2 && height.TileShift <= 1 && width.TileShift <= 1 && !height.Separate && !width.Separate;
        DepthParts = SharesDepth ? 1 : DepthTaps.Length;
        Parts = DepthParts * height.Offsets.Length * width.Offsets.Length;
        Terms = Planar ? PlanarTerms() : LaneTerms();
        InputPlanes = SharesDepth ? ((depth.Output - 1) * depth.InputStep) + DepthShift(DepthTaps.Length - 1) + 1 : depth.Output;
    }

    public ConvShape Shape { get; }

    public TapAxis Depth { get; }

    public WinogradGrid Height { get; }

    public WinogradGrid Width { get; }

    /// <summary>Lanes L of a vector.</summary>
    public int Lanes { get; }

    /// <summary>Input channels of a group.</summary>
    public int Channels { get; }

    /// <summary>Output channels of a group.</summary>
    public int Outputs { get; }

    /// <summary>Blocks of L input channels.</summary>
    public int ChannelBlocks { get; }

    /// <summary>Whether columns stand in the lanes.</summary>
    public bool Planar { get; }

    /// <summary>The depth's taps by their shift.</summary>
    public Tap[] DepthTaps { get; }

    /// <summary>Whether the depth's taps share transformed tiles.</summary>
    public bool SharesDepth { get; }

    /// <summary>Whether any tiles are read more than once; then those of the whole input are there at once.</summary>
    public bool Shares => SharesDepth || Height.Shared > 1 || Width.Shared > 1;

    /// <summary>
    /// Whether neighbouring rows of tiles are one row for the products; not where a row has other terms than the next, or more columns of
    /// inputs than of outputs.
    /// </summary>
    public bool Joined => !Planar && Height.Shared * Width.Shared == 1;

    /// <summary>Parts of the depth.</summary>
    public int DepthParts { get; }

    /// <summary>Parts of all axes: each has tiles of its own. Where phases have tiles of their own, those of all phases.</summary>
    public int Parts { get; }

    /// <summary>
    /// What a product sums up, in the order in which it does; each term is <see cref="Channels"/> long. Shared planes, or else shared
    /// rows, are outermost, so that those outside of the input can be left out; in planar order the rows are innermost, because one
    /// stride leads through them and through the parts and channels.
    /// </summary>
    public WinogradTerm[] Terms { get; }

    /// <summary>Phases of the output.</summary>
    public int Phases => Height.Phases * Width.Phases;

    /// <summary>
    /// The part of a phase's first term. It is 0 unless phases have tiles of their own: those are the parts of their numbers.
    /// </summary>
    public int FirstPart(int phase)
    {
        (int height, int width) = Math.DivRem(phase, Width.Phases);
        return (Height.Separate ? height * Width.Offsets.Length : 0) + (Width.Separate ? width : 0);
    }

    /// <summary>Products of a tile.</summary>
    public int Points => Height.Size.Alpha * Width.Size.Alpha;

    /// <summary>Numbers that a product sums up, for one point, phase and output channel.</summary>
    public int Reduction => Channels * Terms.Length;

    /// <summary>Tiles of outputs in a row.</summary>
    public int RowTiles => Width.Spread * Width.Tiles;

    /// <summary>Rows of tiles of outputs, of all images and planes.</summary>
    public int OutputRows => Shape.Batch * Depth.Output * Height.Spread * Height.Tiles;

    /// <summary>Planes of an image that are transformed.</summary>
    public int InputPlanes { get; }

    /// <summary>Rows of tiles that are transformed, where tiles are shared.</summary>
    public int InputRows => Shape.Batch * InputPlanes * Height.Spread * Height.InputTiles;

    /// <summary>Whether the layer can be computed so.</summary>
    public bool Fits => Shares
        ? sizeof(float) * (double)Shape.Groups * Points * RowFloats(Width.InputTiles) * InputRows * (Planar ? 1 : ChannelBlocks * (double)Parts) <= MaximumSharedBytes
        : ChannelBlocks * (double)Parts * RowTiles * Lanes <= MaximumRowFloats;

    /// <summary>Name for people.</summary>
    public string Name
    {
        get
        {
            string kind = Points == 1 ? "pointwise" : Height.Size == Width.Size ? $"winograd-f{Width.Size.Outputs}" : $"winograd-f{Height.Size.Outputs}x{Width.Size.Outputs}";
            return (Phases > 1 ? "phase-" : Height.Shared * Width.Shared > 1 ? "nested-" : "") + kind;
        }
    }

    /// <summary>Is the same for all layers whose filters are transformed and packed the same way.</summary>
    public string Key =>
        $"{Planar} {SharesDepth} {Shape.Groups} {string.Join(',', DepthTaps)} {Height.Key} {Width.Key}";

    /// <summary>Planes from the first tap of the depth to another one.</summary>
    public int DepthShift(int tap) => Depth.Shifts[DepthTaps[tap].Shift] - Depth.Shifts[DepthTaps[0].Shift];

    /// <summary>The plane of the input that a plane of tiles is made of, or -1 for zeros.</summary>
    /// <param name="plane">One of <see cref="InputPlanes"/>.</param>
    /// <param name="tap">The depth's tap; 0 where taps share planes.</param>
    public int InputPlane(int plane, int tap)
    {
        int z = (SharesDepth ? plane : plane * Depth.InputStep) + Depth.Shifts[DepthTaps[tap].Shift];
        return Border.Source(z, Depth.Input, Shape.PaddingMode);
    }

    /// <summary>Which terms of the shared axis lie inside of the input for a row of tiles of outputs; the others only add zeros.</summary>
    public (int Begin, int End) Inside(int row)
    {
        (int rest, int tile) = Math.DivRem(row, Height.Tiles);
        (rest, int spread) = Math.DivRem(rest, Height.Spread);
        int count = SharesDepth ? DepthTaps.Length : Height.Shared, begin = 0, end = count;
        if (Shape.PaddingMode != PaddingMode.Zeros || !Shares)
            return (begin, end);

        int plane = rest % Depth.Output * Depth.InputStep;
        int y = Height.First + (spread * Height.SpreadStep) + (tile * Height.Size.Outputs * Height.Step);
        while (begin < end && !IsInside(plane, y, begin))
            begin++;
        while (begin < end && !IsInside(plane, y, end - 1))
            end--;

        return (begin, end);
    }

    /// <summary>Which columns of transformed tiles hold anything but padding with zeros, on one of the interleaved axes.</summary>
    public (int Begin, int End) InsideColumns(int spread)
    {
        int count = Width.InputTiles, begin = 0, end = count;
        if (Shape.PaddingMode != PaddingMode.Zeros)
            return (begin, end);

        int first = Width.First + (spread * Width.SpreadStep), step = Width.Size.Outputs * Width.Step;
        while (begin < end && !Meets(Width, first + (begin * step)))
            begin++;
        while (begin < end && !Meets(Width, first + ((end - 1) * step)))
            end--;

        return (begin, end);
    }

    /// <summary>How much of the shared axis lies inside, on average over the rows of tiles; of many rows a sample has to do.</summary>
    public double InsideShare
    {
        get
        {
            int rows = OutputRows, sample = Math.Min(rows, MaximumSample);
            double inside = Range(sample).Sum(i => Inside((int)((long)i * rows / sample)) is var (begin, end) ? end - begin : 0);
            return sample == 0 ? 0 : inside / sample / (SharesDepth ? DepthTaps.Length : Height.Shared);
        }
    }

    /// <summary>How much of the shared columns lies inside, on average over the columns of tiles.</summary>
    public double InsideColumnsShare
    {
        get
        {
            (int begin, int end) = InsideColumns(spread: 0);
            double inside = Range(Width.Shared).Sum(shift => Math.Max(Math.Min(end - shift, Width.Tiles) - Math.Max(begin - shift, 0), 0));
            return inside / ((double)Width.Tiles * Width.Shared);
        }
    }

    /// <summary>The row of transformed tiles that the first term of a row of outputs reads.</summary>
    public int InputRow(int outputRow)
    {
        (int rest, int tile) = Math.DivRem(outputRow, Height.Tiles);
        (rest, int spread) = Math.DivRem(rest, Height.Spread);
        (int image, int plane) = Math.DivRem(rest, Depth.Output);
        plane *= SharesDepth ? Depth.InputStep : 1;
        return ((((image * InputPlanes) + plane) * Height.Spread) + spread) * Height.InputTiles + tile;
    }

    private bool IsInside(int plane, int y, int term)
    {
        if (SharesDepth)
            return InputPlane(plane, term) >= 0;

        return Meets(Height, y + (term * Height.TileShift * Height.Size.Outputs * Height.Step));
    }

    // Whether a tile, of all parts, that begins at that input has any inputs.
    private static bool Meets(WinogradGrid grid, int first) =>
        first < grid.Axis.Input && first + grid.Reach(1) - ((grid.Spread - 1) * grid.SpreadStep) > 0;

    /// <summary>From one row of tiles to the next in the same order, for rows of <paramref name="columns"/> tiles.</summary>
    public nint RowFloats(int columns) => Planar ? (nint)Parts * Channels * PlanarRow(columns) : (nint)Width.Spread * columns * Lanes;

    /// <summary>From one channel to the next in planar order.</summary>
    public int PlanarRow(int columns) => Width.Spread * PlanarColumns(columns);

    /// <summary>Columns of a row in planar order; whole vectors are written.</summary>
    public int PlanarColumns(int columns) => (columns + Lanes - 1) / Lanes * Lanes;

    /// <summary>With channels in the lanes: from one block of channels, or part, to the next.</summary>
    public nint SlabFloats(int rows, int columns) => rows * RowFloats(columns);

    /// <summary>From one point to the next; a vector more than needed, so that the points of a tile do not all fall into the same set of the first-level cache.</summary>
    public nint PointFloats(int rows, int columns) => (SlabFloats(rows, columns) * (Planar ? 1 : ChannelBlocks * (nint)Parts)) + Lanes;

    private static IEnumerable<int> Range(int count) => Enumerable.Range(0, count);

    private WinogradTerm[] LaneTerms() =>
    [
        .. from depth in Range(SharesDepth ? DepthTaps.Length : 1)
           from sharedHeight in Range(Height.Shared)
           from partDepth in Range(DepthParts)
           from partHeight in Range(Height.PhaseParts)
           from partWidth in Range(Width.PhaseParts)
           from sharedWidth in Range(Width.Shared)
           select new WinogradTerm(depth + partDepth, partHeight, sharedHeight, partWidth, sharedWidth),
    ];

    private WinogradTerm[] PlanarTerms() =>
    [
        .. from depth in Range(SharesDepth ? DepthTaps.Length : 1)
           from sharedWidth in Range(Width.Shared)
           from sharedHeight in Range(Height.Shared)
           from partDepth in Range(DepthParts)
           from partHeight in Range(Height.PhaseParts)
           from partWidth in Range(Width.PhaseParts)
           select new WinogradTerm(depth + partDepth, partHeight, sharedHeight, partWidth, sharedWidth),
    ];
}

/// <summary>A part and segment of each axis.</summary>
/// <param name="Depth">Index in <see cref="WinogradGeometry.DepthTaps"/>.</param>
/// <param name="PartHeight">Part of the height.</param>
/// <param name="SharedHeight">Segment of the height that shares tiles.</param>
/// <param name="PartWidth">Part of the width.</param>
/// <param name="SharedWidth">Segment of the width that shares tiles.</param>
internal readonly record struct WinogradTerm(int Depth, int PartHeight, int SharedHeight, int PartWidth, int SharedWidth);
