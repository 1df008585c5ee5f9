using DeconvService.Benchmarks.Layers;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Micro;

/// <summary>One layer for each algorithm, small enough to run often. The algorithm is set, whatever the planner would choose.</summary>
internal static class BenchmarkLayers
{
    private static readonly (IConvAlgorithm Algorithm, ConvCase Layer)[] Chosen =
    [
        (new Direct(), Convolution("pointwise", [1, 64, 56, 56], [64, 64, 1, 1])),
        (new Winograd(), Convolution("winograd", [1, 64, 56, 56], [64, 64, 3, 3], padding: 1)),
        (new Winograd(), Convolution("winograd, one block", [1, 64, 12, 12], [32, 64, 3, 3], padding: 1)),
        (new Winograd(), Convolution("nested winograd", [1, 16, 48, 48], [16, 16, 15, 15], padding: 7)),
        (new Direct(), Convolution("direct", [1, 32, 56, 56], [64, 32, 3, 3], stride: 2, padding: 1)),
        (new DirectChannels(), Convolution("direct-channels", [1, 64, 28, 28], [64, 64, 3, 3], stride: 2, padding: 1)),
        (new Direct(), Transposed("phase-direct", [1, 64, 48, 48], [64, 3, 4, 4], stride: 2, padding: 1)),
        (new RowWinograd(), Transposed("phase-row-winograd", [1, 64, 48, 48], [64, 3, 4, 4], stride: 2, padding: 1)),
        (new Depthwise(), Convolution("depthwise", [1, 64, 56, 56], [64, 1, 3, 3], padding: 1, groups: 64)),
        (new Gemm(), Convolution("gemm", [1, 64, 40, 40], [64, 64, 1, 1], stride: 2)),
        (new GemmChannels(), Convolution("gemm-channels", [1, 512, 7, 7], [256, 512, 1, 1])),
    ];

    /// <summary>The layers.</summary>
    public static IEnumerable<ConvCase> All => Chosen.Select(item => item.Layer);

    /// <summary>Plans a layer by its algorithm.</summary>
    public static ConvPlan Plan(ConvolutionEngine engine, ConvCase layer, ConvWeights weights) =>
        ChosenPlan.TryCreate(engine, Chosen.Single(item => item.Layer == layer).Algorithm, layer.Shape, weights)!;

    private static ConvCase Convolution(string name, int[] input, int[] weight, int stride = 1, int padding = 0, int groups = 1) =>
        new(name, new ConvParameters { Stride = stride, Padding = padding, Groups = groups, Fit = ConvFit.Floor }, new TensorShape(input), new TensorShape(weight));

    private static ConvCase Transposed(string name, int[] input, int[] weight, int stride, int padding) =>
        new(name, new ConvParameters { Kind = ConvKind.Transposed, Stride = stride, Padding = padding }, new TensorShape(input), new TensorShape(weight));
}
