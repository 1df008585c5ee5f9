using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>A function of one tensor, element by element: <c>y[i] = f(x[i])</c>. The spans are of one length and may be the same memory.</summary>
public delegate void UnaryFunction<T>(ReadOnlySpan<T> x, Span<T> y);

/// <summary>Applies functions to all elements of a tensor on all threads.</summary>
public static class Elementwise
{
    // Large enough that handing out an item costs nothing beside it, small enough to stay in the first-level cache.
    internal const int ChunkLength = 8192;

    /// <summary>Computes <c>y[i] = f(x[i])</c>.</summary>
    /// <param name="function">f</param>
    /// <param name="x">Any number of elements.</param>
    /// <param name="y">As many elements; may be the same memory as <paramref name="x"/>.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static unsafe void Run<T>(UnaryFunction<T> function, ReadOnlySpan<T> x, Span<T> y, EngineThreads threads, CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(threads);
        if (x.Length != y.Length)
            throw new ArgumentException($"{x.Length} elements cannot give {y.Length}");

        fixed (T* from = x, to = y)
            threads.Run((x.Length + ChunkLength - 1) / ChunkLength, new Items<T>(function, from, to, x.Length), cancellationToken);
    }

    private readonly unsafe struct Items<T>(UnaryFunction<T> function, T* x, T* y, int length) : IWorkItems
        where T : unmanaged
    {
        public void Execute(int item, int worker)
        {
            int begin = item * ChunkLength, count = Math.Min(ChunkLength, length - begin);
            function(new ReadOnlySpan<T>(x + begin, count), new Span<T>(y + begin, count));
        }
    }
}
