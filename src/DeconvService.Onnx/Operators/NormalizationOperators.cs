using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>BatchNormalization and InstanceNormalization.</summary>
internal static class NormalizationOperators
{
    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        new("BatchNormalization", (5, 5), 5, BatchNormalization),
        new("InstanceNormalization", (3, 3), 1, InstanceNormalization),
    ];

    /// <summary>Factors and summands that batch normalisation comes down to in inference: <c>y = scale * x + shift</c>.</summary>
    public static void Coefficients(
        ReadOnlySpan<float> gamma,
        ReadOnlySpan<float> beta,
        ReadOnlySpan<float> mean,
        ReadOnlySpan<float> variance,
        float epsilon,
        Span<float> scale,
        Span<float> shift)
    {
        for (int c = 0; c < scale.Length; c++)
        {
            double factor = gamma[c] / Math.Sqrt((double)variance[c] + epsilon);
            scale[c] = (float)factor;
            shift[c] = (float)(beta[c] - (mean[c] * factor));
        }
    }

    private static (int Channels, int Plane) ShapeOf(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        context.RequireFloating(0);
        context.Require(input.Rank >= 2, $"its input is {input}, expected [N, C, D1..Dn]");
        for (int i = 1; i < context.InputCount; i++)
        {
            context.RequireFloating(i);
            context.Require(context.In(i).Count == input[1], $"input {i} has {context.In(i).Count} elements for {input[1]} channels");
        }

        return (input[1], (int)TensorShape.CountOf(input.Sizes[2..]));
    }

    private static void BatchNormalization(NodeContext context)
    {
        (int channels, int plane) = ShapeOf(context);
        context.Require(!context.Attributes.Flag("training_mode") && !context.Wants(1), "training is not supported");
        context.Require(context.Attributes.Flag("spatial", otherwise: true), "'spatial' = 0 is not supported");
        float epsilon = context.Attributes.Float("epsilon", 1e-5f);
        context.Emit(
            context.In(0).Shape,
            context.In(0).Type,
            (in arguments) =>
            {
                float[] scale = new float[channels], shift = new float[channels];
                Coefficients(arguments.In(1), arguments.In(2), arguments.In(3), arguments.In(4), epsilon, scale, shift);
                Normalization.Channels(arguments.In(0), scale, shift, arguments.Out(), plane, arguments.Threads, arguments.Cancellation);
            },
            PlaneMap.Identity);
    }

    private static void InstanceNormalization(NodeContext context)
    {
        (_, int plane) = ShapeOf(context);
        float epsilon = context.Attributes.Float("epsilon", 1e-5f);
        context.Emit(
            context.In(0).Shape,
            context.In(0).Type,
            (in arguments) => Normalization.Instances(arguments.In(0), arguments.In(1), arguments.In(2), epsilon, arguments.Out(), plane, arguments.Threads, arguments.Cancellation),
            PlaneMap.Normalised);
    }
}
