using System.Numerics.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>Products of small matrices, as classifiers have them at their end. Convolutions do not go through here.</summary>
public static class MatrixMultiplication
{
    // A block of the output stays in the first-level cache while all rows of B pass by.
    private const int BlockRows = 4, BlockColumns = 1024;

    /// <summary>Computes <c>C = A B</c>, all row-major.</summary>
    /// <param name="a">[m, k]</param>
    /// <param name="b">[k, n]</param>
    /// <param name="c">Receives [m, n]; must not overlap a or b.</param>
    /// <param name="m">Rows of A.</param>
    /// <param name="k">Columns of A.</param>
    /// <param name="n">Columns of B.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between blocks.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static unsafe void Run(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> c, int m, int k, int n, EngineThreads threads, CancellationToken cancellationToken = default)
    {
        Check(a, b, c, m, k, n, threads);
        int rowBlocks = (m + BlockRows - 1) / BlockRows, columnBlocks = (n + BlockColumns - 1) / BlockColumns;
        fixed (float* pa = a, pb = b, pc = c)
            threads.Run(rowBlocks * columnBlocks, new Blocks(pa, pb, pc, m, k, n, columnBlocks), cancellationToken);
    }

    /// <summary>Computes <c>C = A B^T</c>, all row-major: each output is the dot product of two rows.</summary>
    /// <param name="a">[m, k]</param>
    /// <param name="b">[n, k]</param>
    /// <param name="c">Receives [m, n]; must not overlap a or b.</param>
    /// <param name="m">Rows of A.</param>
    /// <param name="k">Columns of both.</param>
    /// <param name="n">Rows of B.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between blocks.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static unsafe void RunTransposed(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> c, int m, int k, int n, EngineThreads threads, CancellationToken cancellationToken = default)
    {
        Check(a, b, c, m, k, n, threads);
        int rowsPerItem = Math.Max(1, Elementwise.ChunkLength / Math.Max(1, k));
        fixed (float* pa = a, pb = b, pc = c)
            threads.Run((n + rowsPerItem - 1) / rowsPerItem, new Dots(pa, pb, pc, m, k, n, rowsPerItem), cancellationToken);
    }

    private static void Check(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> c, int m, int k, int n, EngineThreads threads)
    {
        ArgumentNullException.ThrowIfNull(threads);
        if (a.Length != (long)m * k || b.Length != (long)k * n || c.Length != (long)m * n)
            throw new ArgumentException($"{a.Length} and {b.Length} elements cannot give {c.Length} as [{m}, {k}] times [{k}, {n}]");
    }

    private readonly unsafe struct Blocks(float* a, float* b, float* c, int m, int k, int n, int columnBlocks) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            int begin = item / columnBlocks * BlockRows, end = Math.Min(m, begin + BlockRows);
            int column = item % columnBlocks * BlockColumns, count = Math.Min(BlockColumns, n - column);
            for (int row = begin; row < end; row++)
                new Span<float>(c + ((long)row * n) + column, count).Clear();

            for (int i = 0; i < k; i++)
            {
                var from = new ReadOnlySpan<float>(b + ((long)i * n) + column, count);
                for (int row = begin; row < end; row++)
                {
                    var to = new Span<float>(c + ((long)row * n) + column, count);
                    TensorPrimitives.MultiplyAdd(from, a[((long)row * k) + i], to, to);
                }
            }
        }
    }

    private readonly unsafe struct Dots(float* a, float* b, float* c, int m, int k, int n, int rowsPerItem) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            int end = Math.Min(n, (item + 1) * rowsPerItem);
            for (int j = item * rowsPerItem; j < end; j++)
            {
                var right = new ReadOnlySpan<float>(b + ((long)j * k), k);
                for (int i = 0; i < m; i++)
                    c[((long)i * n) + j] = TensorPrimitives.Dot(new ReadOnlySpan<float>(a + ((long)i * k), k), right);
            }
        }
    }
}
