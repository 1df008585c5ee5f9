using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using static DeconvService.Engine.Convolution.Algorithms.CostModel;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>What direct convolution would cost, in the cycles of <see cref="CostModel"/>.</summary>
internal static class DirectCost
{
    // A block; each piece of a row that it copies and the vectors of that; vectors and lines of its outputs, and what interleaving adds; with
    // channels in the lanes a vector of transposed sums of whole blocks of positions.
    private const double Block = 500;
    private const double CopiedPiece = 12.5;
    private const double CopiedVector = 2.8;
    private const double LineVector = 7;
    private const double Line = 14;
    private const double ZippedVector = 3.7;
    private const double ZippedLine = 16;
    private const double TransposedBlocks = 7;

    // Packing weights, cycles a number; planning with channels in the lanes takes so much more.
    private const double PackDirect = 5;
    private const double PlanChannels = 2000;

    // With 16 registers, against what is counted here: medians of 170 layers.
    private const double FewRegisters = 1.1;
    private const double FewRegistersChannels = 1.2;

    /// <summary><see cref="Algorithms.Direct"/> with the given blocks, which must be those of one thread: bits of results may not depend on their number.</summary>
    public static double Of<V>(ConvShape shape, WeightUse use, DirectGeometry geometry)
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
        return (cycles * (V.Registers < 32 ? FewRegisters : 1)) + Packing(use, weights, weights, weights * PackDirect);
    }

    /// <summary><see cref="Algorithms.DirectChannels"/> with the given blocks, which must be those of one thread.</summary>
    public static double OfChannels<V>(ConvShape shape, WeightUse use, DirectChannelsGeometry geometry)
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
        return (cycles * (V.Registers < 32 ? FewRegistersChannels : 1)) + Packing(use, weights, weights, (weights * PackLanes) + PlanChannels);
    }
}
