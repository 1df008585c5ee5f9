using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;

namespace DeconvService.Benchmarks.Layers;

/// <summary>Plans by an algorithm of our choice instead of the planner's.</summary>
internal static class ChosenPlan
{
    /// <summary>The plan, or null where the algorithm cannot compute the layer.</summary>
    public static ConvPlan? TryCreate(ConvolutionEngine engine, IConvAlgorithm algorithm, ConvShape shape, ConvWeights weights)
    {
        var output = new OutputStage(Epilogue.None, shape.OutputChannels, weights.Bias);
        var request = new ConvRequest(shape, weights, output, engine.Buffers, engine.Threads.Count) { EvenIfSlow = true };
        return ConvPlanner.TryPlan(algorithm, request, engine.Level) is { } planned ? new ConvPlan(request, planned, engine.Threads) : null;
    }
}
