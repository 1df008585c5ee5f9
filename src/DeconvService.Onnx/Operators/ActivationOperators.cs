using DeconvService.Engine.Convolution;
using DeconvService.Engine.Operators;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Functions of one tensor, element by element.</summary>
internal static class ActivationOperators
{
    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        Unary("Relu", _ => ActivationFunctions.Relu, _ => new Epilogue { Activation = Activation.Relu }),
        Unary(
            "LeakyRelu",
            context => ActivationFunctions.LeakyRelu(context.Attributes.Float("alpha", 0.01f)),
            context => new Epilogue { Activation = Activation.LeakyRelu, Alpha = context.Attributes.Float("alpha", 0.01f) }),
    ];

    private static OperatorDefinition Unary(
        string name,
        Func<NodeContext, UnaryFunction<float>> function,
        Func<NodeContext, Epilogue>? activation = null) => new(name, (1, 1), 1, context =>
        {
            context.RequireFloating(0);
            UnaryFunction<float> f = function(context);
            context.Emit(
                context.In(0).Shape,
                context.In(0).Type,
                (in arguments) => Elementwise.Run(f, arguments.In(0), arguments.Out(), arguments.Threads, arguments.Cancellation),
                PlaneMap.Identity,
                inPlace: true,
                activation: activation?.Invoke(context));
        });
}
