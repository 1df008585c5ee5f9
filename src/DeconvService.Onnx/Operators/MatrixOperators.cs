using System.Numerics.Tensors;
using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;

namespace DeconvService.Onnx.Operators;

/// <summary>MatMul and Gemm.</summary>
internal static class MatrixOperators
{
    public static IEnumerable<OperatorDefinition> Definitions { get; } =
    [
        new("MatMul", (2, 2), 1, MatMul),
        new("Gemm", (2, 3), 1, Gemm),
    ];

    // As numpy.matmul: the last two axes are matrices, those before are broadcast; a vector is a row on the left and a column on the right.
    private static void MatMul(NodeContext context)
    {
        context.RequireFloating(0);
        context.RequireFloating(1);
        TensorShape a = context.In(0).Shape, b = context.In(1).Shape;
        context.Require(a.Rank > 0 && b.Rank > 0, $"{a} and {b} cannot be multiplied");
        bool row = a.Rank == 1, column = b.Rank == 1;
        TensorShape left = row ? new TensorShape(1, a[0]) : a, right = column ? new TensorShape(b[0], 1) : b;
        int m = left[left.Rank - 2], k = left[left.Rank - 1], n = right[right.Rank - 1];
        context.Require(right[right.Rank - 2] == k, $"{a} and {b} cannot be multiplied");
        var leftBatch = new TensorShape(left.Sizes[..^2]);
        var rightBatch = new TensorShape(right.Sizes[..^2]);
        TensorShape batch = Broadcast.ShapeOf(leftBatch, rightBatch);
        int[] leftPlaces = Places(leftBatch, batch), rightPlaces = Places(rightBatch, batch);
        int[] sizes = [.. batch.Sizes, .. row ? Array.Empty<int>() : [m], .. column ? Array.Empty<int>() : [n]];
        context.Emit(
            new TensorShape(sizes),
            context.In(0).Type,
            (in arguments) =>
            {
                for (int i = 0; i < leftPlaces.Length; i++)
                {
                    MatrixMultiplication.Run(
                        arguments.In(0).Slice(leftPlaces[i] * m * k, m * k),
                        arguments.In(1).Slice(rightPlaces[i] * k * n, k * n),
                        arguments.Out().Slice(i * m * n, m * n),
                        m,
                        k,
                        n,
                        arguments.Threads,
                        arguments.Cancellation);
                }
            },
            multiplyAdds: checked(batch.Count * m * k * n));
    }

    // Which matrix of an input each matrix of the output takes.
    private static int[] Places(TensorShape from, TensorShape to)
    {
        int[] places = new int[checked((int)to.Count)], own = [.. StridedCopy.StridesOf(from.Sizes).Select(stride => (int)stride)];
        for (int i = 0; i < places.Length; i++)
        {
            for (int axis = 1, rest = i; axis <= to.Rank; axis++)
            {
                (rest, int index) = Math.DivRem(rest, to[to.Rank - axis]);
                if (axis <= from.Rank && from[from.Rank - axis] != 1)
                    places[i] += index * own[^axis];
            }
        }

        return places;
    }

    // alpha * A' B' + beta * C
    private static void Gemm(NodeContext context)
    {
        Operand a = context.In(0), b = context.In(1);
        Operand? c = context.Optional(2);
        context.Require(a.Shape.Rank == 2 && b.Shape.Rank == 2, $"{a.Shape} and {b.Shape} are no matrices");
        context.RequireFloating(0);
        context.RequireFloating(1);
        bool turnA = context.Attributes.Flag("transA"), turnB = context.Attributes.Flag("transB");
        (int m, int k) = turnA ? (a.Shape[1], a.Shape[0]) : (a.Shape[0], a.Shape[1]);
        int n = turnB ? b.Shape[0] : b.Shape[1];
        context.Require((turnB ? b.Shape[1] : b.Shape[0]) == k, $"{a.Shape} and {b.Shape} cannot be multiplied");
        float alpha = context.Attributes.Float("alpha", 1), beta = context.Attributes.Float("beta", 1);
        var output = new TensorShape(m, n);
        Broadcast? broadcast = c is null ? null : new Broadcast(output, c.Shape);
        context.Require(broadcast is null || broadcast.Output == output, $"{c?.Shape} does not go with {output}");
        context.Require(c is null || c.Type.IsFloating(), $"its third input is of type {c?.Type}");
        var add = new BinaryFunction<float, float>(
            (x, y, z) => TensorPrimitives.MultiplyAdd(y, beta, x, z),
            (x, y, z) => TensorPrimitives.Add(x, beta * y, z),
            (x, y, z) => ActivationFunctions.Affine(beta, x)(y, z));
        StridedCopy? turned = turnA ? Movement.Transpose(a.Shape, [1, 0]).Copy : null;
        (TensorShape, ElementType)[] outputs = turnA ? [(output, a.Type), (new TensorShape(m, k), a.Type)] : [(output, a.Type)];
        context.Emit(
            outputs,
            (in arguments) =>
            {
                turned?.Run(arguments.In(0), arguments.Out(1), arguments.Threads, arguments.Cancellation);
                ReadOnlySpan<float> left = turned is null ? arguments.In(0) : arguments.Out(1);
                Span<float> result = arguments.Out();
                if (turnB)
                    MatrixMultiplication.RunTransposed(left, arguments.In(1), result, m, k, n, arguments.Threads, arguments.Cancellation);
                else
                    MatrixMultiplication.Run(left, arguments.In(1), result, m, k, n, arguments.Threads, arguments.Cancellation);

                if (alpha != 1)
                    TensorPrimitives.Multiply(result, alpha, result);

                broadcast?.Run(add, result, arguments.In(2), result, arguments.Threads, arguments.Cancellation);
            },
            multiplyAdds: checked((long)m * k * n));
    }
}
