using System.Numerics.Tensors;
using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;

namespace DeconvService.Onnx.Operators;

/// <summary>Functions of two or more tensors, element by element, with broadcasting.</summary>
internal static class BinaryOperators
{
    private static readonly BinaryFunction<float, float> AddFloats = new(TensorPrimitives.Add, TensorPrimitives.Add, (x, y, z) => TensorPrimitives.Add(y, x, z));
    private static readonly BinaryFunction<float, float> MaxFloats = new(TensorPrimitives.Max, TensorPrimitives.Max, (x, y, z) => TensorPrimitives.Max(y, x, z));
    private static readonly BinaryFunction<float, float> MinFloats = new(TensorPrimitives.Min, TensorPrimitives.Min, (x, y, z) => TensorPrimitives.Min(y, x, z));

    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        Arithmetic("Add", AddFloats, (x, y) => x + y, isResidualAdd: true),
        Arithmetic("Sub", new(TensorPrimitives.Subtract, TensorPrimitives.Subtract, TensorPrimitives.Subtract), (x, y) => x - y),
        Arithmetic("Mul", new(TensorPrimitives.Multiply, TensorPrimitives.Multiply, (x, y, z) => TensorPrimitives.Multiply(y, x, z)), (x, y) => x * y),
        Arithmetic("Div", new(TensorPrimitives.Divide, TensorPrimitives.Divide, TensorPrimitives.Divide), Quotient),
        new("Pow", (2, 2), 1, Pow),
        new("Mod", (2, 2), 1, Mod),
        Variadic("Max", MaxFloats, Math.Max),
        Variadic("Min", MinFloats, Math.Min),
        Variadic("Sum", AddFloats, (x, y) => x + y),
        Comparison("Equal", (x, y) => x == y, (x, y) => x == y),
        Comparison("Less", (x, y) => x < y, (x, y) => x < y),
        Comparison("LessOrEqual", (x, y) => x <= y, (x, y) => x <= y) with { Since = 12 },
        Comparison("Greater", (x, y) => x > y, (x, y) => x > y),
        Comparison("GreaterOrEqual", (x, y) => x >= y, (x, y) => x >= y) with { Since = 12 },
        Comparison("And", null, (x, y) => x != 0 && y != 0),
        Comparison("Or", null, (x, y) => x != 0 || y != 0),
        new("Where", (3, 3), 1, Where),
    ];

    private static OperatorDefinition Arithmetic(string name, BinaryFunction<float, float> floats, Func<long, long, long> integers, bool isResidualAdd = false) =>
        new(name, (2, 2), 1, context =>
        {
            Operand x = context.In(0), y = context.In(1);
            RequireSameKind(context, x, y);
            if (x.Type.IsFloating())
                Emit(context, floats, x.Type, isResidualAdd && x.Shape == y.Shape);
            else
                Emit(context, BinaryFunction.Of<long, long>((a, b) => x.Type.Wrap(integers(a, b))), x.Type);
        });

    private static OperatorDefinition Comparison(string name, Func<float, float, bool>? floats, Func<long, long, bool> integers) =>
        new(name, (2, 2), 1, context =>
        {
            Operand x = context.In(0), y = context.In(1);
            RequireSameKind(context, x, y);
            context.Require(floats is not null || !x.Type.IsFloating(), $"its inputs are of type {x.Type}, expected booleans");
            if (x.Type.IsFloating())
                Emit(context, BinaryFunction.Of<float, long>((a, b) => floats!(a, b) ? 1 : 0), ElementType.Bool, inPlace: false);
            else
                Emit(context, BinaryFunction.Of<long, long>((a, b) => integers(a, b) ? 1 : 0), ElementType.Bool);
        });

    private static void RequireSameKind(NodeContext context, Operand x, Operand y) =>
        context.Require(x.Type.IsFloating() == y.Type.IsFloating(), $"its inputs are of the types {x.Type} and {y.Type}");

    private static void Emit<TIn, TOut>(NodeContext context, BinaryFunction<TIn, TOut> function, ElementType type, bool isResidualAdd = false, bool inPlace = true)
        where TIn : unmanaged
        where TOut : unmanaged
    {
        Operand x = context.In(0), y = context.In(1);
        var broadcast = new Broadcast(x.Shape, y.Shape);
        context.Emit(
            broadcast.Output,
            type,
            (in arguments) => broadcast.Run(function, arguments.In<TIn>(0), arguments.In<TIn>(1), arguments.Out<TOut>(), arguments.Threads, arguments.Cancellation),
            Movement.ElementwiseMap(broadcast.Output, [x, y]),
            inPlace,
            isResidualAdd: isResidualAdd);
    }

    private static OperatorDefinition Variadic(string name, BinaryFunction<float, float> floats, Func<long, long, long> integers) =>
        new(name, (1, OperatorDefinition.Many), 1, context =>
        {
            if (context.In(0).Type.IsFloating())
                EmitVariadic(context, floats);
            else
                EmitVariadic(context, BinaryFunction.Of(integers));
        });

    // The first input is repeated to the output's sizes, and the others are taken in one by one.
    private static void EmitVariadic<T>(NodeContext context, BinaryFunction<T, T> function)
        where T : unmanaged
    {
        Operand[] inputs = [.. Enumerable.Range(0, context.InputCount).Select(context.In)];
        TensorShape output = inputs[0].Shape;
        foreach (Operand input in inputs)
        {
            RequireSameKind(context, inputs[0], input);
            output = Broadcast.ShapeOf(output, input.Shape);
        }

        StridedCopy first = Movement.Repeat(inputs[0].Shape, output);
        Broadcast[] others = [.. inputs.Skip(1).Select(input => new Broadcast(output, input.Shape))];
        context.Emit(
            output,
            inputs[0].Type,
            (in arguments) =>
            {
                first.Run(arguments.In<T>(0), arguments.Out<T>(), arguments.Threads, arguments.Cancellation);
                for (int i = 0; i < others.Length; i++)
                    others[i].Run(function, arguments.Out<T>(), arguments.In<T>(i + 1), arguments.Out<T>(), arguments.Threads, arguments.Cancellation);
            },
            Movement.ElementwiseMap(output, inputs));
    }

    // Division by zero has no defined result for integers; it gives 0 here rather than ending the process.
    private static long Quotient(long x, long y) => y switch
    {
        0 => 0,
        -1 => -x,
        _ => x / y,
    };

    private static void Pow(NodeContext context)
    {
        Operand x = context.In(0), y = context.In(1);
        if (x.Type.IsFloating() && y.Type.IsFloating())
        {
            Emit(context, new BinaryFunction<float, float>(TensorPrimitives.Pow, PowConstant, TensorPrimitives.Pow), x.Type);
            return;
        }

        // Mixed types: rare and small. The exponent is brought to the base's form first.
        var broadcast = new Broadcast(x.Shape, y.Shape);
        if (x.Type.IsFloating())
        {
            BinaryFunction<float, float> power = BinaryFunction.Of<float, float>(MathF.Pow);
            context.Emit(broadcast.Output, x.Type, (in arguments) =>
            {
                float[] exponents = new float[arguments.In<long>(1).Length];
                TensorPrimitives.ConvertTruncating(arguments.In<long>(1), exponents);
                broadcast.Run(power, arguments.In(0), exponents, arguments.Out(), arguments.Threads, arguments.Cancellation);
            });
            return;
        }

        BinaryFunction<double, double> integerPower = BinaryFunction.Of<double, double>(Math.Pow);
        bool floatingExponent = y.Type.IsFloating();
        context.Emit(broadcast.Output, x.Type, (in arguments) =>
        {
            double[] bases = new double[arguments.In<long>(0).Length], result = new double[arguments.Out<long>().Length];
            TensorPrimitives.ConvertTruncating(arguments.In<long>(0), bases);
            double[] exponents = new double[floatingExponent ? arguments.In(1).Length : arguments.In<long>(1).Length];
            if (floatingExponent)
                TensorPrimitives.ConvertTruncating(arguments.In(1), exponents);
            else
                TensorPrimitives.ConvertTruncating(arguments.In<long>(1), exponents);

            broadcast.Run(integerPower, bases, exponents, result, arguments.Threads, arguments.Cancellation);
            TensorPrimitives.ConvertSaturating(result, arguments.Out<long>());
        });
    }

    private static void PowConstant(ReadOnlySpan<float> x, float y, Span<float> z)
    {
        if (y == 2)
            TensorPrimitives.Multiply(x, x, z);
        else if (y == 0.5f)
            TensorPrimitives.Sqrt(x, z);
        else
            TensorPrimitives.Pow(x, y, z);
    }

    // Without fmod the result takes the divisor's sign (integers only), with it the dividend's.
    private static void Mod(NodeContext context)
    {
        Operand x = context.In(0), y = context.In(1);
        RequireSameKind(context, x, y);
        bool fmod = context.Attributes.Flag("fmod");
        context.Require(fmod || !x.Type.IsFloating(), "floating-point inputs need fmod = 1");
        if (x.Type.IsFloating())
            Emit(context, BinaryFunction.Of<float, float>((a, b) => a % b), x.Type);
        else
            Emit(context, BinaryFunction.Of<long, long>((a, b) => b is 0 or -1 ? 0 : fmod ? a % b : ((a % b) + b) % b), x.Type);
    }

    private static void Where(NodeContext context)
    {
        Operand condition = context.In(0), x = context.In(1), y = context.In(2);
        RequireSameKind(context, x, y);
        context.Require(!condition.Type.IsFloating(), $"its condition is of type {condition.Type}, expected booleans");
        if (x.Type.IsFloating())
            EmitWhere<float>(context, condition, x, y);
        else
            EmitWhere<long>(context, condition, x, y);
    }

    private static void EmitWhere<T>(NodeContext context, Operand condition, Operand x, Operand y)
        where T : unmanaged
    {
        TensorShape output = Broadcast.ShapeOf(Broadcast.ShapeOf(condition.Shape, x.Shape), y.Shape);
        StridedCopy repeatCondition = Movement.Repeat(condition.Shape, output), repeatX = Movement.Repeat(x.Shape, output), repeatY = Movement.Repeat(y.Shape, output);
        context.Emit([(output, x.Type), (output, x.Type), (output, ElementType.Bool)], (in arguments) =>
        {
            Span<T> result = arguments.Out<T>(), otherwise = arguments.Out<T>(1);
            Span<long> decides = arguments.Out<long>(2);
            repeatX.Run(arguments.In<T>(1), result, arguments.Threads, arguments.Cancellation);
            repeatY.Run(arguments.In<T>(2), otherwise, arguments.Threads, arguments.Cancellation);
            repeatCondition.Run(arguments.In<long>(0), decides, arguments.Threads, arguments.Cancellation);
            for (int i = 0; i < result.Length; i++)
                result[i] = decides[i] != 0 ? result[i] : otherwise[i];
        });
    }
}
