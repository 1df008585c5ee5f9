using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The filter's side of Winograd: <c>U = G g G^T</c>, L output channels at a time, written where the product reads it.</summary>
/// <remarks>
/// <code>
///   weight [f][c][kernel]  -> lanes [c][kernel][L outputs]  -> U [group][chunk of 2L outputs][phase][point][term][c][2L]
/// </code>
/// In float32: against float64 it adds no error that could be measured, because products and the other transforms are in float32 too.
/// </remarks>
internal static unsafe class WinogradFilter
{
    /// <summary>Numbers of all transformed filters.</summary>
    public static long Count(WinogradGeometry geometry)
    {
        long vectors = (geometry.Outputs + geometry.Lanes - 1) / geometry.Lanes;
        return vectors * geometry.Lanes * geometry.Shape.Groups * geometry.Phases * geometry.Points * geometry.Reduction;
    }

    /// <summary>Transforms all filters.</summary>
    public static void Pack<V>(WinogradGeometry geometry, WinogradTileFunctions tile, AlignedBufferPool pool, float* weight, float* packed)
        where V : struct, IVec<V>
    {
        ConvShape shape = geometry.Shape;
        int kernel = geometry.Depth.Kernel * geometry.Height.Axis.Kernel * geometry.Width.Axis.Kernel;
        using AlignedBuffer lanes = pool.Rent((((long)V.Count * kernel) + V.Count) * V.Count);
        int[] taps = TapIndices(geometry);
        float[] matrixHeight = Matrix(tile.PointsHeight, geometry.Height.Size.Taps), matrixWidth = Matrix(tile.PointsWidth, geometry.Width.Size.Taps);
        for (int group = 0; group < shape.Groups; group++)
        {
            for (int first = 0; first < geometry.Outputs; first += 2 * V.Count)
            {
                int vectors = geometry.Outputs - first > V.Count ? 2 : 1;
                nint termStride = (nint)geometry.Channels * vectors * V.Count, pointStride = termStride * geometry.Terms.Length;
                for (int half = 0; half < vectors; half++)
                {
                    int output = first + (half * V.Count);
                    for (int c = 0; c < geometry.Channels; c += V.Count)
                    {
                        int channels = Math.Min(V.Count, geometry.Channels - c);
                        Gather<V>(geometry, weight, kernel, group, output, c, channels, lanes.Pointer);
                        for (int i = 0; i < channels; i++)
                        {
                            float* target = packed + ((((c + i) * (nint)vectors) + half) * V.Count);
                            Transform<V>(geometry, matrixHeight, matrixWidth, lanes.Pointer + ((nint)i * kernel * V.Count), taps, target, pointStride, termStride);
                        }
                    }
                }

                packed += pointStride * geometry.Points * geometry.Phases;
            }
        }
    }

    // L outputs' weights of some channels as lanes [c][kernel][L].
    private static void Gather<V>(WinogradGeometry geometry, float* weight, int kernel, int group, int output, int channel, int channels, float* lanes)
        where V : struct, IVec<V>
    {
        int outputs = Math.Min(V.Count, geometry.Outputs - output);
        if (geometry.Shape.Kind == ConvKind.Convolution)
        {
            nint stride = (nint)geometry.Channels * kernel;
            float* row = weight + ((((nint)group * geometry.Outputs) + output) * stride) + ((nint)channel * kernel);
            ChannelLanes.Gather<V>(row, stride, outputs, channels * kernel, 0, channels * kernel, PaddingMode.Zeros, lanes);
            return;
        }

        for (int i = 0; i < channels; i++)
        {
            float* row = weight + ((((((nint)group * geometry.Channels) + channel + i) * geometry.Outputs) + output) * kernel);
            ChannelLanes.Gather<V>(row, kernel, outputs, kernel, 0, kernel, PaddingMode.Zeros, lanes + ((nint)i * kernel * V.Count));
        }
    }

    // For each phase and term the kernel's index of each tap [height][width], -1 where there is none.
    private static int[] TapIndices(WinogradGeometry geometry)
    {
        WinogradGrid height = geometry.Height, width = geometry.Width;
        int rows = height.Size.Taps, columns = width.Size.Taps;
        var indices = new List<int>(geometry.Phases * geometry.Terms.Length * rows * columns);
        for (int phase = 0; phase < geometry.Phases; phase++)
        {
            (int phaseHeight, int phaseWidth) = Math.DivRem(phase, width.Phases);
            foreach (WinogradTerm term in geometry.Terms)
            {
                int plane = geometry.DepthTaps[term.Depth].Kernel * height.Axis.Kernel;
                for (int i = 0; i < rows; i++)
                {
                    int y = height.Kernel(phaseHeight, term.PartHeight, term.SharedHeight, i);
                    for (int j = 0; j < columns; j++)
                    {
                        int x = width.Kernel(phaseWidth, term.PartWidth, term.SharedWidth, j);
                        indices.Add(y < 0 || x < 0 ? -1 : ((plane + y) * width.Axis.Kernel) + x);
                    }
                }
            }
        }

        return [.. indices];
    }

    // All phases and terms of one channel.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transform<V>(
        WinogradGeometry geometry, ReadOnlySpan<float> matrixHeight, ReadOnlySpan<float> matrixWidth, float* lanes, ReadOnlySpan<int> taps, float* target, nint pointStride, nint termStride)
        where V : struct, IVec<V>
    {
        int tapsHeight = geometry.Height.Size.Taps, tapsWidth = geometry.Width.Size.Taps;
        int alphaHeight = geometry.Height.Size.Alpha, alphaWidth = geometry.Width.Size.Alpha;
        float* columns = stackalloc float[alphaHeight * tapsWidth * V.Count];
        for (int phase = 0; phase < geometry.Phases; phase++)
        {
            for (int term = 0; term < geometry.Terms.Length; term++)
            {
                for (int i = 0; i < alphaHeight; i++)
                {
                    for (int w = 0; w < tapsWidth; w++)
                    {
                        V sum = V.Zero;
                        for (int h = 0; h < tapsHeight; h++)
                        {
                            int tap = taps[(h * tapsWidth) + w];
                            if (tap >= 0)
                                sum = V.MultiplyAdd(V.Broadcast(matrixHeight[(i * tapsHeight) + h]), V.Load(lanes + ((nint)tap * V.Count)), sum);
                        }

                        sum.Store(columns + (((i * tapsWidth) + w) * V.Count));
                    }
                }

                float* place = target + (term * termStride);
                for (int i = 0; i < alphaHeight; i++)
                {
                    for (int j = 0; j < alphaWidth; j++, place += pointStride)
                    {
                        V sum = V.Zero;
                        for (int w = 0; w < tapsWidth; w++)
                            sum = V.MultiplyAdd(V.Broadcast(matrixWidth[(j * tapsWidth) + w]), V.Load(columns + (((i * tapsWidth) + w) * V.Count)), sum);

                        sum.Store(place);
                    }
                }

                taps = taps[(tapsHeight * tapsWidth)..];
            }

            target += pointStride * geometry.Points;
        }
    }

    // The matrix G [Alpha, taps]; rows as in IWinogradTransform.
    private static float[] Matrix(ReadOnlySpan<double> points, int taps)
    {
        float[] matrix = new float[(points.Length + 1) * taps];
        for (int i = 0; i < points.Length; i++)
        {
            double scale = 1;
            for (int j = 0; j < points.Length; j++)
                scale *= j == i ? 1 : points[i] - points[j];

            double power = 1 / scale;
            for (int k = 0; k < taps; k++, power *= points[i])
                matrix[(i * taps) + k] = (float)power;
        }

        matrix[^1] = 1;
        return matrix;
    }
}
