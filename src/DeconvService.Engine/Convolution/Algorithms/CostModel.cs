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

    // Copying whole rows, and gathering pieces of rows tap by tap: what it costs to move one vector.
    private const double MoveVector = 4;
    private const double GatherVector = 8;

    // Weights beyond this do not stay in the last-level cache from run to run, and come from memory at so many bytes a cycle.
    private const double CachedBytes = 16 << 20;
    private const double MemoryBytesPerCycle = 8;
    private const double CacheBytesPerCycle = 12;

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

    // In planar order every m-th number of a row is gathered, one by one: so much for a vector.
    private const double StridedVector = 40;

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

    // The cycles of RowWinograd hold everything and are right within 10 %; those of its rivals leave out writing and take 1.05 to 1.3 of them.
    private const double CountedWhole = 0.87;

    /// <summary><see cref="Algorithms.Gemm"/> or <see cref="GemmChannels"/>.</summary>
    public static double Gemm<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V>
    {
        double positions = Positions(shape), reduction = Reduction(shape);
        double products = shape.MultiplyAdds / Lanes * (PrefersChannels<V>(shape, use) ? 1 : Wasted(positions, V.Count));
        double gather = positions * reduction * shape.Groups / Lanes * GatherVector;
        double weights = shape.Weight.Count;
        double batch = Math.Clamp(GemmBatchBytes / (sizeof(float) * reduction), Blocking.Vectors<V>() * V.Count, GemmBatchPositions);
        double passing = Passing(weights, Math.Ceiling(positions / batch), PanelBytesPerCycle);
        return Math.Max(1.05 * products, Traffic(weights)) + passing + gather + Packing(use, weights, weights, weights * PackGemm);
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
        double copied = geometry.CopiesNothing ? 0 : shape.Input.Count * geometry.Depth.Shifts.Length / Lanes;
        double weights = shape.Weight.Count;
        double panels = geometry.Vectors / shape.Groups / geometry.Products.Vectors;
        double passing = Passing(weights / shape.Groups, panels, PanelBytesPerCycle) * shape.Groups;
        return Math.Max(products, Traffic(weights)) + passing + (copied * MoveVector) + Packing(use, weights, weights, weights * PackDirect);
    }

    /// <summary><see cref="Algorithms.RowWinograd"/> with the given tiles.</summary>
    public static double RowWinograd(ConvShape shape, WeightUse use, RowWinogradGeometry geometry)
    {
        double weights = (double)shape.Groups * RowWinogradGeometry.Alpha * geometry.Segments * geometry.Channels * geometry.Rows;
        return (geometry.Cycles * geometry.Lanes / Lanes * CountedWhole) + Packing(use, shape.Weight.Count, weights, weights * PackDirect);
    }

    /// <summary><see cref="Algorithms.Winograd"/> with the given tiles.</summary>
    public static double Winograd<V>(WinogradGeometry geometry, WeightUse use)
        where V : struct, IVec<V>
    {
        double groups = geometry.Shape.Groups, phases = geometry.Phases, points = geometry.Points;
        double vectorsF = Math.Ceiling(geometry.Outputs / Lanes);
        double tiles = (double)geometry.OutputRows * geometry.RowTiles * groups;
        double inputRows = geometry.Shares ? (double)geometry.InputRows * geometry.Width.Spread * geometry.Width.InputTiles : (double)geometry.OutputRows * geometry.RowTiles;
        double inputVectors = geometry.Planar ? geometry.Channels * 1.5 / Lanes : geometry.ChannelBlocks;
        double products = tiles * points * geometry.Reduction * vectorsF * phases * (geometry.Shares ? geometry.InsideShare : 1);
        double neighbours = geometry.Joined ? tiles / groups : geometry.Width.Tiles;
        double block = neighbours / Math.Ceiling(neighbours / Blocking.Rows<V>(2)) * Math.Min(vectorsF, 2);
        products *= Math.Max(block + BlockStep, ShortestStep) / block;
        double gathered = 0;
        if (geometry.Planar)
        {
            double lines = geometry.Height.Size.Outputs * geometry.Width.Size.Alpha;
            gathered = inputRows * groups * inputVectors * geometry.Parts * lines * (geometry.Width.Size.Outputs * geometry.Width.Step > 1 ? StridedVector : MoveVector);
        }

        double transforms = points * TransformVector * ((inputRows * groups * inputVectors * geometry.Parts) + (tiles * phases * vectorsF));
        double weights = points * phases * geometry.Reduction * vectorsF * Lanes * groups;
        double passing = Passing(weights / groups, Math.Ceiling(tiles / groups / BlockTiles), BlockBytesPerCycle) * groups;
        double source = geometry.Shape.Weight.Count, calls = geometry.Shape.InputChannels * vectorsF;
        double packing = (source * PackSource) + (weights * PackTransformed) + (calls * PackCall);
        return Math.Max(products, Traffic(weights)) + passing + transforms + gathered + Packing(use, source, weights, packing);
    }

    // What packing adds to a request that brings its own weights.
    private static double Packing(WeightUse use, double source, double packed, double cycles)
    {
        bool cached = (source + packed) * sizeof(float) <= CachedBytes;
        return use == WeightUse.Many ? 0 : cycles + (cached ? 0 : packed * PackFromMemory);
    }

    // Lanes that are computed for each one that is used.
    private static double Wasted(double numbers, int lanes) => Math.Ceiling(numbers / lanes) * lanes / numbers;

    // Multiply-adds of an output: the numbers of a panel at one position.
    private static double Reduction(ConvShape shape) => (double)shape.MultiplyAdds / shape.Output.Count;

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
