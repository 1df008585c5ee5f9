namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Two-dimensional kernels that are a column times a row, <c>w[ky, kx] = Vertical[ky] * Horizontal[kx]</c>: Gaussian, box and interpolation
/// kernels. Applied one after the other they take ky + kx multiply-adds instead of ky * kx.
/// </summary>
internal sealed class SeparableTaps
{
    // What a product may differ from the weight, by the largest weight: a few roundings of a weight that was computed as a product.
    private const double Tolerance = 1e-6;

    private SeparableTaps(float[] vertical, float[] horizontal) => (Vertical, Horizontal) = (vertical, horizontal);

    /// <summary><c>[F, KH]</c></summary>
    public float[] Vertical { get; }

    /// <summary><c>[F, KW]</c></summary>
    public float[] Horizontal { get; }

    /// <summary>The factors of all channels' kernels, or null where a kernel has none or two passes would not be cheaper.</summary>
    /// <param name="shape">A depthwise layer.</param>
    /// <param name="weight"><c>[F, 1, KH, KW]</c></param>
    public static SeparableTaps? TryFind(ConvShape shape, ReadOnlySpan<float> weight)
    {
        if (shape.SpatialRank != 2)
            return null;

        int height = shape.Weight[2], width = shape.Weight[3], channels = shape.OutputChannels;
        // Where phases share out the taps, each output meets only some of them.
        int stride = shape.Kind == ConvKind.Transposed ? shape.Axes[0].Stride * shape.Axes[1].Stride : 1;
        if (height < 2 || width < 2 || (long)height * width / stride < 4 || (stride == 1 && height * width <= 9))
            return null;

        float[] vertical = new float[channels * height], horizontal = new float[channels * width];
        for (int f = 0; f < channels; f++)
        {
            ReadOnlySpan<float> kernel = weight.Slice(f * height * width, height * width);
            if (!TryFactor(kernel, width, vertical.AsSpan(f * height, height), horizontal.AsSpan(f * width, width)))
                return null;
        }

        return new SeparableTaps(vertical, horizontal);
    }

    // The largest weight's row and column, the row divided by that weight.
    private static bool TryFactor(ReadOnlySpan<float> kernel, int width, Span<float> vertical, Span<float> horizontal)
    {
        int pivot = 0;
        for (int i = 1; i < kernel.Length; i++)
        {
            if (!(Math.Abs(kernel[i]) <= Math.Abs(kernel[pivot])))
                pivot = i;
        }

        double largest = kernel[pivot];
        if (largest == 0 || !double.IsFinite(largest))
            return false;

        (int row, int column) = Math.DivRem(pivot, width);
        for (int y = 0; y < vertical.Length; y++)
            vertical[y] = kernel[(y * width) + column];
        for (int x = 0; x < horizontal.Length; x++)
            horizontal[x] = (float)(kernel[(row * width) + x] / largest);

        for (int y = 0; y < vertical.Length; y++)
            for (int x = 0; x < horizontal.Length; x++)
            {
                double error = kernel[(y * width) + x] - ((double)vertical[y] * horizontal[x]);
                if (!(Math.Abs(error) <= Tolerance * Math.Abs(largest)))
                    return false;
            }

        return true;
    }
}
