using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Images;

/// <summary>A kernel for pictures, the same for every channel, and how its result is looked at.</summary>
/// <param name="Rows">Height of the window.</param>
/// <param name="Columns">Width of the window.</param>
/// <param name="Weights">Row-major <c>[Rows, Columns]</c>.</param>
internal sealed record ImageKernel(int Rows, int Columns, float[] Weights)
{
    /// <summary>Added to the result before clamping, unless the request says otherwise: 0.5 shows signed results around grey.</summary>
    public double DefaultOffset { get; init; }

    /// <summary>
    /// Up-sampling kernels: elements that are cropped before and after the transposed convolution's output, on each axis, so that the
    /// output is exactly stride times the input. Null for all other kernels.
    /// </summary>
    public UpsamplingCrop? Crop { get; init; }

    /// <summary>The sum of all weights: what happens to an even area.</summary>
    public double Sum => Weights.Sum(weight => (double)weight);

    /// <summary>The weights as rows, for people.</summary>
    public float[][] ToMatrix()
    {
        float[][] matrix = new float[Rows][];
        for (int row = 0; row < Rows; row++)
            matrix[row] = Weights[(row * Columns)..((row + 1) * Columns)];

        return matrix;
    }

    /// <summary>The layer that applies the kernel to every channel of a picture by itself (depthwise).</summary>
    /// <param name="parameters">Stride, padding and so on; an up-sampling kernel sets the padding itself.</param>
    /// <param name="channels">Channels of the picture.</param>
    /// <param name="height">Its height.</param>
    /// <param name="width">Its width.</param>
    /// <exception cref="ConvShapeException">The sizes do not fit.</exception>
    public ConvShape LayerOf(ConvParameters parameters, int channels, int height, int width)
    {
        parameters = parameters with { Groups = channels };
        if (Crop is not null)
            parameters = parameters with { Padding = ConvPadding.Pairs((int[])[Crop.Top, Crop.Left], (int[])[Crop.Bottom, Crop.Right]) };

        return ConvShape.Create(parameters, new TensorShape(1, channels, height, width), new TensorShape(channels, 1, Rows, Columns));
    }

    /// <summary>A kernel of numbers that are known.</summary>
    public static ImageKernel Of(params ReadOnlySpan<float> square)
    {
        int size = (int)Math.Sqrt(square.Length);
        return new ImageKernel(size, size, square.ToArray());
    }

    /// <summary>The kernel whose rows are <paramref name="horizontal"/> times the elements of <paramref name="vertical"/>.</summary>
    public static ImageKernel Separable(double[] vertical, double[] horizontal)
    {
        float[] weights = new float[vertical.Length * horizontal.Length];
        for (int row = 0; row < vertical.Length; row++)
            for (int column = 0; column < horizontal.Length; column++)
                weights[(row * horizontal.Length) + column] = (float)(vertical[row] * horizontal[column]);

        return new ImageKernel(vertical.Length, horizontal.Length, weights);
    }
}

/// <summary>What an up-sampling kernel crops on each axis.</summary>
internal sealed record UpsamplingCrop(int Top, int Bottom, int Left, int Right);
