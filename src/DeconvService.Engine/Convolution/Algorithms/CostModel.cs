using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// What an algorithm would cost, in cycles of one core that does 16 multiply-adds a cycle: one of a vector of 16, or two of vectors of 8.
/// Only the ratios matter: they say where Winograd's saved products are worth its transforms and its larger weights.
/// </summary>
internal static class CostModel
{
    /// <summary>Multiply-adds of a cycle.</summary>
    public const double Lanes = 16;

    // The constants of direct convolution, matrix products and Winograd are fitted to the times of some 270 layers of all kinds, each forced
    // to all algorithms; the median error is 4 %, and 11 in planar order. What belongs to each row, line or piece of one is counted beside its
    // vectors: without it, layers with short rows and few outputs were planned as if their copying cost nothing.

    // Winograd with channels in the lanes: a row that is gathered and each of its squares that is transposed; a vector of a transform's input
    // and of its output, and each tile of outputs.
    private const double GatheredRow = 130;
    private const double GatheredSquare = 96;
    private const double TransformedInput = 3.3;
    private const double TransformedOutput = 7.6;
    private const double OutputTile = 31;

    // Transformed tiles that are shared are all there at once, and are waited for beyond a size; of others a block, of so many tiles at least,
    // and what of it does not fit the second-level cache is waited for once for each two vectors of outputs.
    private const double NearBytes = 2 << 20;
    private const double FewestTiles = 24;
    private const double TilesBytesPerCycle = 4;
    private const double FarTilesBytesPerCycle = 1.5;

    // Matrix products: each line of a panel's plane, each channel's piece of it and the vectors of that, S of which a stride of S loads, up to
    // the largest that shows; a call of the kernel; a vector of outputs, of transposed sums (of panels, and of whole blocks of positions) and of
    // phases that are interleaved, and each line of those, less where the kernel interleaves twins.
    private const double PlaneLine = 60;
    private const double GatheredPiece = 7;
    private const double GatheredVector = 2.4;
    private const double KernelCall = 30;
    private const double MeasuredProducts = 1.04;
    private const double FinishedVector = 4;
    private const double TransposedSums = 12.5;
    private const double TransposedBlocks = 7;
    private const double InterleavedVector = 11;
    private const double InterleavedLine = 23;
    private const double TwinLine = 10;
    private const double LargestStep = 8;

    // Direct convolution: a block; each piece of a row that it copies and the vectors of that; vectors and lines of its outputs, and what
    // interleaving adds.
    private const double Block = 500;
    private const double CopiedPiece = 12.5;
    private const double CopiedVector = 2.8;
    private const double LineVector = 7;
    private const double Line = 14;
    private const double ZippedVector = 3.7;
    private const double ZippedLine = 16;

    // Weights beyond this do not stay in the last-level cache from run to run, and come from memory at so many bytes a cycle: what a core gets
    // while another one asks, too; alone it gets 8.
    private const double CachedBytes = 16 << 20;
    private const double MemoryBytesPerCycle = 6;
    private const double CacheBytesPerCycle = 12;

    // With channels in the lanes a matrix product does not hide all of the wait for memory behind its multiply-adds: measured with 33 MB
    // of weights, 0.45 of 1.1 ms.
    private const double ShownTraffic = 0.3;

    // Weights that do not fit the second-level cache pass by once for each panel or block of tiles; a panel reads a few numbers at a
    // time, a block of tiles whole lines, which hides more of it. Measured: 8 and 24 bytes a cycle.
    private const double SecondLevelBytes = 1 << 20;
    private const double PanelBytesPerCycle = 8;
    private const double BlockBytesPerCycle = 24;
    private const double BlockTiles = 42;

    /// <summary>
    /// Panels of a matrix product that stay in a quarter of a second-level cache of 1 MB while all weights, and outputs, pass by: with half of it,
    /// layers with large outputs took 2 to 4 % longer.
    /// </summary>
    public const int GemmBatchBytes = 256 << 10;

    /// <summary>
    /// The row of sums that a matrix product writes at once: long, but a block of channels in the first-level cache (9 rows are 18 KB).
    /// Half as long is 2 to 4 % slower where the reduction is 64.
    /// </summary>
    public const int GemmBatchPositions = 512;

    // A step of a register block of Winograd's tiles takes so many cycles for its loads and its loop beside the multiply-adds, and at
    // least the time of weights from the second-level cache and of sums that wait for the last step's.
    private const double BlockStep = 2;
    private const double ShortestStep = 8;

    // Planar order: a step of a block that slides; a call of a kernel, and each vector that it stores; all of these by so much more; a row of
    // tiles; a vector that is moved, of a square that is transposed, of a transform's input and of its output. With 16 registers all products
    // take longer than is counted here, by about a quarter, but those that slide only a little.
    private const double SlidingStep = 4;
    private const double BlockCall = 25;
    private const double StoredVector = 2;
    private const double MeasuredPlanar = 1.09;
    private const double TileRow = 1400;
    private const double MoveVector = 2.4;
    private const double SlidingFewRegisters = 0.9;
    private const double TransposedVector = 3.6;
    private const double InputVector = 4.2;
    private const double OutputVector = 2.7;

    // Writing a vector of outputs, and one whose phases wait for each other in the second-level cache; with channels in the lanes a
    // transform's vectors include it.
    private const double WrittenVector = 6.6;
    private const double WrittenPhases = 12;

    // Packing weights, cycles a number: for direct convolution, for matrix products, for those with channels in the lanes, and for rows of
    // Winograd; and Winograd's, for each number as it came, each transformed one, and each call of a transform (one input channel, L outputs).
    // What the last-level cache does not hold takes more, most where single vectors go to as many places as there are points.
    private const double PackDirect = 5;
    private const double PackGemm = 2.2;
    private const double PackLanes = 1.2;
    private const double PackRows = 25;
    private const double PackSource = 1;
    private const double PackTransformed = 1.15;
    private const double PackCall = 50;
    private const double PackToMemory = 1.1;
    private const double PackPointsToMemory = 6;

    // Planning takes so much more than for direct convolution.
    private const double PlanChannels = 2000;
    private const double PlanGemm = 5000;
    private const double PlanGemmPhase = 1200;

    // With 16 registers, blocks of 4 positions and 3 vectors of weights read both factors from the second-level cache, where 4 rows of
    // weights stay in the first: measured 1 to 15 % slower, with vectors of 8.
    private const double FewRegisters = 1.08;

    // Direct convolution with 16 registers, against what is counted here: medians of 170 layers.
    private const double FewRegistersDirect = 1.1;
    private const double FewRegistersDirectChannels = 1.2;

    // The cycles of RowWinograd hold everything and are right within 10 % for few outputs, which it is for; measured a little less.
    private const double CountedWhole = 0.97;

    /// <summary>
    /// How much Winograd has to gain. Less is a matter of chance: then the plainer algorithm, which needs less memory, is taken; but with 16
    /// registers its costs are overestimated by as much already. What packing takes is known less well than what a run takes, and of 16 registers
    /// and planar order what a run takes, too.
    /// </summary>
    public static double Margin<V>(WeightUse use)
        where V : struct, IVec<V> => use == WeightUse.Once ? (V.Registers < 32 ? 1.3 : 1.15) : V.Registers < 32 ? 1 : 1.05;

    /// <summary>The best of the matrix products.</summary>
    public static double Gemm<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V> => Best<V>(shape, use).Cost;

    /// <summary>Which of the matrix products is the best.</summary>
    public static ProductKind BestProduct<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V> => Best<V>(shape, use).Kind;

    /// <summary><see cref="Algorithms.DirectChannels"/> with the given blocks, which must be those of one thread.</summary>
    public static double DirectChannels<V>(ConvShape shape, WeightUse use, DirectChannelsGeometry geometry)
        where V : struct, IVec<V>
    {
        double images = (double)shape.Batch * shape.Groups * geometry.Depth.Grid, lines = images * geometry.Height.Grid;
        double positions = lines * geometry.Width.Grid, vectors = geometry.Blocks.Begin(geometry.Blocks.Pieces), part = V.Count / Lanes;
        var pieces = new EvenSplit(geometry.Width.Grid, geometry.Pieces.Largest);
        double products = lines * geometry.Taps * geometry.Channels * DirectChannelsGeometry.StepCycles(geometry.Blocks, pieces) * part;
        double calls = lines * pieces.Pieces * geometry.Blocks.Pieces * geometry.Slices.Pieces * KernelCall;

        double copies = images * geometry.Rows.Pieces * geometry.Columns.Pieces * geometry.Parts.Pieces;
        double rows = copies * geometry.Channels * geometry.Depth.Shifts.Length * geometry.CopiedRows;
        double copied = rows * (CopiedPiece + (Math.Ceiling(geometry.CopiedColumns / Lanes) * CopiedVector));
        double written = (positions * vectors * part * TransposedBlocks) + (shape.Output.Count / Lanes * FinishedVector) + (copies * vectors * V.Count * Line);

        double weights = shape.Weight.Count * TapAxis.ShareOfKernel([geometry.Depth, geometry.Height, geometry.Width]);
        double passing = Passing(weights / shape.Groups, copies / shape.Groups, PanelBytesPerCycle) * shape.Groups;
        double cycles = Math.Max(products + calls, Traffic(weights)) + passing + copied + written;
        return (cycles * (V.Registers < 32 ? FewRegistersDirectChannels : 1)) + Packing(use, weights, weights, (weights * PackLanes) + PlanChannels);
    }

    /// <summary><see cref="Algorithms.Direct"/> with the given blocks, which must be those of one thread: bits of results may not depend on their number.</summary>
    public static double Direct<V>(ConvShape shape, WeightUse use, DirectGeometry geometry)
        where V : struct, IVec<V>
    {
        DirectProducts direct = geometry.Products;
        EvenSplit rows = geometry.Rows, columns = geometry.Columns;
        double blocks = (double)shape.Batch * shape.Groups * geometry.Depth.Grid * rows.Pieces * columns.Pieces;
        double blockRows = geometry.Height.Grid / (double)rows.Pieces, blockColumns = geometry.Width.Grid / (double)columns.Pieces;
        double vectors = geometry.Flat ? blocks * Math.Ceiling((((blockRows - 1) * geometry.PartColumns) + blockColumns) / geometry.Lanes) : geometry.Vectors;
        double products = vectors * direct.CyclesPerVector * geometry.Lanes / Lanes;

        int step = geometry.Width.InputStep;
        double copiedRows = ((blockRows - 1) * geometry.Height.InputStep) + geometry.RowSpan;
        double pieces = geometry.CopiesNothing ? 0 : blocks * direct.Channels * geometry.Depth.Shifts.Length * copiedRows * step;
        double pieceVectors = Math.Ceiling(Math.Min(geometry.PartColumns, (geometry.Width.Input / (double)step) + 1) / Lanes);
        double copied = pieces * (CopiedPiece + (pieceVectors * CopiedVector * Math.Min(step, LargestStep)));

        bool zips = geometry.Width.Phases.Length > 1;
        double lines = shape.Output.Count / (double)geometry.Width.Output, lineVectors = Math.Ceiling(geometry.Width.Output / Lanes);
        double written = lines * (Line + (zips ? ZippedLine : 0) + (lineVectors * (LineVector + (zips ? ZippedVector : 0))));

        double weights = shape.Weight.Count * TapAxis.ShareOfKernel([geometry.Depth, geometry.Height, geometry.Width]);
        double panels = geometry.Vectors / shape.Groups / direct.Vectors;
        double passing = Passing(weights / shape.Groups, panels, PanelBytesPerCycle) * shape.Groups;
        double cycles = Math.Max(products, Traffic(weights)) + passing + copied + written + (blocks * Block);
        return (cycles * (V.Registers < 32 ? FewRegistersDirect : 1)) + Packing(use, weights, weights, weights * PackDirect);
    }

    /// <summary>
    /// <see cref="Algorithms.RowWinograd"/> with the given tiles. Never with 16 registers: a block then has 4 rows, two panels are loaded again
    /// for each of them, and <see cref="Direct"/> was 2 to 20 % faster.
    /// </summary>
    public static double RowWinograd<V>(ConvShape shape, WeightUse use, RowWinogradGeometry geometry)
        where V : struct, IVec<V>
    {
        if (V.Registers < 32)
            return double.PositiveInfinity;

        double weights = (double)shape.Groups * RowWinogradGeometry.Alpha * geometry.Segments * geometry.Channels * geometry.Rows;
        return (geometry.Cycles * geometry.Lanes / Lanes * CountedWhole) + Packing(use, shape.Weight.Count, weights, weights * PackRows);
    }

    /// <summary><see cref="Algorithms.Winograd"/> with the given tiles.</summary>
    public static double Winograd<V>(WinogradGeometry geometry, WeightUse use)
        where V : struct, IVec<V>
    {
        double groups = geometry.Shape.Groups, phases = geometry.Phases, points = geometry.Points;
        double vectorsF = Math.Ceiling(geometry.Outputs / Lanes), tiles = (double)geometry.OutputRows * geometry.RowTiles * groups;
        double products = geometry.Planar ? PlanarProducts<V>(geometry) : LaneProducts<V>(geometry, tiles, vectorsF);
        double transforms = geometry.Planar ? PlanarTransforms<V>(geometry, tiles, vectorsF) : LaneTransforms(geometry, tiles, vectorsF);
        double weights = points * phases * geometry.Reduction * vectorsF * Lanes * groups;
        double passing = Passing(weights / groups, Math.Ceiling(tiles / groups / BlockTiles), BlockBytesPerCycle) * groups;
        double source = geometry.Shape.Weight.Count, calls = geometry.Shape.InputChannels * vectorsF;
        double packing = (source * PackSource) + (weights * PackTransformed) + (calls * PackCall);
        return Math.Max(products, Traffic(weights)) + passing + transforms + Packing(use, source, weights, packing, PackPointsToMemory);
    }

    private static (ProductKind Kind, double Cost) Best<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V>
    {
        TapAxis[] axes = InputPanels.Axes(shape);
        (ProductKind Kind, double Cost) best = (ProductKind.Positions, MatrixProduct<V>(shape, axes, use, channels: false));
        double channels = MatrixProduct<V>(shape, axes, use, channels: true);
        if (channels < best.Cost)
            best = (ProductKind.Channels, channels);

        double direct = DirectChannelsGeometry.TryCreate<V>(shape, threads: 1) is { } geometry ? DirectChannels<V>(shape, use, geometry) : double.PositiveInfinity;
        return direct < best.Cost ? (ProductKind.DirectChannels, direct) : best;
    }

    // A matrix product whose lanes are output channels or positions.
    private static double MatrixProduct<V>(ConvShape shape, TapAxis[] axes, WeightUse use, bool channels)
        where V : struct, IVec<V>
    {
        double positions = axes.Aggregate((double)shape.Batch, (product, axis) => product * axis.Grid);
        double phases = axes.Aggregate(1.0, (product, axis) => product * axis.Phases.Length);
        double taps = axes.Aggregate(1.0, (product, axis) => product * axis.Phases.Sum(phase => phase.Length));
        double planes = axes.Aggregate(1.0, (product, axis) => product * axis.Shifts.Length);
        double reduction = taps * (shape.InputChannels / shape.Groups), outputs = shape.OutputChannels / shape.Groups;
        double rowPhases = phases, rowReduction = reduction, rows = outputs;
        bool twins = !channels && axes[2].HasTwins;
        if (twins)
            (rowPhases, rowReduction, rows) = (phases / 2, reduction / 2, outputs * 2);

        // Vectors of the lanes against rows of the others; a panel holds positions, and a block output channels.
        double panelUnits = channels ? positions : Math.Ceiling(positions / V.Count), blockUnits = channels ? Math.Ceiling(outputs / V.Count) : rows;
        int blockVectors = V.Registers < 32 || positions <= Blocking.Rows<V>(3) ? 3 : 2;
        double panels = Math.Ceiling(panelUnits / (channels ? Blocking.Rows<V>(blockVectors) : twins ? Algorithms.Gemm.TwinVectors : Blocking.Vectors<V>()));
        double blocks = Math.Ceiling(blockUnits / (channels ? blockVectors : Blocking.Rows<V>((int)Math.Ceiling(panelUnits / panels))));
        double inPanel = panelUnits / panels, inBlock = blockUnits / blocks, few = channels && V.Registers < 32 ? FewRegisters : 1;
        double step = Math.Max(Math.Max(inPanel * inBlock, inPanel + inBlock), ShortestStep) * few;
        double products = shape.Groups * panels * blocks * ((rowReduction * step) + (rowPhases * KernelCall)) * V.Count / Lanes;

        // Lines of the picture meet panels, unless both begin at one place.
        TapAxis width = TapAxis.JoinPositions(axes) ?? axes[2];
        double panelWidth = channels ? inPanel : Math.Ceiling(inPanel) * V.Count;
        double pieces = (positions / width.Grid) + panels - (positions / LeastCommonMultiple(width.Grid, (long)Math.Ceiling(panelWidth)));
        double vectors = (positions / pieces / Lanes) + 0.5;
        double piece = GatheredPiece + (GatheredVector * Math.Min(width.InputStep, LargestStep) * vectors);
        double gathered = shape.Groups * planes * pieces * (PlaneLine + (shape.InputChannels / shape.Groups * piece));

        double written = phases == 1 ? shape.Output.Count / Lanes * FinishedVector
            : twins ? (shape.Output.Count / Lanes * FinishedVector) + (shape.Output.Count / (double)axes[2].Output * TwinLine)
            : (shape.Output.Count / Lanes * InterleavedVector) + (shape.Output.Count / (double)axes[2].Output * InterleavedLine);
        double transposed = channels ? positions * phases * shape.Groups * Math.Ceiling(outputs / V.Count) * V.Count / Lanes * TransposedSums : 0;

        double weights = shape.Weight.Count * TapAxis.ShareOfKernel(axes);
        double batch = Math.Clamp(GemmBatchBytes / (sizeof(float) * reduction), Blocking.Vectors<V>() * V.Count, GemmBatchPositions);
        double passing = Passing(weights, Math.Ceiling(positions / batch), PanelBytesPerCycle);
        double shown = channels && weights * sizeof(float) > CachedBytes ? ShownTraffic * Traffic(weights) : 0;
        double packing = Packing(use, weights, weights, (weights * (channels ? PackLanes : PackGemm)) + PlanGemm + (phases * PlanGemmPhase));
        return Math.Max(MeasuredProducts * products, Traffic(weights)) + shown + passing + gathered + written + transposed + packing;
    }

    private static double LeastCommonMultiple(long a, long b) => (double)a / DirectGeometry.GreatestCommonDivisor(a, b) * b;

    private static double LaneProducts<V>(WinogradGeometry geometry, double tiles, double vectors)
        where V : struct, IVec<V>
    {
        double neighbours = geometry.Joined ? tiles / geometry.Shape.Groups : geometry.Width.Tiles;
        double block = neighbours / Math.Ceiling(neighbours / Blocking.Rows<V>(2)) * Math.Min(vectors, 2);
        double products = tiles * geometry.Points * geometry.Reduction * vectors * geometry.Phases * geometry.InsideShare;
        return products * Math.Max(block + BlockStep, ShortestStep) / block;
    }

    private static double LaneTransforms(WinogradGeometry geometry, double tiles, double vectors)
    {
        WinogradGrid height = geometry.Height, width = geometry.Width;
        double groups = geometry.Shape.Groups, rows = geometry.Shares ? geometry.InputRows : geometry.OutputRows;
        double reach = Math.Min(width.Reach(geometry.Shares ? width.InputTiles : width.Tiles), width.Axis.Input);
        double gathered = rows * GatheredRows(height) * groups * geometry.ChannelBlocks * geometry.DepthParts * height.Offsets.Length;
        double inputs = geometry.Shares ? rows * width.Spread * width.InputTiles * groups : tiles, outputs = tiles * geometry.Phases * vectors;
        double vectorsIn = geometry.Points * inputs * geometry.ChannelBlocks * geometry.Parts, bytes = vectorsIn * Lanes * sizeof(float);
        double held = bytes / tiles * Math.Min(tiles / groups, FewestTiles), waited = 0;
        if (geometry.Shares && bytes > NearBytes)
            waited = bytes / (bytes <= CachedBytes ? TilesBytesPerCycle : FarTilesBytesPerCycle);
        else if (!geometry.Shares && held > SecondLevelBytes)
            waited = bytes * Math.Ceiling(vectors / 2) * (1 - (SecondLevelBytes / held)) / TilesBytesPerCycle;

        return waited + (gathered * (GatheredRow + (Math.Ceiling(reach / Lanes) * GatheredSquare)))
            + (vectorsIn * TransformedInput)
            + (outputs * ((geometry.Points * TransformedOutput) + OutputTile));
    }

    // Rows of the picture that a row of tiles gathers: blocks of about two rows of tiles gather what lies between them twice.
    private static double GatheredRows(WinogradGrid height) => height.Size.Outputs + (0.5 * (height.Size.Alpha - height.Size.Outputs));

    // Blocks are those of a row of tiles. Shared columns slide along it, and those that are padding are left out.
    private static double PlanarProducts<V>(WinogradGeometry geometry)
        where V : struct, IVec<V>
    {
        double tiles = geometry.Width.Tiles, shifts = geometry.Width.Shared, outputs = Math.Ceiling(geometry.Outputs / (double)V.Count);
        double steps = geometry.Reduction / shifts * geometry.InsideShare, call = BlockCall * Lanes / V.Count, row;
        if (shifts > 1)
        {
            double pieces = Math.Ceiling(shifts / SlidingKernel.Shifts<V>());
            double blocks = Math.Ceiling(tiles / SlidingKernel.Rows<V>((int)Math.Ceiling(shifts / pieces))) * pieces;
            row = outputs * ((steps * ((tiles * shifts * geometry.InsideColumnsShare) + (blocks * SlidingStep))) + (blocks * call) + (tiles * pieces * StoredVector)) * (V.Registers < 32 ? SlidingFewRegisters : 1);
        }
        else
        {
            double vectors = Math.Min(outputs, 2), blocks = Math.Ceiling(tiles / Blocking.Rows<V>((int)vectors)), block = tiles / blocks * vectors;
            row = outputs / vectors * blocks * ((steps * Math.Max(block + BlockStep, ShortestStep)) + call + (block * StoredVector));
        }

        return MeasuredPlanar * row * geometry.OutputRows * geometry.Width.Spread * geometry.Points * geometry.Phases * geometry.Shape.Groups * V.Count / Lanes;
    }

    private static double PlanarTransforms<V>(WinogradGeometry geometry, double tiles, double vectors)
        where V : struct, IVec<V>
    {
        WinogradGrid height = geometry.Height, width = geometry.Width;
        int columns = geometry.Shares ? width.InputTiles : width.Tiles, tileStep = width.Size.Outputs * width.Step;
        double lanes = geometry.PlanarColumns(columns) / Lanes, reach = width.Reach(1);
        double rows = (double)(geometry.Shares ? geometry.InputRows : geometry.OutputRows) * geometry.Channels * geometry.Shape.Groups;

        double gathered = rows * GatheredRows(height) * geometry.DepthParts * height.Offsets.Length;
        double squares = tileStep == 1 ? reach * lanes * MoveVector
            : (Math.Ceiling(reach / V.Count) * V.Count * lanes * TransposedVector) + (width.Reach(columns) / Lanes * MoveVector);
        double inputs = rows * geometry.Parts * width.Spread * lanes * geometry.Points * InputVector;
        double written = geometry.Phases > 1 ? WrittenPhases : WrittenVector;
        double outputs = tiles * geometry.Phases * vectors * ((geometry.Points * OutputVector) + (height.Size.Outputs * width.Size.Outputs * written));
        return (gathered * squares) + inputs + outputs + ((double)geometry.OutputRows * geometry.Shape.Groups * TileRow);
    }

    // What packing adds to a request that brings its own weights.
    private static double Packing(WeightUse use, double source, double packed, double cycles, double toMemory = PackToMemory)
    {
        bool cached = (source + packed) * sizeof(float) <= CachedBytes;
        return use == WeightUse.Many ? 0 : cycles + (cached ? 0 : packed * toMemory);
    }

    private static double Passing(double weights, double times, double bytesPerCycle)
    {
        double bytes = weights * sizeof(float);
        return bytes <= SecondLevelBytes || times <= 1 ? 0 : times * bytes / bytesPerCycle;
    }

    private static double Traffic(double weights)
    {
        double bytes = weights * sizeof(float);
        return bytes / (bytes <= CachedBytes ? CacheBytesPerCycle : MemoryBytesPerCycle);
    }
}
