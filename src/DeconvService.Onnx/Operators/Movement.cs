using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>Steps that move elements of any type.</summary>
internal static class Movement
{
    /// <summary>One output that is one strided copy of the first input.</summary>
    public static void Emit(NodeContext context, TensorShape output, StridedCopy copy, PlaneMap? map)
    {
        ElementType type = context.In(0).Type;
        context.Emit(
            output,
            type,
            type.IsFloating()
                ? (in arguments) => copy.Run(arguments.In(0), arguments.Out(), arguments.Threads, arguments.Cancellation)
                : (in arguments) => copy.Run(arguments.In<long>(0), arguments.Out<long>(), arguments.Threads, arguments.Cancellation),
            map);
    }

    /// <summary>One output that is an indexed copy of the first input.</summary>
    public static void Emit(NodeContext context, TensorShape output, IndexedCopy copy, double fill, PlaneMap? map)
    {
        ElementType type = context.In(0).Type;
        context.Emit(
            output,
            type,
            type.IsFloating()
                ? (in arguments) => copy.Run(arguments.In(0), arguments.Out(), (float)fill, arguments.Threads, arguments.Cancellation)
                : (in arguments) => copy.Run(arguments.In<long>(0), arguments.Out<long>(), (long)fill, arguments.Threads, arguments.Cancellation),
            map);
    }

    /// <summary>A tensor repeated along its axes of size 1 until it has the given sizes.</summary>
    public static StridedCopy Repeat(TensorShape from, TensorShape to)
    {
        long[] strides = new long[to.Rank], own = StridedCopy.StridesOf(from.Sizes);
        for (int i = 1; i <= from.Rank; i++)
        {
            if (from[from.Rank - i] != 1)
                strides[^i] = own[^i];
        }

        return new StridedCopy(to.Sizes, strides, StridedCopy.StridesOf(to.Sizes));
    }

    /// <summary>Axes in another order: axis i of the output is axis <c>order[i]</c> of the input.</summary>
    public static (TensorShape Output, StridedCopy Copy) Transpose(TensorShape input, IReadOnlyList<int> order)
    {
        long[] own = StridedCopy.StridesOf(input.Sizes);
        var output = new TensorShape([.. order.Select(axis => input[axis])]);
        return (output, new StridedCopy(output.Sizes, [.. order.Select(axis => own[axis])], StridedCopy.StridesOf(output.Sizes)));
    }

    /// <summary>
    /// What a step that works element by element on broadcast inputs depends on: the same place, as long as every input has the output's
    /// height and width or none at all.
    /// </summary>
    public static PlaneMap? ElementwiseMap(TensorShape output, IEnumerable<Operand> inputs)
    {
        if (output.Rank != 4)
            return null;

        foreach (Operand input in inputs)
        {
            int height = input.Shape.Rank < 2 ? 1 : input.FromEnd(2), width = input.Shape.Rank < 1 ? 1 : input.FromEnd(1);
            bool none = height == 1 && width == 1, all = height == output[2] && width == output[3];
            if (!none && (!all || input.Constant is not null))
                return null;
        }

        return PlaneMap.Identity;
    }
}
