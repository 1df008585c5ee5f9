using System.Numerics.Tensors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Operators;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Functions of one tensor, element by element, and PRelu.</summary>
internal static class ActivationOperators
{
    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        Unary("Relu", _ => ActivationFunctions.Relu, _ => new Epilogue { Activation = Activation.Relu }, x => Math.Max(x, 0)),
        Unary("LeakyRelu", context => ActivationFunctions.LeakyRelu(Alpha(context, 0.01f)), context => new Epilogue { Activation = Activation.LeakyRelu, Alpha = Alpha(context, 0.01f) }),
        Unary("Sigmoid", _ => ActivationFunctions.Sigmoid),
        Unary("HardSigmoid", context => ActivationFunctions.HardSigmoid(Alpha(context, 0.2f), context.Attributes.Float("beta", 0.5f))),
        Unary("HardSwish", _ => ActivationFunctions.HardSwish) with { Since = 14 },
        Unary("Tanh", _ => TensorPrimitives.Tanh),
        Unary("Elu", context => ActivationFunctions.Elu(Alpha(context, 1))),
        Unary("Selu", context => ActivationFunctions.Elu(Alpha(context, 1.67326319217681884765625f), context.Attributes.Float("gamma", 1.05070102214813232421875f))),
        Unary("Softplus", _ => ActivationFunctions.Softplus),
        Unary("Gelu", Gelu) with { Since = 20 },
        Unary("Erf", _ => ActivationFunctions.Erf) with { Since = 9 },
        Unary("Exp", _ => TensorPrimitives.Exp),
        Unary("Log", _ => TensorPrimitives.Log),
        Unary("Sqrt", _ => TensorPrimitives.Sqrt),
        Unary("Reciprocal", _ => TensorPrimitives.Reciprocal),
        Unary("Floor", _ => TensorPrimitives.Floor),
        Unary("Ceil", _ => TensorPrimitives.Ceiling),
        Unary("Round", _ => (x, y) => TensorPrimitives.Round(x, MidpointRounding.ToEven, y)) with { Since = 11 },
        Unary("Abs", _ => TensorPrimitives.Abs, integers: x => x < 0 ? -x : x),
        Unary("Neg", _ => TensorPrimitives.Negate, integers: x => -x),
        Unary("Not", null, integers: x => x == 0 ? 1 : 0),
        new("Clip", (1, 3), 1, Clip) { ShapeInputs = [1, 2] },
        new("PRelu", (2, 2), 1, PRelu),
    ];

    private static float Alpha(NodeContext context, float otherwise) => context.Attributes.Float("alpha", otherwise);

    private static OperatorDefinition Unary(
        string name,
        Func<NodeContext, UnaryFunction<float>>? floats,
        Func<NodeContext, Epilogue>? activation = null,
        Func<long, long>? integers = null) => new(name, (1, 1), 1, context =>
        {
            ElementType type = context.In(0).Type;
            context.Require(type.IsFloating() ? floats is not null : integers is not null, $"its input is of type {type}, which the operator does not take");
            if (type.IsFloating())
                EmitFloats(context, floats!(context), activation?.Invoke(context));
            else
                EmitIntegers(context, x => type.Wrap(integers!(x)));
        });

    private static void EmitFloats(NodeContext context, UnaryFunction<float> function, Epilogue? activation = null) => context.Emit(
        context.In(0).Shape,
        context.In(0).Type,
        (in arguments) => Elementwise.Run(function, arguments.In(0), arguments.Out(), arguments.Threads, arguments.Cancellation),
        PlaneMap.Identity,
        inPlace: true,
        activation: activation);

    private static void EmitIntegers(NodeContext context, Func<long, long> function) => context.Emit(
        context.In(0).Shape,
        context.In(0).Type,
        (in arguments) =>
        {
            ReadOnlySpan<long> from = arguments.In<long>(0);
            Span<long> to = arguments.Out<long>();
            for (int i = 0; i < to.Length; i++)
                to[i] = function(from[i]);
        },
        PlaneMap.Identity,
        inPlace: true);

    private static UnaryFunction<float> Gelu(NodeContext context)
    {
        string approximate = context.Attributes.Text("approximate", "none");
        context.Require(approximate is "none" or "tanh", $"the attribute 'approximate' is '{approximate}', expected 'none' or 'tanh'");
        return approximate is "tanh" ? ActivationFunctions.GeluTanh : ActivationFunctions.Gelu;
    }

    private static void Clip(NodeContext context)
    {
        if (!context.In(0).Type.IsFloating())
        {
            long least = context.Integers(1) is [var first, ..] ? first : long.MinValue;
            long most = context.Integers(2) is [var second, ..] ? second : long.MaxValue;
            EmitIntegers(context, x => Math.Min(Math.Max(x, least), most));
            return;
        }

        float low = float.NegativeInfinity, high = float.PositiveInfinity;
        if (context.Opset < 11)
        {
            low = context.Attributes.Float("min", low);
            high = context.Attributes.Float("max", high);
        }
        else
        {
            low = context.Floats(1) is [var first, ..] ? first : low;
            high = context.Floats(2) is [var second, ..] ? second : high;
        }

        // The engine's Clip is asked for bounds that are not crossed.
        Epilogue? activation = low <= high ? new Epilogue { Activation = Activation.Clip, Alpha = low, Beta = high } : null;
        EmitFloats(context, ActivationFunctions.Clip(low, high), activation);
    }

    private static void PRelu(NodeContext context)
    {
        Operand input = context.In(0), slope = context.In(1);
        context.RequireFloating(0);
        context.RequireFloating(1);
        var broadcast = new Broadcast(input.Shape, slope.Shape);
        context.Require(broadcast.Output == input.Shape, $"its slope {slope.Shape} does not go with its input {input.Shape}");
        context.Emit(
            input.Shape,
            input.Type,
            (in arguments) => broadcast.Run(ActivationFunctions.PRelu, arguments.In(0), arguments.In(1), arguments.Out(), arguments.Threads, arguments.Cancellation),
            Movement.ElementwiseMap(input.Shape, [input, slope]),
            inPlace: true,
            activation: Fusable(input, slope));
    }

    // One slope for all, or one a channel.
    private static Epilogue? Fusable(Operand input, Operand slope)
    {
        if (slope.Constant is not { } constant || input.Shape.Rank < 3)
            return null;

        if (constant.Count == 1)
            return new Epilogue { Activation = Activation.LeakyRelu, Alpha = constant.FloatArray[0] };

        int channelAxis = slope.Shape.Rank - (input.Shape.Rank - 1);
        return constant.Count == input.Shape[1] && channelAxis >= 0 && slope.Shape[channelAxis] == constant.Count
            ? new Epilogue { Activation = Activation.PRelu, Slopes = constant.Floats }
            : null;
    }
}
