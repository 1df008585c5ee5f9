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

    // Loads, arithmetic and stores of one vector in a transform, with its share of the transposition; measured: 10 to 12.
    private const double TransformVector = 11;

    // Copying whole rows, and gathering pieces of rows tap by tap or with a stride: what it costs to move one vector.
    private const double MoveVector = 4;
    private const double GatherVector = 8;

    // What a row costs beside its vectors that is copied in as many pieces as the stride has columns, from a stride of 3 on; shorter strides
    // make pieces so long that it does not show.
    private const double CopiedPiece = 20;
    private const int PiecesShow = 3;

    // Weights beyond this do not stay in the last-level cache from run to run, and come from memory at so many bytes a cycle.
    private const double CachedBytes = 16 << 20;
    private const double MemoryBytesPerCycle = 8;
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

    /// <summary>Panels of a matrix product that stay in half of a second-level cache of 1 MB while all weights pass by.</summary>
    public const int GemmBatchBytes = 512 << 10;

    /// <summary>
    /// The row of sums that a matrix product writes at once: long, but a block of channels in the first-level cache (9 rows are 18 KB).
    /// Half as long is 2 to 4 % slower where the reduction is 64.
    /// </summary>
    public const int GemmBatchPositions = 512;

    // A product with a panel of one vector loads a number for every multiply-add, instead of two for three: three quarters of the speed.
    private const double OneVector = 4.0 / 3;

    // Transposing a sum in a square of 16 x 16.
    private const double TransposedNumber = 0.5;

    // A step of a register block of Winograd's tiles takes so many cycles for its loads and its loop beside the multiply-adds, and at
    // least the time of weights from the second-level cache and of sums that wait for the last step's.
    private const double BlockStep = 2;
    private const double ShortestStep = 8;

    // Planar order, measured over layers with 1 to 8 channels: a step of a block that slides; a call of a kernel, and each vector that it
    // stores; a vector of a square that is transposed, of a transform's input and of its output. With 16 registers all products take longer
    // than is counted here, by about a quarter, but those that slide only a little.
    private const double SlidingStep = 4;
    private const double BlockCall = 25;
    private const double StoredVector = 2;
    private const double SlidingFewRegisters = 0.9;
    private const double TransposedVector = 6;
    private const double InputVector = 7;
    private const double OutputVector = 4.5;

    // Writing a vector of outputs, and one whose phases wait for each other in the second-level cache; with channels in the lanes a
    // transform's vectors include it.
    private const double WrittenVector = 11;
    private const double WrittenPhases = 20;

    // Packing weights, cycles a number: for direct convolution, for matrix products, and for those with channels in the lanes; and Winograd's,
    // for each number as it came, each transformed one, and each call of a transform (one input channel, L outputs). What the last-level
    // cache does not hold takes more.
    private const double PackDirect = 8;
    private const double PackGemm = 2.2;
    private const double PackLanes = 8.5;
    private const double PackSource = 1;
    private const double PackTransformed = 1.15;
    private const double PackCall = 50;
    private const double PackFromMemory = 2;

    // With 16 registers, blocks of 4 positions and 3 vectors of weights read both factors from the second-level cache, where 4 rows of
    // weights stay in the first: measured 1 to 15 % slower, with vectors of 8.
    private const double FewRegisters = 1.08;

    // The cycles of RowWinograd hold everything and are right within 10 %; those of its rivals take 1 to 1.1 of them.
    private const double CountedWhole = 0.97;

    /// <summary><see cref="Algorithms.Gemm"/> or <see cref="GemmChannels"/>.</summary>
    public static double Gemm<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V>
    {
        double positions = Positions(shape), reduction = Reduction(shape);
        bool channels = PrefersChannels<V>(shape, use);
        double products = reduction * shape.Output.Count / Lanes * (channels ? 1 : Wasted(positions, V.Count));
        double gather = positions * reduction * shape.Groups / Lanes * GatherVector;
        double weights = shape.Weight.Count * TapAxis.ShareOfKernel(TapAxis.UsefulOf(shape));
        double batch = Math.Clamp(GemmBatchBytes / (sizeof(float) * reduction), Blocking.Vectors<V>() * V.Count, GemmBatchPositions);
        double passing = Passing(weights, Math.Ceiling(positions / batch), PanelBytesPerCycle);
        double shown = channels && weights * sizeof(float) > CachedBytes ? ShownTraffic * Traffic(weights) : 0;
        return Math.Max(1.05 * products, Traffic(weights)) + shown + passing + gather + Written(shape) + Packing(use, weights, weights, weights * PackGemm);
    }

    /// <summary>Whether <see cref="GemmChannels"/> is the better matrix product: it wastes lanes of channels instead of positions, and transposes its sums.</summary>
    public static bool PrefersChannels<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V>
    {
        double outputs = shape.OutputChannels / shape.Groups, reduction = Reduction(shape), positions = Positions(shape);
        double ofPositions = Wasted(positions, V.Count) * reduction / Lanes * (positions <= V.Count ? OneVector : 1);
        double ofChannels = (Wasted(outputs, V.Count) * reduction / Lanes * (V.Registers < 32 ? FewRegisters : 1)) + TransposedNumber;
        double packing = use == WeightUse.Once ? (PackLanes - PackGemm) * reduction / positions : 0;
        return ofChannels + packing < ofPositions;
    }

    /// <summary><see cref="Algorithms.Direct"/> with the given blocks.</summary>
    public static double Direct(ConvShape shape, WeightUse use, DirectGeometry geometry)
    {
        // Nothing here may depend on the number of threads, as the blocks do, or it would decide about the bits of results.
        double products = geometry.Vectors * geometry.Products.CyclesPerVector * geometry.Lanes / Lanes;
        double copied = geometry.CopiesNothing ? 0 : Copied(shape, geometry);
        double weights = shape.Weight.Count * TapAxis.ShareOfKernel([geometry.Depth, geometry.Height, geometry.Width]);
        double panels = geometry.Vectors / shape.Groups / geometry.Products.Vectors;
        double passing = Passing(weights / shape.Groups, panels, PanelBytesPerCycle) * shape.Groups;
        return Math.Max(products, Traffic(weights)) + passing + copied + Written(shape) + Packing(use, weights, weights, weights * PackDirect);
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
        return (geometry.Cycles * geometry.Lanes / Lanes * CountedWhole) + Packing(use, shape.Weight.Count, weights, weights * PackDirect);
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
        return Math.Max(products, Traffic(weights)) + passing + transforms + Packing(use, source, weights, packing);
    }

    // Copying the input of a direct convolution.
    private static double Copied(ConvShape shape, DirectGeometry geometry)
    {
        int step = geometry.Width.InputStep;
        double numbers = shape.Input.Count * (double)geometry.Depth.Shifts.Length, pieces = numbers / geometry.Width.Input * step;
        return step < PiecesShow
            ? numbers / Lanes * (step > 1 ? GatherVector : MoveVector)
            : pieces * ((Math.Ceiling(geometry.Width.Input / (Lanes * step)) * GatherVector) + CopiedPiece);
    }

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
        double inputs = geometry.Shares ? (double)geometry.InputRows * geometry.Width.Spread * geometry.Width.InputTiles * geometry.Shape.Groups : tiles;
        double waiting = geometry.Phases > 1 ? geometry.Shape.Output.Count / Lanes * (WrittenPhases - WrittenVector) : 0;
        return (geometry.Points * TransformVector * ((inputs * geometry.ChannelBlocks * geometry.Parts) + (tiles * geometry.Phases * vectors))) + waiting;
    }

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

        return row * geometry.OutputRows * geometry.Width.Spread * geometry.Points * geometry.Phases * geometry.Shape.Groups * V.Count / Lanes;
    }

    private static double PlanarTransforms<V>(WinogradGeometry geometry, double tiles, double vectors)
        where V : struct, IVec<V>
    {
        WinogradGrid height = geometry.Height, width = geometry.Width;
        int columns = geometry.Shares ? width.InputTiles : width.Tiles, tileStep = width.Size.Outputs * width.Step;
        double lanes = geometry.PlanarColumns(columns) / Lanes, reach = width.Reach(1);
        double rows = (double)(geometry.Shares ? geometry.InputRows : geometry.OutputRows) * geometry.Channels * geometry.Shape.Groups;

        // Blocks of about two rows of tiles gather what lies between them twice.
        double gathered = rows * (height.Size.Outputs + (0.5 * (height.Size.Alpha - height.Size.Outputs))) * geometry.DepthParts * height.Offsets.Length;
        double squares = tileStep == 1 ? reach * lanes * MoveVector
            : (Math.Ceiling(reach / V.Count) * V.Count * lanes * TransposedVector) + (width.Reach(columns) / Lanes * MoveVector);
        double inputs = rows * geometry.Parts * width.Spread * lanes * geometry.Points * InputVector;
        double written = geometry.Phases > 1 ? WrittenPhases : WrittenVector;
        double outputs = tiles * geometry.Phases * vectors * ((geometry.Points * OutputVector) + (height.Size.Outputs * width.Size.Outputs * written));
        return (gathered * squares) + inputs + outputs;
    }

    private static double Written(ConvShape shape) => shape.Output.Count / Lanes * WrittenVector;

    // What packing adds to a request that brings its own weights.
    private static double Packing(WeightUse use, double source, double packed, double cycles)
    {
        bool cached = (source + packed) * sizeof(float) <= CachedBytes;
        return use == WeightUse.Many ? 0 : cycles + (cached ? 0 : packed * PackFromMemory);
    }

    // Lanes that are computed for each one that is used.
    private static double Wasted(double numbers, int lanes) => Math.Ceiling(numbers / lanes) * lanes / numbers;

    // Multiply-adds of an output: the numbers of a panel at one position, without taps that only meet padding.
    private static double Reduction(ConvShape shape) =>
        shape.MultiplyAdds * TapAxis.ShareOfKernel(TapAxis.UsefulOf(shape)) / shape.Output.Count;

    private static double Positions(ConvShape shape) =>
        shape.Kind == ConvKind.Transposed ? shape.Input.Count / (double)shape.InputChannels : shape.Output.Count / (double)shape.OutputChannels;

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
