using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution;

/// <summary>Chooses the algorithm of a layer.</summary>
internal static class ConvPlanner
{
    /// <summary>In order of preference: the special before the general. The first that takes the layer wins.</summary>
    public static IReadOnlyList<IConvAlgorithm> Algorithms { get; } =
    [
        new Depthwise(),
        new Winograd(),
        new RowWinograd(),
        new Direct(),
        new DirectChannels(),
        new GemmChannels(),
        new Gemm(),
        new ReferenceAlgorithm(),
    ];

    // The fast algorithms keep a list of every phase and tap. A request may ask for a stride or a kernel of a hundred million,
    // which nobody means; the formula itself needs no lists.
    private const double MaximumPhases = 1 << 16;
    private const double MaximumTaps = 1 << 20;

    /// <summary>Plans the layer with the first algorithm that takes it.</summary>
    public static PlannedAlgorithm Plan(ConvRequest request, SimdLevel level)
    {
        foreach (IConvAlgorithm algorithm in Algorithms)
        {
            if (algorithm is not ReferenceAlgorithm && IsExtreme(request.Shape))
                continue;

            if (TryPlan(algorithm, request, level) is { } planned)
                return planned;
        }

        throw new InvalidOperationException("The last algorithm takes every layer.");
    }

    /// <summary>Plans the layer with one algorithm, or answers null where it does not take it.</summary>
    public static PlannedAlgorithm? TryPlan(IConvAlgorithm algorithm, ConvRequest request, SimdLevel level) => level switch
    {
        SimdLevel.Vector512 => algorithm.TryPlan<V512>(request),
        SimdLevel.Vector256 => algorithm.TryPlan<V256>(request),
        _ => algorithm.TryPlan<V128>(request),
    };

    private static bool IsExtreme(ConvShape shape)
    {
        double taps = shape.Axes.Aggregate(1.0, (product, axis) => product * axis.Kernel);
        double phases = shape.Kind == ConvKind.Transposed ? shape.Axes.Aggregate(1.0, (product, axis) => product * axis.Stride) : 1;
        return taps > MaximumTaps || phases > MaximumPhases;
    }
}
