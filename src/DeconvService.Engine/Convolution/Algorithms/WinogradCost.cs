using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using static DeconvService.Engine.Convolution.Algorithms.CostModel;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>What Winograd would cost, in the cycles of <see cref="CostModel"/>.</summary>
internal static class WinogradCost
{
    // Channels in the lanes: a row that is gathered and each of its squares that is transposed; a vector of a transform's input and of its
    // output, which includes writing it, and each tile of outputs.
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

    // Weights that do not fit the second-level cache pass by once for each block of tiles, in whole lines, of which more is hidden than of what
    // a panel reads.
    private const double BlockBytesPerCycle = 24;
    private const double BlockTiles = 42;

    // A step of a register block of tiles takes so many cycles for its loads and its loop beside the multiply-adds.
    private const double BlockStep = 2;

    // Planar order: a step of a block that slides; a call of a kernel, and each vector that it stores; all of these by so much more; a row of
    // tiles; a vector that is moved, of a square that is transposed, of a transform's input and of its output; and writing a vector of outputs,
    // and one whose phases wait for each other in the second-level cache. With 16 registers all products take longer than is counted here, by
    // about a quarter, but those that slide only a little.
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
    private const double WrittenVector = 6.6;
    private const double WrittenPhases = 12;

    // Packing weights, cycles for each number as it came, each transformed one, and each call of a transform (one input channel, L outputs);
    // where single vectors go to as many places as there are points, what the last-level cache does not hold takes most. Rows: a number.
    private const double PackSource = 1;
    private const double PackTransformed = 1.15;
    private const double PackCall = 50;
    private const double PackPointsToMemory = 6;
    private const double PackRows = 25;

    // The cycles of RowWinograd hold everything and are right within 10 % for few outputs, which it is for; measured a little less.
    private const double CountedWhole = 0.97;

    /// <summary><see cref="Algorithms.Winograd"/> with the given tiles.</summary>
    public static double Of<V>(WinogradGeometry geometry, WeightUse use)
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

    /// <summary>
    /// <see cref="Algorithms.RowWinograd"/> with the given tiles. Never with 16 registers: a block then has 4 rows, two panels are loaded again
    /// for each of them, and <see cref="Direct"/> was 2 to 20 % faster.
    /// </summary>
    public static double OfRows<V>(ConvShape shape, WeightUse use, RowWinogradGeometry geometry)
        where V : struct, IVec<V>
    {
        if (V.Registers < 32)
            return double.PositiveInfinity;

        double weights = (double)shape.Groups * RowWinogradGeometry.Alpha * geometry.Segments * geometry.Channels * geometry.Rows;
        return (geometry.Cycles * geometry.Lanes / Lanes * CountedWhole) + Packing(use, shape.Weight.Count, weights, weights * PackRows);
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
}
