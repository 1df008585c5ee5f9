using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Convolution;

/// <summary>Small layers that make the JIT compile what common layers use, so that no client waits for it.</summary>
internal static class WarmUp
{
    // One of each family: Winograd, direct (image in, image out, strided, output channels in the lanes), matrix products, phases, depthwise
    // (rows, channels in the lanes); the channel counts give whole and partial register blocks. The sizes are small: compiling takes the time,
    // not computing.
    private static readonly (ConvKind Kind, int[] Input, int[] Weight, int Stride, int Padding, int Groups)[] Layers =
    [
        (ConvKind.Convolution, [1, 3, 55, 55], [16, 3, 21, 21], 1, 20, 1),
        (ConvKind.Convolution, [1, 3, 48, 48], [32, 3, 3, 3], 1, 1, 1),
        (ConvKind.Convolution, [1, 64, 28, 28], [64, 64, 3, 3], 1, 1, 1),
        (ConvKind.Convolution, [1, 64, 20, 20], [3, 64, 3, 3], 1, 1, 1),
        (ConvKind.Convolution, [1, 32, 28, 28], [64, 32, 3, 3], 2, 1, 1),
        (ConvKind.Convolution, [1, 64, 14, 14], [64, 64, 3, 3], 2, 1, 1),
        (ConvKind.Convolution, [1, 64, 28, 28], [64, 64, 1, 1], 1, 0, 1),
        (ConvKind.Convolution, [1, 256, 7, 7], [64, 256, 1, 1], 1, 0, 1),
        (ConvKind.Convolution, [1, 32, 28, 28], [32, 1, 3, 3], 1, 1, 32),
        (ConvKind.Convolution, [1, 32, 14, 14], [32, 1, 3, 3], 2, 1, 32),
        (ConvKind.Transposed, [1, 64, 16, 16], [64, 32, 4, 4], 2, 1, 1),
        (ConvKind.Transposed, [1, 64, 16, 16], [64, 32, 2, 2], 2, 0, 1),
        (ConvKind.Transposed, [1, 64, 16, 16], [64, 3, 4, 4], 2, 1, 1),
        (ConvKind.Transposed, [1, 21, 8, 8], [21, 1, 16, 16], 8, 4, 21),
    ];

    /// <summary>Plans and runs the layers once.</summary>
    public static void Run(ConvolutionEngine engine, CancellationToken cancellationToken)
    {
        foreach ((ConvKind kind, int[] input, int[] weight, int stride, int padding, int groups) in Layers)
        {
            var parameters = new ConvParameters
            {
                Kind = kind,
                Stride = stride,
                Padding = padding,
                Groups = groups,
                Fit = kind == ConvKind.Convolution ? ConvFit.Floor : ConvFit.Exact,
            };
            ConvShape shape = ConvShape.Create(parameters, new TensorShape(input), new TensorShape(weight));
            using var weights = new ConvWeights(new float[shape.Weight.Count]);
            ConvPlan plan = engine.CreatePlan(shape, weights);
            using Workspace workspace = engine.RentWorkspace(plan);
            plan.Run(new float[shape.Input.Count], new float[shape.Output.Count], workspace, default, cancellationToken);
        }
    }
}
