using System.Numerics.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>A function of many numbers: a sum, a mean, the largest.</summary>
public delegate T RowFunction<T>(ReadOnlySpan<T> row);

/// <summary>Reduces each row of a matrix to one number.</summary>
public static class Reduction
{
    /// <summary>The sum.</summary>
    public static RowFunction<float> Sum { get; } = TensorPrimitives.Sum;

    /// <summary>The mean.</summary>
    public static RowFunction<float> Mean { get; } = row => TensorPrimitives.Sum(row) / row.Length;

    /// <summary>The largest; -infinity of nothing.</summary>
    public static RowFunction<float> Max { get; } = row => row.IsEmpty ? float.NegativeInfinity : TensorPrimitives.Max(row);

    /// <summary>The smallest; infinity of nothing.</summary>
    public static RowFunction<float> Min { get; } = row => row.IsEmpty ? float.PositiveInfinity : TensorPrimitives.Min(row);

    /// <summary>Computes <c>y[i] = f(x[i, :])</c>.</summary>
    /// <param name="function">f</param>
    /// <param name="x">[rows, length], row-major</param>
    /// <param name="y">[rows]</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between rows.</param>
    /// <exception cref="ArgumentException">The length of x is no multiple of y's.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static unsafe void Run<T>(RowFunction<T> function, ReadOnlySpan<T> x, Span<T> y, EngineThreads threads, CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(threads);
        if (y.IsEmpty && x.IsEmpty)
            return;

        if (y.IsEmpty || x.Length % y.Length != 0)
            throw new ArgumentException($"{x.Length} elements cannot be reduced to {y.Length}");

        int length = x.Length / y.Length, rowsPerItem = Math.Max(1, Elementwise.ChunkLength / Math.Max(1, length));
        fixed (T* from = x, to = y)
            threads.Run((y.Length + rowsPerItem - 1) / rowsPerItem, new Items<T>(function, from, to, y.Length, length, rowsPerItem), cancellationToken);
    }

    private readonly unsafe struct Items<T>(RowFunction<T> function, T* x, T* y, int rows, int length, int rowsPerItem) : IWorkItems
        where T : unmanaged
    {
        public void Execute(int item, int worker)
        {
            int end = Math.Min(rows, (item + 1) * rowsPerItem);
            for (int row = item * rowsPerItem; row < end; row++)
                y[row] = function(new ReadOnlySpan<T>(x + ((long)row * length), length));
        }
    }
}
