using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>A function of two tensors, element by element, in the three forms that a broadcast row can take.</summary>
/// <param name="Both">z[i] = f(x[i], y[i])</param>
/// <param name="Right">z[i] = f(x[i], y)</param>
/// <param name="Left">z[i] = f(x, y[i])</param>
public sealed record BinaryFunction<TIn, TOut>(BinarySpans<TIn, TOut> Both, BinaryRight<TIn, TOut> Right, BinaryLeft<TIn, TOut> Left);

/// <summary>Makes functions of two tensors.</summary>
public static class BinaryFunction
{
    /// <summary>The three forms of a function of two numbers; slow, for integers and comparisons.</summary>
    public static BinaryFunction<TIn, TOut> Of<TIn, TOut>(Func<TIn, TIn, TOut> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return new(
            (x, y, z) =>
            {
                for (int i = 0; i < z.Length; i++)
                    z[i] = f(x[i], y[i]);
            },
            (x, y, z) =>
            {
                for (int i = 0; i < z.Length; i++)
                    z[i] = f(x[i], y);
            },
            (x, y, z) =>
            {
                for (int i = 0; i < z.Length; i++)
                    z[i] = f(x, y[i]);
            });
    }
}

/// <summary>z[i] = f(x[i], y[i])</summary>
public delegate void BinarySpans<TIn, TOut>(ReadOnlySpan<TIn> x, ReadOnlySpan<TIn> y, Span<TOut> z);

/// <summary>z[i] = f(x[i], y)</summary>
public delegate void BinaryRight<TIn, TOut>(ReadOnlySpan<TIn> x, TIn y, Span<TOut> z);

/// <summary>z[i] = f(x, y[i])</summary>
public delegate void BinaryLeft<TIn, TOut>(TIn x, ReadOnlySpan<TIn> y, Span<TOut> z);

/// <summary>
/// Functions of two tensors with the broadcasting of NumPy and ONNX: shapes are aligned at their last axes, and an axis of size 1
/// (or missing) is repeated. Immutable: the axes are looked at once, when it is made.
/// </summary>
public sealed class Broadcast
{
    private readonly int[] _sizes;
    private readonly long[] _xStrides, _yStrides;
    private readonly int _inner;
    private readonly bool _xRuns, _yRuns;

    /// <summary>Plans a broadcast.</summary>
    /// <exception cref="ArgumentException">The shapes do not go together.</exception>
    public Broadcast(TensorShape x, TensorShape y)
    {
        Output = ShapeOf(x, y);

        // Neighbouring axes along which both inputs advance alike are one axis.
        List<(int Size, long X, long Y)> axes = [];
        for (int axis = 0; axis < Output.Rank; axis++)
        {
            int size = Output[axis];
            if (size == 1)
                continue;

            (int Size, long X, long Y) next = (size, StrideOf(x, axis - Output.Rank + x.Rank), StrideOf(y, axis - Output.Rank + y.Rank));
            if (axes.Count > 0 && axes[^1].X == next.X * size && axes[^1].Y == next.Y * size)
                axes[^1] = (checked(axes[^1].Size * size), next.X, next.Y);
            else
                axes.Add(next);
        }

        (_inner, long xStride, long yStride) = axes.Count > 0 ? axes[^1] : (1, 1, 1);
        (_xRuns, _yRuns) = (xStride == 1, yStride == 1);
        if (axes.Count > 0)
            axes.RemoveAt(axes.Count - 1);

        _sizes = [.. axes.Select(axis => axis.Size)];
        _xStrides = [.. axes.Select(axis => axis.X)];
        _yStrides = [.. axes.Select(axis => axis.Y)];
    }

    /// <summary>The shape of the result.</summary>
    public TensorShape Output { get; }

    /// <summary>The shape of a broadcast result.</summary>
    /// <exception cref="ArgumentException">The shapes do not go together.</exception>
    public static TensorShape ShapeOf(TensorShape x, TensorShape y)
    {
        int[] sizes = new int[Math.Max(x.Rank, y.Rank)];
        for (int i = 1; i <= sizes.Length; i++)
        {
            int a = i <= x.Rank ? x[x.Rank - i] : 1, b = i <= y.Rank ? y[y.Rank - i] : 1;
            if (a != b && a != 1 && b != 1)
                throw new ArgumentException($"the shapes {x} and {y} do not go together: {a} and {b} on axis {-i}");

            sizes[^i] = a == 1 ? b : a;
        }

        return new TensorShape(sizes);
    }

    /// <summary>Computes <c>z = f(x, y)</c>.</summary>
    /// <param name="function">f</param>
    /// <param name="x">Elements of the first shape.</param>
    /// <param name="y">Elements of the second shape.</param>
    /// <param name="z">Receives the elements of <see cref="Output"/>; may be the memory of an input that is not repeated.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between pieces.</param>
    /// <exception cref="ArgumentException">The length of z is not the output's.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public unsafe void Run<TIn, TOut>(
        BinaryFunction<TIn, TOut> function,
        ReadOnlySpan<TIn> x,
        ReadOnlySpan<TIn> y,
        Span<TOut> z,
        EngineThreads threads,
        CancellationToken cancellationToken = default)
        where TIn : unmanaged
        where TOut : unmanaged
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(threads);
        if (z.Length != Output.Count)
            throw new ArgumentException($"the output {Output} has {Output.Count} elements, not {z.Length}");

        if (z.IsEmpty)
            return;

        int rows = z.Length / _inner, pieces = (_inner + Elementwise.ChunkLength - 1) / Elementwise.ChunkLength;
        int rowsPerItem = Math.Max(1, Elementwise.ChunkLength / _inner);
        fixed (TIn* px = x, py = y)
        fixed (TOut* pz = z)
        {
            var items = new Items<TIn, TOut>(this, function, px, py, pz, rows, rowsPerItem, pieces);
            threads.Run((rows + rowsPerItem - 1) / rowsPerItem * pieces, items, cancellationToken);
        }
    }

    private static long StrideOf(TensorShape shape, int axis)
    {
        if (axis < 0 || shape[axis] == 1)
            return 0;

        return TensorShape.CountOf(shape.Sizes[(axis + 1)..]);
    }

    private readonly unsafe struct Items<TIn, TOut>(Broadcast plan, BinaryFunction<TIn, TOut> function, TIn* x, TIn* y, TOut* z, int rows, int rowsPerItem, int pieces) : IWorkItems
        where TIn : unmanaged
        where TOut : unmanaged
    {
        public void Execute(int item, int worker)
        {
            int begin = item / pieces * rowsPerItem, end = Math.Min(rows, begin + rowsPerItem);
            int from = item % pieces * Elementwise.ChunkLength, count = Math.Min(Elementwise.ChunkLength, plan._inner - from);
            if (pieces == 1)
                count = plan._inner;

            for (int row = begin; row < end; row++)
                Row(row, from, count);
        }

        private void Row(int row, int from, int count)
        {
            long xAt = 0, yAt = 0;
            for (int axis = plan._sizes.Length - 1, rest = row; axis >= 0; axis--)
            {
                (rest, int index) = Math.DivRem(rest, plan._sizes[axis]);
                xAt += index * plan._xStrides[axis];
                yAt += index * plan._yStrides[axis];
            }

            var output = new Span<TOut>(z + ((long)row * plan._inner) + from, count);
            if (plan._xRuns && plan._yRuns)
                function.Both(new(x + xAt + from, count), new(y + yAt + from, count), output);
            else if (plan._xRuns)
                function.Right(new(x + xAt + from, count), y[yAt], output);
            else
                function.Left(x[xAt], new(y + yAt + from, count), output);
        }
    }
}
