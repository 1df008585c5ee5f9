using DeconvService.Engine.Convolution;

namespace DeconvService.Engine.Tests.Convolution.Algorithms;

/// <summary>
/// The two operators as they are usually explained: convolution pads the input and slides a window over it, transposed convolution adds
/// the kernel into a large array at every input element and crops it. Slow, and alike in nothing with the reference it checks.
/// </summary>
internal static class ByArrays
{
    internal static float[] Run(ConvShape shape, float[] input, float[] weight) =>
        shape.Kind == ConvKind.Transposed ? Scatter(shape, input, weight) : Slide(shape, input, weight);

    private static float[] Slide(ConvShape shape, float[] input, float[] weight)
    {
        int[] size = Three(shape, axis => axis.Input, 1), kernel = Three(shape, axis => axis.Kernel, 1), output = Three(shape, axis => axis.Output, 1);
        int[] stride = Three(shape, axis => axis.Stride, 1), dilation = Three(shape, axis => axis.Dilation, 1);
        // Where each element of the padded input comes from, -1 for a zero.
        int[][] sources = [.. Enumerable.Range(0, 3).Select(i => PaddedSources(shape, i - 3 + shape.SpatialRank))];
        int cg = shape.InputChannels / shape.Groups, fg = shape.OutputChannels / shape.Groups;
        var result = new List<float>();
        for (int n = 0; n < shape.Batch; n++)
            for (int f = 0; f < shape.OutputChannels; f++)
                foreach ((int o0, int o1, int o2) in Points(output))
                {
                    double sum = 0;
                    for (int c = 0; c < cg; c++)
                        foreach ((int k0, int k1, int k2) in Points(kernel))
                        {
                            int i0 = sources[0][(o0 * stride[0]) + (k0 * dilation[0])], i1 = sources[1][(o1 * stride[1]) + (k1 * dilation[1])], i2 = sources[2][(o2 * stride[2]) + (k2 * dilation[2])];
                            if (i0 >= 0 && i1 >= 0 && i2 >= 0)
                                sum += (double)input[At((n * shape.InputChannels) + (f / fg * cg) + c, size, i0, i1, i2)] * weight[At((f * cg) + c, kernel, k0, k1, k2)];
                        }

                    result.Add((float)sum);
                }

        return [.. result];
    }

    private static float[] Scatter(ConvShape shape, float[] input, float[] weight)
    {
        int[] size = Three(shape, axis => axis.Input, 1), kernel = Three(shape, axis => axis.Kernel, 1), output = Three(shape, axis => axis.Output, 1);
        int[] stride = Three(shape, axis => axis.Stride, 1), dilation = Three(shape, axis => axis.Dilation, 1), crop = Three(shape, axis => axis.PadBegin, 0);
        int cg = shape.InputChannels / shape.Groups, fg = shape.OutputChannels / shape.Groups;
        var sums = new double[shape.Output.Count];
        for (int n = 0; n < shape.Batch; n++)
            for (int c = 0; c < shape.InputChannels; c++)
                for (int g = 0; g < fg; g++)
                    foreach ((int i0, int i1, int i2) in Points(size))
                        foreach ((int k0, int k1, int k2) in Points(kernel))
                        {
                            int o0 = (i0 * stride[0]) + (k0 * dilation[0]) - crop[0], o1 = (i1 * stride[1]) + (k1 * dilation[1]) - crop[1], o2 = (i2 * stride[2]) + (k2 * dilation[2]) - crop[2];
                            if (o0 < 0 || o1 < 0 || o2 < 0 || o0 >= output[0] || o1 >= output[1] || o2 >= output[2])
                                continue;

                            int plane = (n * shape.OutputChannels) + (c / cg * fg) + g;
                            sums[At(plane, output, o0, o1, o2)] += (double)input[At((n * shape.InputChannels) + c, size, i0, i1, i2)] * weight[At((c * fg) + g, kernel, k0, k1, k2)];
                        }

        return Array.ConvertAll(sums, sum => (float)sum);
    }

    private static int[] PaddedSources(ConvShape shape, int axisIndex)
    {
        if (axisIndex < 0)
            return [0];

        ConvAxis axis = shape.Axes[axisIndex];
        List<int> inside = [.. Enumerable.Range(0, axis.Input)];
        // One step of padding at a time, looking at what is there already.
        IEnumerable<int> before = Enumerable.Range(1, axis.PadBegin).Select(step => shape.PaddingMode switch
        {
            PaddingMode.Reflect => inside[step],
            PaddingMode.Circular => inside[^step],
            PaddingMode.Replicate => 0,
            _ => -1,
        });
        IEnumerable<int> after = Enumerable.Range(1, axis.PadEnd).Select(step => shape.PaddingMode switch
        {
            PaddingMode.Reflect => inside[^(step + 1)],
            PaddingMode.Circular => inside[step - 1],
            PaddingMode.Replicate => axis.Input - 1,
            _ => -1,
        });
        return [.. before.Reverse(), .. inside, .. after];
    }

    private static int[] Three(ConvShape shape, Func<ConvAxis, int> number, int missing) =>
        [.. Enumerable.Repeat(missing, 3 - shape.SpatialRank), .. shape.Axes.Select(number)];

    private static IEnumerable<(int, int, int)> Points(int[] sizes)
    {
        for (int i = 0; i < sizes[0]; i++)
            for (int j = 0; j < sizes[1]; j++)
                for (int k = 0; k < sizes[2]; k++)
                    yield return (i, j, k);
    }

    private static int At(int plane, int[] sizes, int i, int j, int k) => (((((plane * sizes[0]) + i) * sizes[1]) + j) * sizes[2]) + k;
}
