using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Sliding and global pools.</summary>
internal static class PoolOperators
{
    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        new("MaxPool", (1, 1), 2, MaxPool),
        new("AveragePool", (1, 1), 1, AveragePool),
        new("GlobalAveragePool", (1, 1), 1, context => Global(context, Reduction.Mean)),
        new("GlobalMaxPool", (1, 1), 1, context => Global(context, Reduction.Max)),
    ];

    private static void MaxPool(NodeContext context)
    {
        Operand input = context.In(0);
        (PoolShape shape, TensorShape output, PlaneMap? map) = ShapeOf(context);
        bool columnMajor = context.Attributes.Flag("storage_order");
        if (!input.Type.IsFloating())
        {
            // Integers pass through float32, which holds the 8-bit types that the operator takes exactly.
            context.Require(input.Type.WireBytes() == 1 && !context.Wants(1), $"its input is of type {input.Type}");
            context.Emit([(output, input.Type), (input.Shape, ElementType.Float32), (output, ElementType.Float32)], (in arguments) =>
            {
                System.Numerics.Tensors.TensorPrimitives.ConvertTruncating(arguments.In<long>(0), arguments.Out(1));
                Pooling.Max(shape, arguments.Out(1), arguments.Out(2), arguments.Threads, arguments.Cancellation);
                System.Numerics.Tensors.TensorPrimitives.ConvertTruncating(arguments.Out(2), arguments.Out<long>());
            });
        }
        else if (context.Wants(1))
        {
            context.Emit(
                [(output, input.Type), (output, ElementType.Int64)],
                (in arguments) =>
                {
                    Pooling.Max(shape, arguments.In(0), arguments.Out(), arguments.Threads, arguments.Cancellation);
                    Pooling.ArgMax(shape, columnMajor, arguments.In(0), arguments.Out<long>(1));
                });
        }
        else
        {
            context.Emit(output, input.Type, (in arguments) => Pooling.Max(shape, arguments.In(0), arguments.Out(), arguments.Threads, arguments.Cancellation), map);
        }
    }

    private static void AveragePool(NodeContext context)
    {
        context.RequireFloating(0);
        (PoolShape shape, TensorShape output, PlaneMap? map) = ShapeOf(context);
        bool countPadding = context.Attributes.Flag("count_include_pad");
        context.Emit(output, context.In(0).Type, (in arguments) => Pooling.Average(shape, countPadding, arguments.In(0), arguments.Out(), arguments.Threads, arguments.Cancellation), map);
    }

    private static void Global(NodeContext context, RowFunction<float> function)
    {
        TensorShape input = context.In(0).Shape;
        context.RequireFloating(0);
        context.Require(input.Rank >= 3, $"its input is {input}, expected [N, C, D1..Dn]");
        int[] sizes = [input[0], input[1], .. Enumerable.Repeat(1, input.Rank - 2)];
        context.Emit(new TensorShape(sizes), context.In(0).Type, (in arguments) => Reduction.Run(function, arguments.In(0), arguments.Out(), arguments.Threads, arguments.Cancellation));
    }

    private static (PoolShape Shape, TensorShape Output, PlaneMap? Map) ShapeOf(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        int n = input.Rank - 2;
        context.Require(n is >= 1 and <= 3, $"its input is {input}, expected [N, C, D1..Dn] with 1 to 3 spatial axes");
        int[] kernel = context.Attributes.Int32s("kernel_shape") ?? throw context.Invalid("the attribute 'kernel_shape' is missing");
        context.Require(kernel.Length == n && Array.TrueForAll(kernel, size => size >= 1), $"the attribute 'kernel_shape' is [{string.Join(", ", kernel)}], expected {n} numbers of at least 1");
        Engine.Convolution.PerAxis strides = WindowAttributes.PerAxis(context, "strides", n), dilations = WindowAttributes.PerAxis(context, "dilations", n);
        Engine.Convolution.ConvPadding pads = WindowAttributes.Explicit(context, n);
        string rule = WindowAttributes.AutoPad(context);
        bool ceiling = context.Attributes.Flag("ceil_mode");

        var axes = new PoolAxis[n];
        for (int i = 0; i < n; i++)
        {
            int size = input[i + 2], ke = checked((dilations[i] * (kernel[i] - 1)) + 1);
            context.Require(size >= 1, $"its input is {input}");
            (int begin, int end) = rule is "NOTSET" ? (pads.Begin[i], pads.End[i]) : (0, 0);
            int output;
            if (rule is "SAME_UPPER" or "SAME_LOWER")
            {
                output = ((size - 1) / strides[i]) + 1;
                int total = Math.Max(0, checked(((output - 1) * strides[i]) + ke - size));
                begin = rule is "SAME_UPPER" ? total / 2 : total - (total / 2);
                end = total - begin;
            }
            else
            {
                int room = checked(size + begin + end - ke);
                context.Require(room >= 0, $"a window of {ke} does not fit an axis of {size} with padding {begin} and {end}");
                output = ((ceiling ? checked(room + strides[i] - 1) : room) / strides[i]) + 1;

                // A window that starts in the padding at the end is left out.
                if (ceiling && (long)(output - 1) * strides[i] >= (long)size + begin)
                    output--;
            }

            axes[i] = new PoolAxis(size, output, kernel[i], strides[i], dilations[i], begin, end);
        }

        TensorShape shape = new([input[0], input[1], .. axes.Select(axis => axis.Output)]);
        PlaneMap? map = n == 2 ? new PlaneMap(MapOf(axes[0]), MapOf(axes[1])) : null;
        return (new PoolShape(checked(input[0] * input[1]), axes), shape, map);
    }

    private static AxisMap MapOf(PoolAxis axis) => AxisMap.Window(axis.Stride, (axis.Dilation * (axis.Kernel - 1)) + 1, axis.PadBegin, axis.PadEnd);
}
