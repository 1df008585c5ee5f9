using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>Normalisations of planes [N, C, plane].</summary>
public static class Normalization
{
    /// <summary>Computes <c>y[n, c, i] = scale[c] * x[n, c, i] + shift[c]</c>: batch normalisation in inference.</summary>
    /// <param name="x">[N, C, plane]</param>
    /// <param name="scale">[C]</param>
    /// <param name="shift">[C]</param>
    /// <param name="y">Receives [N, C, plane]; may be the memory of x.</param>
    /// <param name="planeLength">Elements of a plane.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between planes.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static unsafe void Channels(ReadOnlySpan<float> x, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, Span<float> y, int planeLength, EngineThreads threads, CancellationToken cancellationToken = default)
    {
        int planes = CountPlanes(x, scale, shift, y, planeLength, threads);
        fixed (float* px = x, ps = scale, pt = shift, py = y)
            threads.Run(planes, new ChannelItems(px, ps, pt, py, scale.Length, planeLength), cancellationToken);
    }

    /// <summary>
    /// Instance normalisation: <c>y[n, c, i] = scale[c] * (x[n, c, i] - mean) / sqrt(variance + epsilon) + shift[c]</c>, with mean and
    /// (biased) variance of the plane.
    /// </summary>
    /// <param name="x">[N, C, plane]</param>
    /// <param name="scale">[C]</param>
    /// <param name="shift">[C]</param>
    /// <param name="epsilon">Keeps the division from zero.</param>
    /// <param name="y">Receives [N, C, plane]; may be the memory of x.</param>
    /// <param name="planeLength">Elements of a plane.</param>
    /// <param name="threads">What computes.</param>
    /// <param name="cancellationToken">Looked at between planes.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static unsafe void Instances(ReadOnlySpan<float> x, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, float epsilon, Span<float> y, int planeLength, EngineThreads threads, CancellationToken cancellationToken = default)
    {
        int planes = CountPlanes(x, scale, shift, y, planeLength, threads);
        fixed (float* px = x, ps = scale, pt = shift, py = y)
            threads.Run(planes, new InstanceItems(px, ps, pt, py, scale.Length, planeLength, epsilon), cancellationToken);
    }

    private static int CountPlanes(ReadOnlySpan<float> x, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, Span<float> y, int planeLength, EngineThreads threads)
    {
        ArgumentNullException.ThrowIfNull(threads);
        if (x.IsEmpty && y.IsEmpty)
            return 0;

        long group = (long)scale.Length * planeLength;
        if (x.Length != y.Length || scale.Length != shift.Length || group == 0 || x.Length % group != 0)
            throw new ArgumentException($"{x.Length} elements with {scale.Length} scales and {shift.Length} shifts cannot give {y.Length} in planes of {planeLength}");

        return x.Length / planeLength;
    }

    private readonly unsafe struct ChannelItems(float* x, float* scale, float* shift, float* y, int channels, int planeLength) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            long at = (long)item * planeLength;
            ActivationFunctions.Affine(scale[item % channels], shift[item % channels])(new ReadOnlySpan<float>(x + at, planeLength), new Span<float>(y + at, planeLength));
        }
    }

    private readonly unsafe struct InstanceItems(float* x, float* scale, float* shift, float* y, int channels, int planeLength, float epsilon) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            long at = (long)item * planeLength;
            var plane = new ReadOnlySpan<float>(x + at, planeLength);
            double mean = 0, squares = 0;
            foreach (float value in plane)
                mean += value;

            mean /= planeLength;
            foreach (float value in plane)
                squares += (value - mean) * (value - mean);

            double factor = scale[item % channels] / Math.Sqrt((squares / planeLength) + epsilon);
            ActivationFunctions.Affine((float)factor, (float)(shift[item % channels] - (mean * factor)))(plane, new Span<float>(y + at, planeLength));
        }
    }
}
