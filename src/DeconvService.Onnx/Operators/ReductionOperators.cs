using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Operators that make one number of many: reductions, Softmax, ArgMax.</summary>
internal static class ReductionOperators
{
    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        Reduce("ReduceSum", 13, Reduction.Sum, row => Sum(row)),
        Reduce("ReduceMean", 18, Reduction.Mean, row => row.IsEmpty ? 0 : Sum(row) / row.Length),
        Reduce("ReduceMax", 18, Reduction.Max, row => Extreme(row, Math.Max)),
        Reduce("ReduceMin", 18, Reduction.Min, row => Extreme(row, Math.Min)),
        new("Softmax", (1, 1), 1, PlanSoftmax),
        new("ArgMax", (1, 1), 1, context => Arg(context, largest: true)),
        new("ArgMin", (1, 1), 1, context => Arg(context, largest: false)),
    ];

    private static long Sum(ReadOnlySpan<long> row)
    {
        long sum = 0;
        foreach (long value in row)
            sum += value;

        return sum;
    }

    private static long Extreme(ReadOnlySpan<long> row, Func<long, long, long> choose)
    {
        long best = row.IsEmpty ? 0 : row[0];
        foreach (long value in row)
            best = choose(best, value);

        return best;
    }

    private static OperatorDefinition Reduce(string name, int axesAreInputSince, RowFunction<float> floats, RowFunction<long> integers) =>
        new(name, (1, 2), 1, context =>
        {
            TensorShape input = context.In(0).Shape;
            long[]? given = context.Opset < axesAreInputSince ? context.Attributes.Ints("axes") : context.Integers(1);
            if (given is not { Length: > 0 } && context.Attributes.Flag("noop_with_empty_axes"))
            {
                context.EmitView(input, PlaneMap.Identity);
                return;
            }

            int[] axes = given is { Length: > 0 } ? context.Axes(given, input.Rank) : [.. Enumerable.Range(0, input.Rank)];
            bool keep = context.Attributes.Flag("keepdims", otherwise: true);
            int[] sizes = [.. Enumerable.Range(0, input.Rank).Where(axis => keep || !axes.Contains(axis)).Select(axis => axes.Contains(axis) ? 1 : input[axis])];
            PlaneMap? map = keep && input.Rank == 4 && Array.TrueForAll(axes, axis => axis < 2) ? PlaneMap.Identity : null;
            if (context.In(0).Type.IsFloating())
                EmitRows<float, float>(context, axes, new TensorShape(sizes), context.In(0).Type, (in arguments, rows) => Reduction.Run(floats, rows, arguments.Out(), arguments.Threads, arguments.Cancellation), map);
            else
                EmitRows<long, long>(context, axes, new TensorShape(sizes), context.In(0).Type, (in arguments, rows) => Reduction.Run(integers, rows, arguments.Out<long>(), arguments.Threads, arguments.Cancellation), map);
        })
        { ShapeInputs = [1] };

    private delegate void RowKernel<TIn>(in KernelArguments arguments, ReadOnlySpan<TIn> rows);

    // Brings the reduced axes to the end, unless they are there, so that what is reduced together lies together.
    private static void EmitRows<TIn, TOut>(NodeContext context, int[] axes, TensorShape output, ElementType type, RowKernel<TIn> kernel, PlaneMap? map = null)
        where TIn : unmanaged
    {
        Operand input = context.In(0);
        int rank = input.Shape.Rank;
        int[] order = [.. Enumerable.Range(0, rank).Where(axis => !axes.Contains(axis)), .. axes.Order()];
        bool sorted = order.Zip(order.Skip(1)).All(pair => pair.First < pair.Second);
        if (sorted)
        {
            context.Emit(output, type, (in arguments) => kernel(in arguments, arguments.In<TIn>(0)), map);
            return;
        }

        (TensorShape moved, StridedCopy copy) = Movement.Transpose(input.Shape, order);
        context.Emit(
            [(output, type), (moved, input.Type)],
            (in arguments) =>
            {
                copy.Run(arguments.In<TIn>(0), arguments.Out<TIn>(1), arguments.Threads, arguments.Cancellation);
                kernel(in arguments, arguments.Out<TIn>(1));
            },
            map);
    }

    private static void Arg(NodeContext context, bool largest)
    {
        TensorShape input = context.In(0).Shape;
        int axis = context.Axis(context.Attributes.Int("axis", 0), input.Rank);
        bool keep = context.Attributes.Flag("keepdims", otherwise: true), last = context.Attributes.Flag("select_last_index");
        context.Require(input[axis] > 0, $"axis {axis} of {input} is empty");
        int[] sizes = input.Sizes.ToArray();
        sizes[axis] = 1;
        if (!keep)
            sizes = [.. sizes.Where((_, i) => i != axis)];

        if (context.In(0).Type.IsFloating())
            EmitRows<float, long>(context, [axis], new TensorShape(sizes), ElementType.Int64, (in arguments, rows) => Arg(rows, arguments.Out<long>(), largest, last));
        else
            EmitRows<long, long>(context, [axis], new TensorShape(sizes), ElementType.Int64, (in arguments, rows) => Arg(rows, arguments.Out<long>(), largest, last));
    }

    private static void Arg<T>(ReadOnlySpan<T> rows, Span<long> places, bool largest, bool last)
        where T : unmanaged, IComparable<T>
    {
        for (int i = 0; i < places.Length; i++)
        {
            int length = rows.Length / places.Length, best = 0;
            ReadOnlySpan<T> row = rows.Slice(i * length, length);
            for (int j = 1; j < length; j++)
            {
                int order = largest ? row[j].CompareTo(row[best]) : row[best].CompareTo(row[j]);
                if (order > 0 || (last && order == 0))
                    best = j;
            }

            places[i] = best;
        }
    }

    // Up to version 12 everything from the axis on is one row.
    private static void PlanSoftmax(NodeContext context)
    {
        TensorShape input = context.In(0).Shape;
        context.RequireFloating(0);
        bool flatten = context.Opset < 13;
        int axis = context.Axis(context.Attributes.Int("axis", flatten ? 1 : -1), Math.Max(1, input.Rank));
        int inner = flatten || input.Rank == 0 ? 1 : (int)TensorShape.CountOf(input.Sizes[(axis + 1)..]);
        int length = input.Rank == 0 ? 1 : (int)TensorShape.CountOf(flatten ? input.Sizes[axis..] : input.Sizes.Slice(axis, 1));
        context.Emit(
            input,
            context.In(0).Type,
            (in arguments) => Softmax.Run(arguments.In(0), arguments.Out(), length, inner, arguments.Threads, arguments.Cancellation),
            axis < 2 && !flatten ? PlaneMap.Identity : null,
            inPlace: true);
    }
}
