using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Operators that take off or add to the ends of axes.</summary>
internal static class BorderOperators
{
    // A padded axis gets a table with one entry an index.
    private const int LongestAxis = 1 << 22;

    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        new("Slice", (1, 5), 1, Slice) { ShapeInputs = [1, 2, 3, 4] },
        new("Pad", (1, 4), 1, Pad) { ShapeInputs = [1, 2, 3] },
    ];

    private static void Slice(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        bool attributes = context.Opset < 10;
        long[] starts = (attributes ? context.Attributes.Ints("starts") : context.Integers(1)) ?? throw context.Invalid("its starts are missing");
        long[] ends = (attributes ? context.Attributes.Ints("ends") : context.Integers(2)) ?? throw context.Invalid("its ends are missing");
        long[]? axesGiven = attributes ? context.Attributes.Ints("axes") : context.Integers(3);
        long[]? stepsGiven = attributes ? null : context.Integers(4);
        int[] axes = context.Axes(axesGiven ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)], input.Rank);
        long[] steps = stepsGiven ?? [.. Enumerable.Repeat(1L, starts.Length)];
        context.Require(starts.Length == axes.Length && ends.Length == axes.Length && steps.Length == axes.Length, $"{starts.Length} starts, {ends.Length} ends, {axes.Length} axes and {steps.Length} steps do not go together");

        int[] sizes = input.Sizes.ToArray();
        long[] strides = StridedCopy.StridesOf(input.Sizes);
        long offset = 0;
        AxisMap?[] maps = [.. Enumerable.Repeat<AxisMap?>(AxisMap.Identity, input.Rank)];
        for (int i = 0; i < axes.Length; i++)
        {
            int axis = axes[i];
            long size = input[axis], step = steps[i];
            context.Require(step != 0 && step >= -int.MaxValue && step <= int.MaxValue, $"its step on axis {axis} is {step}");
            long start = Clamp(starts[i], size, step), end = ClampEnd(ends[i], size, step);
            long count = size == 0 ? 0 : Math.Max(0, step > 0 ? (end - start + step - 1) / step : (end - start + step + 1) / step);
            sizes[axis] = (int)count;
            if (count > 0)
                offset += start * strides[axis];

            strides[axis] *= step;
            maps[axis] = step > 0 ? new AxisMap(step, start, start) : null;
        }

        PlaneMap? map = input.Rank == 4 && maps[2] is { } height && maps[3] is { } width ? new PlaneMap(height, width) : null;
        Movement.Emit(context, new TensorShape(sizes), new StridedCopy(sizes, strides, StridedCopy.StridesOf(sizes), offset), map);
    }

    private static long Clamp(long index, long size, long step) =>
        step > 0 ? Math.Clamp(index < 0 ? index + size : index, 0, size) : Math.Clamp(index < 0 ? index + size : index, 0, Math.Max(0, size - 1));

    private static long ClampEnd(long index, long size, long step) =>
        step > 0 ? Math.Clamp(index < 0 ? index + size : index, 0, size) : Math.Clamp(index < 0 ? index + size : index, -1, Math.Max(0, size - 1));

    private static void Pad(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        long[] pads = (context.Opset < 11 ? context.Attributes.Ints("pads") : context.Integers(1)) ?? throw context.Invalid("its pads are missing");
        string mode = context.Attributes.Text("mode", "constant");
        context.Require(mode is "constant" or "reflect" or "edge" or "wrap", $"the attribute 'mode' is '{mode}'");
        int[] axes = context.Opset >= 18 && context.Integers(3) is { } given ? context.Axes(given, input.Rank) : [.. Enumerable.Range(0, input.Rank)];
        context.Require(pads.Length == 2 * axes.Length, $"it has {pads.Length} pads, expected {2 * axes.Length}");

        var tables = new int[input.Rank][];
        AxisMap?[] maps = [.. Enumerable.Repeat<AxisMap?>(AxisMap.Identity, input.Rank)];
        for (int axis = 0; axis < input.Rank; axis++)
        {
            int at = Array.IndexOf(axes, axis);
            if (at < 0)
            {
                tables[axis] = IndexedCopy.Identity(input[axis]);
                continue;
            }

            long begin = pads[at], end = pads[at + axes.Length], size = begin + input[axis] + end;
            context.Require(Math.Abs(begin) <= int.MaxValue && Math.Abs(end) <= int.MaxValue && size is >= 0 and <= LongestAxis, $"axis {axis} of {input} cannot be padded by {begin} and {end}");
            context.Require(input[axis] > 0 || mode is "constant", $"axis {axis} of {input} has nothing to repeat");
            tables[axis] = Table(input[axis], (int)begin, (int)size, mode);
            maps[axis] = mode is "wrap" && (begin > 0 || end > 0) ? null : AxisMap.Shift((int)-begin, begin > 0 || end > 0);
        }

        var output = new TensorShape([.. tables.Select(table => table.Length)]);
        context.RequireSize(output);
        PlaneMap? map = input.Rank == 4 && maps[2] is { } height && maps[3] is { } width ? new PlaneMap(height, width) : null;
        Movement.Emit(context, output, new IndexedCopy(input.Sizes, tables), Fill(context), map);
    }

    private static double Fill(NodeContext context)
    {
        if (context.Opset < 11)
            return context.Attributes.Float("value", 0);

        if (context.Optional(2) is not { } value)
            return 0;

        return value.Type.IsFloating() ? context.Floats(2) is [var number] ? number : 0 : context.Integers(2) is [var integer] ? integer : 0;
    }

    private static int[] Table(int size, int begin, int length, string mode)
    {
        int[] table = new int[length];
        for (int i = 0; i < length; i++)
        {
            int from = i - begin;
            table[i] = from >= 0 && from < size ? from : mode switch
            {
                "constant" => -1,
                "edge" => from < 0 ? 0 : size - 1,
                "wrap" => Modulo(from, size),
                _ => Mirror(from, size),
            };
        }

        return table;
    }

    private static int Modulo(int value, int divisor) => ((value % divisor) + divisor) % divisor;

    // Back and forth between the first and the last element, neither of which is repeated.
    private static int Mirror(int index, int size)
    {
        if (size == 1)
            return 0;

        int at = Modulo(index, 2 * (size - 1));
        return at < size ? at : (2 * (size - 1)) - at;
    }
}
