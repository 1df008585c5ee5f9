using System.Numerics.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>
/// Softmax along one axis of a tensor seen as [outer, axis, inner]: <c>y[o, a, i] = exp(x[o, a, i] - m) / sum over a of exp(x[o, a, i] - m)</c>
/// with the largest element m, so that nothing overflows.
/// </summary>
public static class Softmax
{
    // Columns that are worked on together when the axis is not the last one.
    private const int BlockLength = 256;

    /// <summary>Computes the function.</summary>
    /// <param name="x">[outer, axis, inner]</param>
    /// <param name="y">Receives [outer, axis, inner]; may be the same memory.</param>
    /// <param name="axis">Elements that sum up to 1.</param>
    /// <param name="inner">Distance between them.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between pieces.</param>
    /// <exception cref="ArgumentException">The lengths differ, or are no multiple of axis times inner.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static unsafe void Run(ReadOnlySpan<float> x, Span<float> y, int axis, int inner, EngineThreads threads, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(threads);
        if (x.IsEmpty && y.IsEmpty)
            return;

        long group = (long)axis * inner;
        if (x.Length != y.Length || group <= 0 || x.Length % group != 0)
            throw new ArgumentException($"{x.Length} elements cannot give {y.Length} along an axis of {axis} with {inner} between neighbours");

        int blocks = (inner + BlockLength - 1) / BlockLength;
        fixed (float* from = x, to = y)
            threads.Run((int)(x.Length / group) * blocks, new Items(from, to, axis, inner, blocks), cancellationToken);
    }

    private readonly unsafe struct Items(float* x, float* y, int axis, int inner, int blocks) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            long start = (long)(item / blocks) * axis * inner;
            if (inner == 1)
            {
                var row = new Span<float>(y + start, axis);
                var values = new ReadOnlySpan<float>(x + start, axis);
                TensorPrimitives.Subtract(values, TensorPrimitives.Max(values), row);
                TensorPrimitives.Exp(row, row);
                TensorPrimitives.Divide(row, TensorPrimitives.Sum(row), row);
                return;
            }

            int begin = item % blocks * BlockLength, count = Math.Min(BlockLength, inner - begin);
            Span<float> largest = stackalloc float[BlockLength];
            Span<float> sum = stackalloc float[BlockLength];
            largest = largest[..count];
            sum = sum[..count];
            largest.Fill(float.NegativeInfinity);
            sum.Clear();
            for (int a = 0; a < axis; a++)
                TensorPrimitives.Max(largest, Row(x, start, a, begin, count), largest);

            for (int a = 0; a < axis; a++)
            {
                Span<float> row = Row(y, start, a, begin, count);
                TensorPrimitives.Subtract(Row(x, start, a, begin, count), largest, row);
                TensorPrimitives.Exp(row, row);
                TensorPrimitives.Add(sum, row, sum);
            }

            for (int a = 0; a < axis; a++)
                TensorPrimitives.Divide(Row(y, start, a, begin, count), sum, Row(y, start, a, begin, count));
        }

        private Span<float> Row(float* p, long start, int a, int begin, int count) => new(p + start + ((long)a * inner) + begin, count);
    }
}
