using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Operators that move elements without changing them.</summary>
internal static class DataOperators
{
    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        new("Concat", (1, OperatorDefinition.Many), 1, Concat),
        new("Split", (1, 2), OperatorDefinition.Many, Split) { ShapeInputs = [1] },
        new("Transpose", (1, 1), 1, Transpose),
        new("Expand", (2, 2), 1, Expand) { Since = 8, ShapeInputs = [1] },
        new("Tile", (2, 2), 1, Tile) { ShapeInputs = [1] },
        new("DepthToSpace", (1, 1), 1, DepthToSpace),
        new("SpaceToDepth", (1, 1), 1, SpaceToDepth),
        new("Gather", (2, 2), 1, Gather),
    ];

    private static void Concat(NodeContext context)
    {
        Operand[] inputs = [.. Enumerable.Range(0, context.InputCount).Select(context.In)];
        TensorShape first = inputs[0].Shape;
        int axis = context.Axis(context.Attributes.Int("axis", 1), first.Rank);
        int[] sizes = first.Sizes.ToArray();
        sizes[axis] = 0;
        foreach (Operand input in inputs)
        {
            context.Require(input.Type == inputs[0].Type && input.Shape.Rank == first.Rank, $"{inputs[0].Type} {first} and {input.Type} {input.Shape} do not go together");
            for (int i = 0; i < sizes.Length; i++)
                context.Require(i == axis || input.Shape[i] == first[i], $"{first} and {input.Shape} differ on axis {i}");

            sizes[axis] = checked(sizes[axis] + input.Shape[axis]);
        }

        var output = new TensorShape(sizes);
        long[] strides = StridedCopy.StridesOf(sizes);
        var copies = new StridedCopy[inputs.Length];
        for (int i = 0, at = 0; i < inputs.Length; at += inputs[i++].Shape[axis])
            copies[i] = new StridedCopy(inputs[i].Shape.Sizes, StridedCopy.StridesOf(inputs[i].Shape.Sizes), strides, outputOffset: at * strides[axis]);

        PlaneMap? map = axis < 2 ? Movement.ElementwiseMap(output, inputs) : null;
        context.Emit(output, inputs[0].Type, inputs[0].Type.IsFloating() ? Kernel<float>() : Kernel<long>(), map);

        Kernel Kernel<T>()
            where T : unmanaged => (in arguments) =>
        {
            for (int i = 0; i < copies.Length; i++)
                copies[i].Run(arguments.In<T>(i), arguments.Out<T>(), arguments.Threads, arguments.Cancellation);
        };
    }

    private static void Split(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        ElementType type = context.In(0).Type;
        int axis = context.Axis(context.Attributes.Int("axis", 0), input.Rank), parts = context.Node.Outputs.Length;
        long[]? given = context.Opset < 13 ? context.Attributes.Ints("split") : context.Integers(1);
        if (given is null)
        {
            // Equal parts; since version 18 the last one may be smaller.
            context.Require(context.Attributes.Int("num_outputs", parts) == parts, $"'num_outputs' is {context.Attributes.Int("num_outputs", parts)}, the node has {parts} outputs");
            int part = (input[axis] + parts - 1) / parts;
            context.Require(context.Opset >= 18 || part * parts == input[axis], $"{input[axis]} cannot be split into {parts} equal parts");
            given = [.. Enumerable.Range(0, parts).Select(i => (long)Math.Clamp(input[axis] - (i * part), 0, part))];
        }

        context.Require(given.Length == parts && Array.TrueForAll(given, size => size >= 0) && given.Sum() == input[axis], $"axis {axis} of {input} cannot be split into [{string.Join(", ", given)}]");
        var outputs = new (TensorShape Shape, ElementType Type)[parts];
        var copies = new StridedCopy[parts];
        long[] strides = StridedCopy.StridesOf(input.Sizes);
        long at = 0;
        for (int i = 0; i < parts; at += given[i++])
        {
            int[] sizes = input.Sizes.ToArray();
            sizes[axis] = (int)given[i];
            outputs[i] = (new TensorShape(sizes), type);
            copies[i] = new StridedCopy(sizes, strides, StridedCopy.StridesOf(sizes), inputOffset: at * strides[axis]);
        }

        context.Emit(outputs, type.IsFloating() ? Kernel<float>() : Kernel<long>(), axis < 2 ? PlaneMap.Identity : null);

        Kernel Kernel<T>()
            where T : unmanaged => (in arguments) =>
        {
            for (int i = 0; i < copies.Length; i++)
                copies[i].Run(arguments.In<T>(0), arguments.Out<T>(i), arguments.Threads, arguments.Cancellation);
        };
    }

    private static void Transpose(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        int[] order = context.Attributes.Ints("perm") is { } perm ? context.Axes(perm, input.Rank) : [.. Enumerable.Range(0, input.Rank).Reverse()];
        context.Require(order.Length == input.Rank, $"'perm' has {order.Length} numbers, expected {input.Rank}");
        (TensorShape output, StridedCopy copy) = Movement.Transpose(input, order);
        Movement.Emit(context, output, copy, order is [.., 2, 3] and { Length: 4 } ? PlaneMap.Identity : null);
    }

    private static void Expand(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        TensorShape output = Broadcast.ShapeOf(input, ShapeOperators.ShapeOf(context, context.Integers(1) ?? []));
        Movement.Emit(context, output, Movement.Repeat(input, output), Movement.ElementwiseMap(output, [context.In(0)]));
    }

    private static void Tile(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        TensorShape repeats = ShapeOperators.ShapeOf(context, context.Integers(1) ?? []);
        context.Require(repeats.Rank == input.Rank, $"{repeats.Rank} repeats for {input.Rank} axes");
        var output = new TensorShape([.. Enumerable.Range(0, input.Rank).Select(axis => checked(input[axis] * repeats[axis]))]);

        // Each axis is an outer one of repetitions, which stands still in the input, and an inner one.
        long[] from = StridedCopy.StridesOf(input.Sizes), to = StridedCopy.StridesOf(output.Sizes);
        List<int> sizes = [];
        List<long> inputStrides = [], outputStrides = [];
        for (int axis = 0; axis < input.Rank; axis++)
        {
            sizes.AddRange([repeats[axis], input[axis]]);
            inputStrides.AddRange([0, from[axis]]);
            outputStrides.AddRange([to[axis] * input[axis], to[axis]]);
        }

        Movement.Emit(context, output, new StridedCopy([.. sizes], [.. inputStrides], [.. outputStrides]), map: null);
    }

    private static (int N, int C, int H, int W, int Block) BlockOf(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        int block = context.Attributes.Int32("blocksize", 0);
        context.Require(input.Rank == 4, $"its input is {input}, expected [N, C, H, W]");
        context.Require(block is >= 1 and <= 1 << 14, $"the attribute 'blocksize' is {block}");
        return (input[0], input[1], input[2], input[3], block);
    }

    // Channel (b1, b2, c) with DCR, (c, b1, b2) with CRD, goes to row b1 and column b2 of its block.
    private static void DepthToSpace(NodeContext context)
    {
        (int n, int c, int h, int w, int b) = BlockOf(context);
        string mode = context.Attributes.Text("mode", "DCR");
        context.Require(mode is "DCR" or "CRD", $"the attribute 'mode' is '{mode}'");
        context.Require(c % (b * b) == 0, $"{c} channels are no multiple of {b} * {b}");
        int channels = c / (b * b);
        var output = new TensorShape(n, channels, checked(h * b), checked(w * b));
        long plane = (long)h * w, row = (long)w * b;
        long[] input = mode is "DCR"
            ? [c * plane, plane, b * channels * plane, channels * plane, w, 1]
            : [c * plane, b * b * plane, b * plane, plane, w, 1];
        var copy = new StridedCopy([n, channels, b, b, h, w], input, [c * plane, plane * b * b, row, 1, row * b, b]);
        var axis = new AxisMap(new Rational(1, b), new Rational(1 - b, b), 0);
        Movement.Emit(context, output, copy, new PlaneMap(axis, axis));
    }

    private static void SpaceToDepth(NodeContext context)
    {
        (int n, int c, int h, int w, int b) = BlockOf(context);
        context.Require(h % b == 0 && w % b == 0, $"{h} x {w} is no multiple of {b}");
        var output = new TensorShape(n, checked(c * b * b), h / b, w / b);
        long plane = (long)h * w, small = plane / (b * b);
        var copy = new StridedCopy(
            [n, b, b, c, h / b, w / b],
            [c * plane, w, 1, plane, (long)w * b, b],
            [c * plane, b * c * small, c * small, small, w / b, 1]);
        var axis = new AxisMap(b, 0, b - 1);
        Movement.Emit(context, output, copy, new PlaneMap(axis, axis));
    }

    private static void Gather(NodeContext context)
    {
        Operand data = context.In(0), indices = context.In(1);
        context.Require(!indices.Type.IsFloating(), $"its indices are of type {indices.Type}");
        int axis = context.Axis(context.Attributes.Int("axis", 0), data.Shape.Rank), size = data.Shape[axis];
        int inner = (int)TensorShape.CountOf(data.Shape.Sizes[(axis + 1)..]);
        var output = new TensorShape([.. data.Shape.Sizes[..axis], .. indices.Shape.Sizes, .. data.Shape.Sizes[(axis + 1)..]]);
        context.Emit(output, data.Type, data.Type.IsFloating() ? Kernel<float>() : Kernel<long>());

        Kernel Kernel<T>()
            where T : unmanaged => (in arguments) =>
        {
            ReadOnlySpan<T> from = arguments.In<T>(0);
            Span<T> to = arguments.Out<T>();
            ReadOnlySpan<long> places = arguments.In<long>(1);
            for (int outer = 0; to.Length > 0; outer++)
            {
                foreach (long place in places)
                {
                    if (place < -size || place >= size)
                        throw new OnnxModelException(OnnxModelError.InputValue, $"node '{context.Node.Name}' (Gather): index {place} is outside of an axis of {size}", context.Node.Name);

                    long index = place < 0 ? place + size : place;
                    from.Slice((int)((((long)outer * size) + index) * inner), inner).CopyTo(to);
                    to = to[inner..];
                }
            }
        };
    }
}
