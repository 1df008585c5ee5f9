using System.Numerics.Tensors;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Operators that give the same elements other sizes, or tensors that follow from sizes.</summary>
internal static class ShapeOperators
{
    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        new("Shape", (1, 1), 1, Shape),
        new("Size", (1, 1), 1, context => context.Emit(new TensorValue(default, [context.In(0).Shape.Count]))),
        new("Reshape", (2, 2), 1, Reshape) { ShapeInputs = [1] },
        new("Flatten", (1, 1), 1, Flatten),
        new("Squeeze", (1, 2), 1, Squeeze) { ShapeInputs = [1] },
        new("Unsqueeze", (1, 2), 1, Unsqueeze) { ShapeInputs = [1] },
        new("Identity", (1, 1), 1, context => context.EmitView(context.In(0).Shape, PlaneMap.Identity)),
        new("Dropout", (1, 3), 2, Dropout) { ShapeInputs = [2] },
        new("Constant", (0, 0), 1, context => context.Emit(ReadConstant(context))),
        new("ConstantOfShape", (1, 1), 1, ConstantOfShape) { Since = 9, ShapeInputs = [0] },
        new("Range", (3, 3), 1, Range) { Since = 11, ShapeInputs = [0, 1, 2] },
        new("Cast", (1, 1), 1, Cast),
    ];

    /// <summary>Sizes that came as int64 values.</summary>
    public static TensorShape ShapeOf(NodeContext context, IReadOnlyList<long> sizes)
    {
        int[] result = new int[sizes.Count];
        for (int i = 0; i < result.Length; i++)
        {
            context.Require(sizes[i] is >= 0 and <= int.MaxValue, $"[{string.Join(", ", sizes)}] is no shape");
            result[i] = (int)sizes[i];
        }

        return new TensorShape(result);
    }

    /// <summary>The value of a Constant node.</summary>
    public static TensorValue ReadConstant(NodeContext context)
    {
        if (context.Attributes.Tensor("value") is { } tensor)
            return tensor;

        if (context.Attributes.Has("value_float"))
            return new TensorValue(default, [context.Attributes.Float("value_float", 0)]);

        if (context.Attributes.Has("value_int"))
            return new TensorValue(default, [context.Attributes.Int("value_int", 0)]);

        if (context.Attributes.Floats("value_floats") is { } floats)
            return new TensorValue(new TensorShape(floats.Length), floats);

        if (context.Attributes.Ints("value_ints") is { } integers)
            return new TensorValue(new TensorShape(integers.Length), integers);

        throw context.Invalid("it has no attribute 'value', 'value_float', 'value_floats', 'value_int' or 'value_ints'");
    }

    private static void Shape(NodeContext context)
    {
        TensorShape shape = context.In(0).Shape;
        long start = context.Attributes.Int("start", 0), end = context.Attributes.Int("end", shape.Rank);
        int from = (int)Math.Clamp(start < 0 ? start + shape.Rank : start, 0, shape.Rank);
        int to = (int)Math.Clamp(end < 0 ? end + shape.Rank : end, from, shape.Rank);
        long[] sizes = [.. shape.Sizes[from..to].ToArray().Select(size => (long)size)];
        context.Emit(new TensorValue(new TensorShape(sizes.Length), sizes));
    }

    private static void Reshape(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        long[] wanted = [.. context.Integers(1) ?? throw context.Invalid("its shape is missing")];
        bool allowZero = context.Attributes.Flag("allowzero");
        int open = -1;
        long known = 1;
        for (int i = 0; i < wanted.Length; i++)
        {
            if (wanted[i] == 0 && !allowZero)
            {
                context.Require(i < input.Rank, $"[{string.Join(", ", wanted)}] copies axis {i} of {input}");
                wanted[i] = input[i];
            }

            if (wanted[i] == -1)
            {
                context.Require(open < 0, $"[{string.Join(", ", wanted)}] leaves two sizes open");
                open = i;
            }
            else
            {
                known = checked(known * wanted[i]);
            }
        }

        if (open >= 0)
        {
            context.Require(known > 0 && input.Count % known == 0, $"{input} cannot become [{string.Join(", ", wanted)}]");
            wanted[open] = input.Count / known;
        }

        TensorShape output = ShapeOf(context, wanted);
        context.EmitView(output, output == input ? PlaneMap.Identity : null);
    }

    private static void Flatten(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        int axis = context.Attributes.Int32("axis", 1);
        context.Require(axis >= -input.Rank && axis <= input.Rank, $"axis {axis} is outside of {input.Rank} axes");
        axis = axis < 0 ? axis + input.Rank : axis;
        context.EmitView(new TensorShape(checked((int)TensorShape.CountOf(input.Sizes[..axis])), checked((int)TensorShape.CountOf(input.Sizes[axis..]))));
    }

    private static long[]? AxesOf(NodeContext context) => context.Opset < 13 ? context.Attributes.Ints("axes") : context.Integers(1);

    private static void Squeeze(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        int[] axes = AxesOf(context) is { } given
            ? context.Axes(given, input.Rank)
            : [.. Enumerable.Range(0, input.Rank).Where(axis => input[axis] == 1)];
        foreach (int axis in axes)
            context.Require(input[axis] == 1, $"axis {axis} of {input} is not 1");

        context.EmitView(new TensorShape([.. Enumerable.Range(0, input.Rank).Where(axis => !axes.Contains(axis)).Select(axis => input[axis])]));
    }

    private static void Unsqueeze(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        long[] given = AxesOf(context) ?? throw context.Invalid("its axes are missing");
        int rank = input.Rank + given.Length;
        int[] axes = context.Axes(given, rank), sizes = new int[rank];
        for (int axis = 0, from = 0; axis < rank; axis++)
            sizes[axis] = axes.Contains(axis) ? 1 : input[from++];

        context.EmitView(new TensorShape(sizes));
    }

    // In inference it changes nothing, and its mask lets everything through.
    private static void Dropout(NodeContext context)
    {
        context.Require(context.Integers(2) is not [not 0, ..], "training is not supported");
        context.RequireFloating(0);
        TensorShape shape = context.In(0).Shape;
        if (!context.Wants(1))
        {
            context.EmitView(shape, PlaneMap.Identity);
            return;
        }

        ElementType type = context.In(0).Type;
        context.Emit([(shape, type), (shape, context.Opset < 10 ? type : ElementType.Bool)], (in arguments) =>
        {
            arguments.In(0).CopyTo(arguments.Out());
            if (context.Opset < 10)
                arguments.Out(1).Fill(1);
            else
                arguments.Out<long>(1).Fill(1);
        });
    }

    private static void ConstantOfShape(NodeContext context)
    {
        TensorShape shape = ShapeOf(context, context.Integers(0) ?? []);
        TensorValue value = context.Attributes.Tensor("value") ?? new TensorValue(new TensorShape(1), [0f]);
        context.Require(value.Count == 1, $"its value has {value.Count} elements, expected 1");
        context.Emit(
            shape,
            value.Type,
            value.Type.IsFloating() ? (in arguments) => arguments.Out().Fill(value.FloatArray[0]) : (in arguments) => arguments.Out<long>().Fill(value.IntegerArray[0]));
    }

    private static void Range(NodeContext context)
    {
        ElementType type = context.In(0).Type;
        if (type.IsFloating())
        {
            float start = One(context, context.Floats(0)), step = One(context, context.Floats(2));
            double count = Math.Max(0, Math.Ceiling(((double)One(context, context.Floats(1)) - start) / step));
            context.Require(step != 0 && count <= int.MaxValue, $"it has {count} elements");
            context.Emit(new TensorShape((int)count), type, (in arguments) =>
            {
                Span<float> to = arguments.Out();
                for (int i = 0; i < to.Length; i++)
                    to[i] = start + (i * step);
            });
        }
        else
        {
            long start = One(context, context.Integers(0)), limit = One(context, context.Integers(1)), step = One(context, context.Integers(2));
            context.Require(step != 0, "its step is 0");
            Int128 count = Int128.Max(0, ((Int128)limit - start + step - Int128.Sign(step)) / step);
            context.Require(count <= int.MaxValue, $"it has {count} elements");
            context.Emit(new TensorShape((int)count), type, (in arguments) =>
            {
                Span<long> to = arguments.Out<long>();
                for (int i = 0; i < to.Length; i++)
                    to[i] = start + (i * step);
            });
        }
    }

    private static T One<T>(NodeContext context, T[]? values)
    {
        context.Require(values is { Length: 1 }, "start, limit and delta are one number each");
        return values[0];
    }

    private static void Cast(NodeContext context)
    {
        Operand input = context.In(0);
        var to = (ElementType)context.Attributes.Int32("to", 0);
        context.Require(to.WireBytes() > 0, $"it casts to the element type {(int)to}, which is not supported");
        bool sameForm = input.Type.IsFloating() == to.IsFloating();
        Kernel kernel = (input.Type.IsFloating(), to.IsFloating()) switch
        {
            (true, true) => (in arguments) => Round(arguments.In(0), arguments.Out(), to),
            (true, false) => (in arguments) => Truncate(arguments.In(0), arguments.Out<long>(), to),
            (false, true) => (in arguments) =>
            {
                TensorPrimitives.ConvertTruncating(arguments.In<long>(0), arguments.Out());
                Round(arguments.Out(), arguments.Out(), to);
            }
            ,
            _ => (in arguments) =>
            {
                ReadOnlySpan<long> from = arguments.In<long>(0);
                Span<long> result = arguments.Out<long>();
                for (int i = 0; i < result.Length; i++)
                    result[i] = to.Wrap(from[i]);
            }
            ,
        };
        context.Emit(input.Shape, to, kernel, PlaneMap.Identity, inPlace: sameForm);
    }

    // Narrow floating types lose the digits that they do not have.
    private static void Round(ReadOnlySpan<float> from, Span<float> to, ElementType type)
    {
        for (int i = 0; i < to.Length; i++)
        {
            to[i] = type switch
            {
                ElementType.Float16 => (float)(Half)from[i],
                ElementType.BFloat16 => RoundToBFloat16(from[i]),
                _ => from[i],
            };
        }
    }

    // To nearest, ties to even, on the bits.
    private static float RoundToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? value : BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }

    private static void Truncate(ReadOnlySpan<float> from, Span<long> to, ElementType type)
    {
        for (int i = 0; i < to.Length; i++)
            to[i] = type == ElementType.Bool ? (from[i] != 0 ? 1 : 0) : type.Wrap(long.CreateSaturating(from[i]));
    }
}
