using System.Numerics.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>What one output index of a resized axis is made of: <c>sum over t of Weights[t] * input[Begin + t]</c>.</summary>
/// <param name="Begin">First input index; all taps lie inside the input.</param>
/// <param name="Weights">One weight a tap.</param>
public readonly record struct ResizeTaps(int Begin, float[] Weights);

/// <summary>Resizes one axis of a tensor by a weighted sum of neighbours: linear, cubic, or any other kernel. Several axes are done one after the other.</summary>
public static class Resize
{
    /// <summary>Computes <c>y[o, i, n] = sum over t of w[i][t] * x[o, begin[i] + t, n]</c>.</summary>
    /// <param name="taps">One entry for each output index of the axis.</param>
    /// <param name="x">[outer, axis, inner], row-major</param>
    /// <param name="y">Receives [outer, taps.Count, inner], row-major; must not overlap x.</param>
    /// <param name="axis">Input size of the axis.</param>
    /// <param name="inner">Elements after the axis.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between pieces.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a tap lies outside of the axis.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static unsafe void Axis(IReadOnlyList<ResizeTaps> taps, ReadOnlySpan<float> x, Span<float> y, int axis, int inner, EngineThreads threads, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(taps);
        ArgumentNullException.ThrowIfNull(threads);
        if (y.IsEmpty)
            return;

        long outer = x.Length / Math.Max(1, (long)axis * inner);
        if (outer * axis * inner != x.Length || outer * taps.Count * inner != y.Length)
            throw new ArgumentException($"{x.Length} elements [{outer}, {axis}, {inner}] cannot give {y.Length} with {taps.Count} on the axis");

        foreach (ResizeTaps tap in taps)
        {
            if (tap.Begin < 0 || tap.Begin + tap.Weights.Length > axis)
                throw new ArgumentException($"taps {tap.Begin} to {tap.Begin + tap.Weights.Length - 1} are outside of an axis of {axis}");
        }

        fixed (float* from = x, to = y)
        {
            if (inner == 1)
                threads.Run((int)outer, new LastAxis(taps, from, to, axis), cancellationToken);
            else
                threads.Run((int)outer * taps.Count, new InnerRows(taps, from, to, axis, inner), cancellationToken);
        }
    }

    private readonly unsafe struct LastAxis(IReadOnlyList<ResizeTaps> taps, float* x, float* y, int axis) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            float* from = x + ((long)item * axis), to = y + ((long)item * taps.Count);
            for (int i = 0; i < taps.Count; i++)
            {
                ResizeTaps tap = taps[i];
                float sum = 0;
                for (int t = 0; t < tap.Weights.Length; t++)
                    sum += tap.Weights[t] * from[tap.Begin + t];

                to[i] = sum;
            }
        }
    }

    private readonly unsafe struct InnerRows(IReadOnlyList<ResizeTaps> taps, float* x, float* y, int axis, int inner) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            ResizeTaps tap = taps[item % taps.Count];
            float* from = x + ((((long)(item / taps.Count) * axis) + tap.Begin) * inner);
            var to = new Span<float>(y + ((long)item * inner), inner);
            if (tap.Weights.Length == 0)
                to.Clear();

            for (int t = 0; t < tap.Weights.Length; t++)
            {
                var row = new ReadOnlySpan<float>(from + ((long)t * inner), inner);
                if (t == 0)
                    TensorPrimitives.Multiply(row, tap.Weights[0], to);
                else
                    TensorPrimitives.MultiplyAdd(row, tap.Weights[t], to, to);
            }
        }
    }
}
