namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The filters of <see cref="RowWinograd"/>: <c>U = G g</c> along the height, for every column of the kernel.</summary>
internal static unsafe class RowWinogradFilter
{
    /// <summary>Writes <c>[group][point][segment][row block][c][R]</c>; a row is an output channel, a phase of the height and a kernel column.</summary>
    public static void Pack(ConvShape shape, RowWinogradGeometry geometry, float* weight, float* packed)
    {
        int kernelWidth = geometry.Width.Kernel, phases = geometry.Height.Phases.Length;
        nint kernel = (nint)geometry.Height.Kernel * kernelWidth;
        bool transposed = shape.Kind == ConvKind.Transposed;
        nint outputStride = transposed ? kernel : geometry.Channels * kernel, channelStride = transposed ? geometry.Outputs * kernel : kernel;
        int[] taps = TapRows(geometry);
        for (int g = 0; g < shape.Groups; g++, weight += geometry.Channels * (nint)geometry.Outputs * kernel)
        {
            for (int point = 0; point < RowWinogradGeometry.Alpha; point++)
            {
                for (int segment = 0; segment < geometry.Segments; segment++)
                {
                    for (int block = 0; block < geometry.Blocks.Pieces; block++)
                    {
                        int rows = geometry.Blocks.Size(block);
                        for (int r = 0; r < rows; r++)
                        {
                            (int line, int column) = Math.DivRem(geometry.Blocks.Begin(block) + r, kernelWidth);
                            (int output, int phase) = Math.DivRem(line, phases);
                            float* first = weight + (output * outputStride) + column;
                            var tapRows = new ReadOnlySpan<int>(taps, ((phase * geometry.Segments) + segment) * geometry.Taps, geometry.Taps);
                            for (int c = 0; c < geometry.Channels; c++)
                                packed[(c * rows) + r] = Transform(first + (c * channelStride), kernelWidth, tapRows, point);
                        }

                        packed += geometry.Channels * (nint)rows;
                    }
                }
            }
        }
    }

    // G of points 0, 1, -1 and infinity: g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, and the last.
    private static float Transform(float* weight, int rowStride, ReadOnlySpan<int> tapRows, int point)
    {
        float sum = 0;
        for (int i = 0; i < tapRows.Length; i++)
        {
            float value = tapRows[i] < 0 ? 0 : weight[tapRows[i] * (nint)rowStride];
            sum += point switch
            {
                0 => i == 0 ? value : 0,
                1 => value / 2,
                2 => i % 2 == 0 ? value / 2 : -value / 2,
                _ => i == tapRows.Length - 1 ? value : 0,
            };
        }

        return sum;
    }

    // Row of the kernel for each [phase][segment][tap], -1 where a phase has no such tap.
    private static int[] TapRows(RowWinogradGeometry geometry)
    {
        int window = geometry.Segments * geometry.Taps;
        int[] rows = new int[geometry.Height.Phases.Length * window];
        Array.Fill(rows, -1);
        for (int phase = 0; phase < geometry.Height.Phases.Length; phase++)
        {
            foreach (Tap tap in geometry.Height.Phases[phase])
                rows[(phase * window) + tap.Shift] = tap.Kernel;
        }

        return rows;
    }
}
