using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Conv and ConvTranspose.</summary>
internal static class ConvolutionOperators
{
    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        new("Conv", (2, 3), 1, context => Plan(context, ConvKind.Convolution)),
        new("ConvTranspose", (2, 3), 1, context => Plan(context, ConvKind.Transposed)),
    ];

    private static void Plan(NodeContext context, ConvKind kind)
    {
        Operand input = context.In(0), weight = context.In(1);
        Operand? bias = context.Optional(2);
        context.RequireFloating(0);
        context.RequireFloating(1);
        int n = input.Shape.Rank - 2;
        context.Require(n is >= 1 and <= 3, $"its input is {input.Shape}, expected [N, C, D1..Dn] with 1 to 3 spatial axes");
        context.Require(weight.Shape.Rank == n + 2, $"its weight is {weight.Shape}, which does not go with the input {input.Shape}");
        context.Require(bias is null || (bias.Shape.Rank == 1 && bias.Type.IsFloating()), $"its bias is {bias?.Shape}, expected one axis");
        int[] kernel = weight.Shape.Sizes[2..].ToArray();
        context.Require(
            context.Attributes.Int32s("kernel_shape") is not { } said || said.AsSpan().SequenceEqual(kernel),
            $"the attribute 'kernel_shape' contradicts the weight {weight.Shape}");

        var parameters = new ConvParameters
        {
            Kind = kind,
            Stride = WindowAttributes.PerAxis(context, "strides", n),
            Dilation = WindowAttributes.PerAxis(context, "dilations", n),
            Groups = context.Attributes.Int32("group", 1),
            Fit = kind == ConvKind.Convolution ? ConvFit.Floor : ConvFit.Exact,
            Accuracy = context.Accuracy,
        };
        parameters = kind == ConvKind.Convolution
            ? parameters with { Padding = WindowAttributes.Padding(context, n) }
            : TransposedPadding.Apply(context, parameters, input.Shape, kernel);
        var shape = ConvShape.Create(parameters, input.Shape, weight.Shape, bias?.Count);

        long taps = kernel.Aggregate(1L, (product, size) => checked(product * size));
        long multiplyAdds = kind == ConvKind.Convolution
            ? checked(shape.Output.Count * weight.Shape[1] * taps)
            : checked(input.Shape.Count * weight.Shape[1] * taps);
        if (weight.Constant is not null && bias is null or { Constant: not null })
            context.EmitConvolution(shape, MapOf(shape), multiplyAdds);
        else
            context.Emit(shape.Output, input.Type, WithComputedWeights(context.Engine, shape, bias is not null), MapOf(shape), multiplyAdds: multiplyAdds);
    }

    // Weights that are computed by the network itself are packed in every run.
    private static Kernel WithComputedWeights(ConvolutionEngine engine, ConvShape shape, bool hasBias) => (in arguments) =>
    {
        using var weights = new ConvWeights(arguments.In(1).ToArray(), hasBias ? arguments.In(2).ToArray() : default, WeightUse.Once);
        ConvPlan plan = engine.CreatePlan(shape, weights);
        using Workspace workspace = engine.RentWorkspace(plan);
        plan.Run(arguments.In(0), arguments.Out(), workspace, cancellationToken: arguments.Cancellation);
    };

    private static PlaneMap? MapOf(ConvShape shape) => shape.SpatialRank == 2 ? new PlaneMap(MapOf(shape, 0), MapOf(shape, 1)) : null;

    private static AxisMap MapOf(ConvShape shape, int index)
    {
        ConvAxis axis = shape.Axes[index];
        return shape.Kind == ConvKind.Convolution
            ? AxisMap.Window(axis.Stride, axis.EffectiveKernel, axis.PadBegin, axis.PadEnd)
            : AxisMap.Transposed(axis.Stride, axis.EffectiveKernel, axis.PadBegin, axis.PadEnd);
    }
}
