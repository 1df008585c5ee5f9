using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>How <see cref="RowWinograd"/> cuts a layer: tiles of rows, register blocks, pieces of the columns.</summary>
internal sealed class RowWinogradGeometry
{
    /// <summary>Input rows of a tile, and products of each number of it.</summary>
    public const int Alpha = 4;

    // The sums of a tile should leave room in the second-level cache for the input rows that are read again for the next tile.
    private const int SumBytes = 256 << 10;

    // A second-level cache of 1 MB in 8 ways of 64-byte lines: what of a panel falls into one of its sets should leave room for the next panel's.
    private const int CacheBytes = 1 << 20;
    private const int CacheSets = 2048;
    private const int CacheLine = 64;
    private const int MaximumOfSet = 5;
    private const int MinimumSlice = 32;

    // What a call of the micro-kernel costs beside its steps, and storing a vector of sums; what a vector of the input costs more that comes
    // from the second-level cache, across cache lines; a sum's way through the output transform; and an output's, interleaved and written.
    // Measured. Sums of a tile that do not fit the first-level cache beside the panels cost more on their way there and back.
    private const double CallCycles = 100;
    private const double StoreCycles = 2.5;
    private const double SecondLevelCycles = 2.3;
    private const double SumCycles = 2;
    private const double FirstLevelBytes = 24 << 10;
    private const double SecondLevelSumCycles = 5;
    private const double WriteCycles = 10;

    private RowWinogradGeometry(ConvShape shape, TapAxis height, TapAxis width, int taps, int vectors, int lanes, int maximumRows)
    {
        (Height, Width, Taps, Vectors, Lanes) = (height, width, taps, vectors, lanes);
        Channels = shape.InputChannels / shape.Groups;
        Outputs = shape.OutputChannels / shape.Groups;
        Rows = Outputs * height.Phases.Length * width.Kernel;
        Blocks = new EvenSplit(Rows, maximumRows);
        Segments = (height.Shifts.Length + taps - 1) / taps;
        Tiles = (height.Grid + TileRows - 1) / TileRows;
        Cycles = (double)shape.Batch * shape.Groups * Tiles * TileCycles();
    }

    /// <summary>Height, its phases reading the same window.</summary>
    public TapAxis Height { get; }

    /// <summary>Width.</summary>
    public TapAxis Width { get; }

    /// <summary>Taps of the height that are transformed together: r of F(m, r).</summary>
    public int Taps { get; }

    /// <summary>Grid rows of a tile: m of F(m, r).</summary>
    public int TileRows => Alpha - Taps + 1;

    /// <summary>Runs of <see cref="Taps"/> taps that the kernel's height consists of; the last may lack some.</summary>
    public int Segments { get; }

    /// <summary>Input rows that a tile of all segments reads.</summary>
    public int Window => Alpha + ((Segments - 1) * Taps);

    /// <summary>Tiles of the height.</summary>
    public int Tiles { get; }

    /// <summary>Input channels of a group.</summary>
    public int Channels { get; }

    /// <summary>Output channels of a group.</summary>
    public int Outputs { get; }

    /// <summary>Rows of a product: <c>[output channel][phase of the height][kernel column]</c>.</summary>
    public int Rows { get; }

    /// <summary>The rows of a product, cut so that a piece fits the registers.</summary>
    public EvenSplit Blocks { get; }

    /// <summary>Vectors of a panel at the most.</summary>
    public int Vectors { get; }

    /// <summary>Lanes of a vector.</summary>
    public int Lanes { get; }

    /// <summary>Cycles that a core takes for the layer.</summary>
    public double Cycles { get; }

    /// <summary>Tiles of a block.</summary>
    public EvenSplit BlockTiles { get; private set; }

    /// <summary>Grid columns of a block.</summary>
    public EvenSplit Columns { get; private set; }

    /// <summary>
    /// Elements from one row of the sums to the next: what the columns of a block read, the first vector begun and the last one ended. An odd
    /// number of cache lines, so that rows do not fall into the same sets of a cache.
    /// </summary>
    public int SumStride { get; private set; }

    /// <summary>The cheapest way, or null for a layer that is no sum of column kernels over rows of the image with zeros around it.</summary>
    public static RowWinogradGeometry? TryCreate<V>(ConvShape shape, int threads)
        where V : struct, IVec<V>
    {
        TapAxis height = TapAxis.Of(shape, aligned: true)[1], width = TapAxis.Of(shape)[2];
        bool contiguous = height.Shifts.Length > 1 && height.Shifts[^1] - height.Shifts[0] == height.Shifts.Length - 1;
        if (shape.SpatialRank != 2 || shape.PaddingMode != PaddingMode.Zeros || !contiguous || height.InputStep > 1 || width.InputStep > 1 || width.Input < V.Count)
            return null;

        RowWinogradGeometry? best = null;
        for (int taps = 2; taps <= 3; taps++)
        {
            for (int vectors = 1; vectors <= Blocking.Vectors<V>(); vectors++)
            {
                var geometry = new RowWinogradGeometry(shape, height, width, taps, vectors, V.Count, Blocking.Rows<V>(vectors));
                if (best is null || geometry.Cycles < best.Cycles)
                    best = geometry;
            }
        }

        best!.Cut((double)shape.Batch * shape.Groups, threads);
        return best;
    }

    /// <summary>Whether the transformed weights of a point are zero for all filters: the last segment lacks the last tap, which alone makes the point at infinity.</summary>
    public bool IsZero(int point, int segment) => point == Alpha - 1 && (segment + 1) * Taps > Height.Shifts.Length;

    private int Widest => Math.Max(4 * Lanes, SumBytes / (sizeof(float) * Alpha * Rows) / Lanes * Lanes);

    // The products of a tile for all columns, and what becomes of the sums.
    private double TileCycles()
    {
        int points = 0;
        for (int segment = 0; segment < Segments; segment++)
            points += IsZero(Alpha - 1, segment) ? Alpha - 1 : Alpha;

        var panels = new EvenSplit((Width.Input + Lanes - 1) / Lanes, Vectors);
        double cycles = 0, vectors = 0;
        for (int panel = 0; panel < panels.Pieces; panel++)
        {
            int n = panels.Size(panel);
            vectors += n;
            cycles += points * Channels * n * SecondLevelCycles;
            for (int block = 0; block < Blocks.Pieces; block++)
                cycles += points * ((Channels * StepCycles(Blocks.Size(block), n)) + CallCycles + (Blocks.Size(block) * n * StoreCycles));
        }

        double outputs = (double)Outputs * TileRows * Height.Phases.Length * Width.Phases.Length;
        double bytes = sizeof(float) * Alpha * Rows * (double)Math.Min(vectors * Lanes, Widest);
        double sum = SumCycles + (bytes > FirstLevelBytes ? SecondLevelSumCycles : 0);
        return cycles + (vectors * ((Alpha * Rows * sum) + (outputs * WriteCycles)));
    }

    // One multiply-add a cycle; or one load: two panels', most of whose vectors lie across cache lines and count twice, and what is fetched
    // ahead; or the next step waits for the sums of the last.
    private static double StepCycles(int rows, int vectors) => Math.Max(rows * vectors, Math.Max(rows + (4 * vectors) + 2, 8));

    /// <summary>Channels that are multiplied at a time, of one panel at all points.</summary>
    /// <remarks>
    /// Where the planes of channels lie so far apart that their lines fall into few sets of the cache, as with 102 x 514, a panel of all
    /// channels does not stay there from point to point: that layer took 2.3 times as long. Then fewer channels are summed up at a time.
    /// </remarks>
    public EvenSplit CutChannels()
    {
        int channels = Channels;
        long plane = sizeof(float) * (long)Height.Input * Width.Input;
        while (channels > MinimumSlice && channels * plane > CacheBytes && MostOfSet(channels, plane) > MaximumOfSet)
            channels = (channels + 1) / 2;

        return new EvenSplit(Channels, channels);
    }

    // How many lines of a panel fall into the same set of the cache.
    private int MostOfSet(int channels, long plane)
    {
        var lines = new int[CacheSets];
        int most = 0, columns = sizeof(float) * Vectors * Lanes;
        for (int channel = 0; channel < channels; channel++)
        {
            for (int row = 0; row < Window; row++)
            {
                long begin = (channel * plane) + (row * (long)sizeof(float) * Width.Input);
                for (long line = begin / CacheLine; line <= (begin + columns - 1) / CacheLine; line++)
                    most = Math.Max(most, ++lines[(int)(line % CacheSets)]);
            }
        }

        return most;
    }

    private void Cut(double items, int threads)
    {
        Columns = new EvenSplit(Width.Grid, Math.Min(Width.Grid, Widest));
        if (Columns.Pieces > 1)
            Columns = new EvenSplit(Width.Grid, (Columns.Largest + Lanes - 1) / Lanes * Lanes);

        SumStride = ((Columns.Largest + Width.Shifts[^1] - Width.Shifts[0] + (2 * Lanes) + 15) / 32 * 32) + 16;

        double wanted = DirectGeometry.WantedItems(Cycles, DirectGeometry.ItemCycles, threads);
        int pieces = (int)Math.Clamp(Math.Ceiling(wanted / (items * Columns.Pieces)), 1, Tiles);
        BlockTiles = new EvenSplit(Tiles, (Tiles + pieces - 1) / pieces);
    }
}
