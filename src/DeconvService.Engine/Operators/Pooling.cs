using System.Numerics.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>Maximum and average over sliding windows. Elements outside of the input are never the maximum; whether they count in an average is asked.</summary>
public static class Pooling
{
    /// <summary>The largest element of each window.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="input">Planes of input elements, row-major.</param>
    /// <param name="output">Receives planes of output elements, row-major; -infinity where a window lies outside of the input.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between planes.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static void Max(PoolShape shape, ReadOnlySpan<float> input, Span<float> output, EngineThreads threads, CancellationToken cancellationToken = default) =>
        Run(shape, input, output, average: false, countPadding: false, threads, cancellationToken);

    /// <summary>The mean of each window.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="countPadding">Whether padding counts as zeros (what lies beyond the padding never counts).</param>
    /// <param name="input">Planes of input elements, row-major.</param>
    /// <param name="output">Receives planes of output elements, row-major; 0 where nothing counts.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between planes.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static void Average(PoolShape shape, bool countPadding, ReadOnlySpan<float> input, Span<float> output, EngineThreads threads, CancellationToken cancellationToken = default) =>
        Run(shape, input, output, average: true, countPadding, threads, cancellationToken);

    /// <summary>The place of the largest element of each window, counted through the whole input.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="columnMajor">Whether places inside a plane are counted with the first axis running fastest.</param>
    /// <param name="input">Planes of input elements, row-major.</param>
    /// <param name="places">Receives one place an output element.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape.</exception>
    public static void ArgMax(PoolShape shape, bool columnMajor, ReadOnlySpan<float> input, Span<long> places)
    {
        ArgumentNullException.ThrowIfNull(shape);
        shape.Check(input.Length, places.Length);
        (PoolAxis depth, PoolAxis height, PoolAxis width) = (shape.Depth, shape.Height, shape.Width);
        int at = 0;
        for (int plane = 0; plane < shape.Planes; plane++)
            for (int z = 0; z < depth.Output; z++)
                for (int y = 0; y < height.Output; y++)
                    for (int x = 0; x < width.Output; x++)
                    {
                        float best = float.NegativeInfinity;
                        long place = -1, start = (long)plane * shape.InputPlane;
                        for (int c = 0; c < depth.Kernel; c++)
                            for (int b = 0; b < height.Kernel; b++)
                                for (int a = 0; a < width.Kernel; a++)
                                {
                                    int k = depth.Source(z, c), j = height.Source(y, b), i = width.Source(x, a);
                                    if (k < 0 || k >= depth.Input || j < 0 || j >= height.Input || i < 0 || i >= width.Input)
                                        continue;

                                    float value = input[(int)start + (((k * height.Input) + j) * width.Input) + i];
                                    if (value <= best && place >= 0)
                                        continue;

                                    best = value;
                                    place = start + (columnMajor
                                        ? (((i * height.Input) + j) * depth.Input) + k
                                        : (((k * height.Input) + j) * width.Input) + i);
                                }

                        places[at++] = place;
                    }
    }

    private static unsafe void Run(PoolShape shape, ReadOnlySpan<float> input, Span<float> output, bool average, bool countPadding, EngineThreads threads, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(threads);
        shape.Check(input.Length, output.Length);
        fixed (float* from = input, to = output)
            threads.Run(shape.Planes, new Items(shape, from, to, average, countPadding), cancellationToken);
    }

    private readonly unsafe struct Items(PoolShape shape, float* input, float* output, bool average, bool countPadding) : IWorkItems
    {
        // A whole row of outputs takes one tap at a time, so that rows of stride 1 are vector operations.
        public void Execute(int item, int worker)
        {
            (PoolAxis depth, PoolAxis height, PoolAxis width) = (shape.Depth, shape.Height, shape.Width);
            float* from = input + ((long)item * shape.InputPlane), to = output + ((long)item * shape.OutputPlane);
            for (int z = 0; z < depth.Output; z++)
                for (int y = 0; y < height.Output; y++)
                {
                    var row = new Span<float>(to + (((z * height.Output) + y) * width.Output), width.Output);
                    row.Fill(average ? 0 : float.NegativeInfinity);
                    for (int c = 0; c < depth.Kernel; c++)
                        for (int b = 0; b < height.Kernel; b++)
                        {
                            int k = depth.Source(z, c), j = height.Source(y, b);
                            if (k >= 0 && k < depth.Input && j >= 0 && j < height.Input)
                                TakeRow(new ReadOnlySpan<float>(from + (((k * height.Input) + j) * width.Input), width.Input), row);
                        }

                    if (average)
                        Divide(row, depth.Taps(z, countPadding) * height.Taps(y, countPadding));
                }
        }

        private void TakeRow(ReadOnlySpan<float> from, Span<float> row)
        {
            PoolAxis width = shape.Width;
            for (int tap = 0; tap < width.Kernel; tap++)
            {
                (int begin, int end) = width.Reached(tap);
                if (begin >= end)
                    continue;

                int source = width.Source(begin, tap);
                Span<float> part = row[begin..end];
                if (width.Stride == 1)
                {
                    ReadOnlySpan<float> values = from.Slice(source, part.Length);
                    if (average)
                        TensorPrimitives.Add(part, values, part);
                    else
                        TensorPrimitives.Max(part, values, part);

                    continue;
                }

                for (int i = 0; i < part.Length; i++, source += width.Stride)
                    part[i] = average ? part[i] + from[source] : MathF.Max(part[i], from[source]);
            }
        }

        private void Divide(Span<float> row, int rows)
        {
            for (int x = 0; x < row.Length; x++)
            {
                int count = rows * shape.Width.Taps(x, countPadding);
                row[x] = count == 0 ? 0 : row[x] / count;
            }
        }
    }
}
