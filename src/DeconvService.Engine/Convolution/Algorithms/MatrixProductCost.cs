using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using static DeconvService.Engine.Convolution.Algorithms.CostModel;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>What matrix products would cost, in the cycles of <see cref="CostModel"/>.</summary>
internal static class MatrixProductCost
{
    // Each line of a panel's plane, each channel's piece of it and the vectors of that, S of which a stride of S loads, up to the largest that
    // shows; a vector of transposed sums and of phases that are interleaved, and each line of those, less where the kernel interleaves twins.
    private const double PlaneLine = 60;
    private const double GatheredPiece = 7;
    private const double GatheredVector = 2.4;
    private const double MeasuredProducts = 1.04;
    private const double TransposedSums = 12.5;
    private const double InterleavedVector = 11;
    private const double InterleavedLine = 23;
    private const double TwinLine = 10;

    // With channels in the lanes a matrix product does not hide all of the wait for memory behind its multiply-adds: measured with 33 MB
    // of weights, 0.45 of 1.1 ms.
    private const double ShownTraffic = 0.3;

    // Packing weights, cycles a number, and how much more planning takes than for direct convolution.
    private const double PackGemm = 2.2;
    private const double PlanGemm = 5000;
    private const double PlanGemmPhase = 1200;

    // With 16 registers, blocks of 4 positions and 3 vectors of weights read both factors from the second-level cache, where 4 rows of
    // weights stay in the first: measured 1 to 15 % slower, with vectors of 8.
    private const double FewRegisters = 1.08;

    /// <summary>The best of the matrix products.</summary>
    public static double OfBest<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V> => FindBest<V>(shape, use).Cost;

    /// <summary>Which of the matrix products is the best.</summary>
    public static ProductKind BestKind<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V> => FindBest<V>(shape, use).Kind;

    private static (ProductKind Kind, double Cost) FindBest<V>(ConvShape shape, WeightUse use)
        where V : struct, IVec<V>
    {
        TapAxis[] axes = InputPanels.Axes(shape);
        (ProductKind Kind, double Cost) best = (ProductKind.Positions, Of<V>(shape, axes, use, channels: false));
        double channels = Of<V>(shape, axes, use, channels: true);
        if (channels < best.Cost)
            best = (ProductKind.Channels, channels);

        double direct = DirectChannelsGeometry.TryCreate<V>(shape, threads: 1) is { } geometry ? DirectCost.OfChannels<V>(shape, use, geometry) : double.PositiveInfinity;
        return direct < best.Cost ? (ProductKind.DirectChannels, direct) : best;
    }

    // A matrix product whose lanes are output channels or positions.
    private static double Of<V>(ConvShape shape, TapAxis[] axes, WeightUse use, bool channels)
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
        double panels = Math.Ceiling(panelUnits / (channels ? Blocking.Rows<V>(blockVectors) : twins ? Gemm.TwinVectors : Blocking.Vectors<V>()));
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
}
