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
        new Gemm(),
        new ReferenceAlgorithm(),
    ];

    /// <summary>Plans the layer with the first algorithm that takes it.</summary>
    public static PlannedAlgorithm Plan(ConvRequest request, SimdLevel level)
    {
        foreach (IConvAlgorithm algorithm in Algorithms)
        {
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
}
