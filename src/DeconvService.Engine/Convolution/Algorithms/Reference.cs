namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The formula as nested loops in float64: the oracle of every test and the planner's last resort.</summary>
public static class Reference
{
    /// <summary>Computes the layer, rounding each output once.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="input"><c>[N, C, D1..Dn]</c></param>
    /// <param name="weight"><c>[F, C/groups, k1..kn]</c>, transposed <c>[C, F/groups, k1..kn]</c></param>
    /// <param name="bias"><c>[F]</c>, or empty</param>
    /// <param name="output">Receives <c>[N, F, O1..On]</c>.</param>
    public static void Run(ConvShape shape, ReadOnlySpan<float> input, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, Span<float> output)
    {
        // One to three axes are looked at as three, the missing ones of size 1.
        Span<int> d = [1, 1, 1], k = [1, 1, 1], s = [1, 1, 1], p = [0, 0, 0], l = [1, 1, 1], o = [1, 1, 1];
        for (int i = 0, j = 3 - shape.SpatialRank; i < shape.SpatialRank; i++, j++)
        {
            ConvAxis axis = shape.Axes[i];
            (d[j], k[j], s[j], p[j], l[j], o[j]) = (axis.Input, axis.Kernel, axis.Stride, axis.PadBegin, axis.Dilation, axis.Output);
        }

        int c = shape.InputChannels, f = shape.OutputChannels, cg = c / shape.Groups, fg = f / shape.Groups;
        bool transposed = shape.Kind == ConvKind.Transposed;
        int at = 0;
        for (int n = 0; n < shape.Batch; n++)
        for (int oc = 0; oc < f; oc++)
        for (int o0 = 0; o0 < o[0]; o0++)
        for (int o1 = 0; o1 < o[1]; o1++)
        for (int o2 = 0; o2 < o[2]; o2++)
        {
            double sum = bias.IsEmpty ? 0 : bias[oc];
            int group = oc / fg;
            for (int ic = 0; ic < cg; ic++)
            for (int k0 = 0; k0 < k[0]; k0++)
            for (int k1 = 0; k1 < k[1]; k1++)
            for (int k2 = 0; k2 < k[2]; k2++)
            {
                int i0 = Source(transposed, o0, k0, d[0], s[0], p[0], l[0], shape.PaddingMode);
                int i1 = Source(transposed, o1, k1, d[1], s[1], p[1], l[1], shape.PaddingMode);
                int i2 = Source(transposed, o2, k2, d[2], s[2], p[2], l[2], shape.PaddingMode);
                if (i0 < 0 || i1 < 0 || i2 < 0)
                    continue;

                int channel = (group * cg) + ic;
                int x = (((((((n * c) + channel) * d[0]) + i0) * d[1]) + i1) * d[2]) + i2;
                int row = transposed ? (channel * fg) + (oc % fg) : (oc * cg) + ic;
                int w = (((((row * k[0]) + k0) * k[1]) + k1) * k[2]) + k2;
                sum += (double)input[x] * weight[w];
            }

            output[at++] = (float)sum;
        }
    }

    // The input index that output index o meets at tap k, or -1 where there is none.
    private static int Source(bool transposed, int o, int k, int size, int stride, int pad, int dilation, PaddingMode mode)
    {
        if (transposed)
        {
            int scaled = o + pad - (k * dilation);
            return scaled >= 0 && scaled % stride == 0 && scaled / stride < size ? scaled / stride : -1;
        }

        int i = (o * stride) + (k * dilation) - pad;
        return mode switch
        {
            _ when i >= 0 && i < size => i,
            PaddingMode.Zeros => -1,
            PaddingMode.Replicate => i < 0 ? 0 : size - 1,
            PaddingMode.Circular => ((i % size) + size) % size,
            _ => i < 0 ? -i : (2 * (size - 1)) - i,
        };
    }
}
