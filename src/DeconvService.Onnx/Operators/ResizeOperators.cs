using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Resize and Upsample.</summary>
internal static class ResizeOperators
{
    // A list of weights is made for each index of an axis.
    private const int LongestAxis = 1 << 22;

    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        new("Resize", (1, 4), 1, Resize) { Since = 10, ShapeInputs = [1, 2, 3] },
        new("Upsample", (1, 2), 1, Upsample) { Until = 10, ShapeInputs = [1] },
    ];

    private static void Upsample(NodeContext context)
    {
        float[] scales = (context.Opset < 9 ? context.Attributes.Floats("scales") : context.Floats(1)) ?? throw context.Invalid("its scales are missing");
        int rank = context.In(0).Shape.Rank;
        Plan(context, [.. Enumerable.Range(0, rank)], scales, sizes: null, roi: null);
    }

    private static void Resize(NodeContext context)
    {
        int rank = context.In(0).Shape.Rank;
        int[] axes = context.Opset >= 18 && context.Attributes.Ints("axes") is { } given ? context.Axes(given, rank) : [.. Enumerable.Range(0, rank)];
        if (context.Opset < 11)
        {
            Plan(context, axes, context.Floats(1), sizes: null, roi: null);
            return;
        }

        // An empty tensor stands for an input that is left out.
        bool crops = context.Attributes.Text("coordinate_transformation_mode", string.Empty) is "tf_crop_and_resize";
        float[]? scales = context.Floats(2) is { Length: > 0 } someScales ? someScales : null;
        long[]? sizes = context.Integers(3) is { Length: > 0 } someSizes ? someSizes : null;
        Plan(context, axes, scales, sizes, crops ? context.Floats(1) : null);
    }

    private static void Plan(NodeContext context, int[] axes, float[]? scales, long[]? sizes, float[]? roi)
    {
        TensorShape input = context.In(0).Shape;
        context.RequireFloating(0);
        context.Require(scales is null != sizes is null, "it needs either scales or sizes");
        context.Require((scales?.Length ?? sizes!.Length) == axes.Length, $"it has {scales?.Length ?? sizes!.Length} scales or sizes, expected {axes.Length}");
        context.Require(roi is null || roi.Length == 2 * axes.Length, $"its region has {roi?.Length} numbers, expected {2 * axes.Length}");
        var coordinates = new ResizeCoordinates(context);
        context.Require(!coordinates.Crops || roi is not null, "tf_crop_and_resize needs a region");

        int[] output = input.Sizes.ToArray();
        double[] factors = [.. Enumerable.Repeat(1.0, input.Rank)];
        Targets(context, axes, scales, sizes, output, factors);
        context.Require(output.AsSpan().IndexOf(0) < 0 && input.Sizes.IndexOf(0) < 0, $"{input} cannot become [{string.Join(", ", output)}]");
        var shape = new TensorShape(output);
        context.RequireSize(shape);
        var resized = new ResizeAxis?[input.Rank];
        for (int axis = 0; axis < input.Rank; axis++)
        {
            int at = Array.IndexOf(axes, axis);
            bool whole = !coordinates.Crops || at < 0 || (roi![at] == 0 && roi[at + axes.Length] == 1);
            if (factors[axis] == 1 && output[axis] == input[axis] && whole)
                continue;

            context.Require(output[axis] <= LongestAxis, $"axis {axis} becomes {output[axis]}, {LongestAxis} is the most");
            resized[axis] = coordinates.Axis(input[axis], output[axis], factors[axis], roi?[at] ?? 0, roi?[at + axes.Length] ?? 1);
        }

        PlaneMap? map = input.Rank == 4 && MapOf(resized[2]) is { } height && MapOf(resized[3]) is { } width && resized[0] is null && resized[1] is null
            ? new PlaneMap(height, width)
            : null;
        float fill = context.Attributes.Float("extrapolation_value", 0);
        if (coordinates.Mode is "nearest")
        {
            int[][] tables = [.. Enumerable.Range(0, input.Rank).Select(axis => Table(resized[axis], input[axis]))];
            Movement.Emit(context, shape, new IndexedCopy(input.Sizes, tables), fill, map);
        }
        else
        {
            EmitPasses(context, shape, resized, fill, map);
        }
    }

    private static AxisMap? MapOf(ResizeAxis? axis) => axis is null ? AxisMap.Identity : axis.Map;

    private static int[] Table(ResizeAxis? axis, int size) =>
        axis is null ? IndexedCopy.Identity(size) : [.. axis.Taps.Select((tap, i) => axis.Outside[i] ? -1 : tap.Begin)];

    // Output sizes and the scale of each axis, by scales, by sizes, or by sizes that keep the aspect ratio.
    private static void Targets(NodeContext context, int[] axes, float[]? scales, long[]? sizes, int[] output, double[] factors)
    {
        TensorShape input = context.In(0).Shape;
        string policy = context.Attributes.Text("keep_aspect_ratio_policy", "stretch");
        context.Require(policy is "stretch" or "not_larger" or "not_smaller", $"the attribute 'keep_aspect_ratio_policy' is '{policy}'");
        double common = 0;
        for (int i = 0; i < axes.Length && sizes is not null; i++)
        {
            double ratio = (double)sizes[i] / input[axes[i]];
            common = i == 0 ? ratio : policy is "not_larger" ? Math.Min(common, ratio) : Math.Max(common, ratio);
        }

        for (int i = 0; i < axes.Length; i++)
        {
            int axis = axes[i];
            double size;
            if (scales is not null)
            {
                factors[axis] = scales[i];
                size = Math.Floor(input[axis] * scales[i]);
            }
            else if (policy is "stretch")
            {
                factors[axis] = (double)sizes![i] / input[axis];
                size = sizes[i];
            }
            else
            {
                factors[axis] = common;
                size = Math.Floor((common * input[axis]) + 0.5);
            }

            context.Require(factors[axis] > 0 && double.IsFinite(factors[axis]) && size is >= 0 and <= int.MaxValue, $"axis {axis} of {input} cannot be resized to {size}");
            output[axis] = (int)size;
        }
    }

    // One axis after the other, those that shrink most first; what lies between takes memory of its own.
    private static void EmitPasses(NodeContext context, TensorShape output, ResizeAxis?[] axes, float fill, PlaneMap? map)
    {
        ElementType type = context.In(0).Type;
        int[] sizes = context.In(0).Shape.Sizes.ToArray();
        int[] order = [.. Enumerable.Range(0, sizes.Length).Where(axis => axes[axis] is not null).OrderBy(axis => (double)output[axis] / sizes[axis]).ThenByDescending(axis => axis)];
        List<(ResizeAxis Axis, int Input, int Inner)> passes = [];
        List<(TensorShape Shape, ElementType Type)> outputs = [(output, type)];
        foreach (int axis in order)
        {
            passes.Add((axes[axis]!, sizes[axis], (int)TensorShape.CountOf(sizes.AsSpan(axis + 1))));
            sizes[axis] = output[axis];
            if (passes.Count < order.Length)
                outputs.Add((new TensorShape(sizes), type));
        }

        context.Emit(
            [.. outputs],
            (in arguments) =>
            {
                if (passes.Count == 0)
                    arguments.In(0).CopyTo(arguments.Out());

                ReadOnlySpan<float> from = arguments.In(0);
                for (int i = 0; i < passes.Count; i++)
                {
                    Span<float> to = i == passes.Count - 1 ? arguments.Out() : arguments.Out(i + 1);
                    Engine.Operators.Resize.Axis(passes[i].Axis.Taps, from, to, passes[i].Input, passes[i].Inner, arguments.Threads, arguments.Cancellation);
                    from = to;
                }

                FillOutside(axes, output, arguments.Out(), fill);
            },
            map);
    }

    private static void FillOutside(ResizeAxis?[] axes, TensorShape shape, Span<float> output, float fill)
    {
        if (!Array.Exists(axes, axis => axis is not null && Array.Exists(axis.Outside, outside => outside)))
            return;

        for (int i = 0; i < output.Length; i++)
        {
            for (int axis = shape.Rank - 1, rest = i; axis >= 0; axis--)
            {
                (rest, int index) = Math.DivRem(rest, shape[axis]);
                if (axes[axis]?.Outside[index] == true)
                    output[i] = fill;
            }
        }
    }
}
