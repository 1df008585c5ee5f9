namespace DeconvService.Api.Images;

/// <summary>The kernels that have a name, and the formulas behind them.</summary>
internal static class ImagePresets
{
    /// <summary>The largest window, in pixels a side; a matrix may have as many.</summary>
    public const int MaximumSize = 255;

    /// <summary>The largest sigma, in pixels, whose window of three sigma fits <see cref="MaximumSize"/>.</summary>
    public const double MaximumSigma = 42;

    /// <summary>The largest factor of an up-sampling kernel.</summary>
    public const int MaximumFactor = 64;

    /// <summary>Signed results are shown around the middle grey.</summary>
    private const double Middle = 0.5;

    /// <summary>The presets, those of <c>/v1/images/conv</c> first.</summary>
    public static IReadOnlyList<ImagePreset> All { get; } =
    [
        new("identity", "leaves the picture as it is") { Make = _ => ImageKernel.Of(1) },
        new("box", "mean of size x size pixels") { DefaultSize = 3, Make = ask => Mean(ask.Size ?? 3) },
        new("gaussian", "Gaussian blur; without a size, the window reaches three sigma")
        {
            DefaultSigma = 1,
            HasSize = true,
            Make = ask => Gaussian(ask.Sigma ?? 1, ask.Size),
        },
        new("sharpen", "the picture minus its Laplacian") { Make = _ => ImageKernel.Of(0, -1, 0, -1, 5, -1, 0, -1, 0) },
        new("emboss", "relief lit from the top left; sums to 0") { Make = _ => Signed(-2, -1, 0, -1, 0, 1, 0, 1, 2) },
        new("edges", "edges of all directions, bright on black") { Make = _ => ImageKernel.Of(-1, -1, -1, -1, 8, -1, -1, -1, -1) },
        new("laplacian", "second derivative, signed") { Make = _ => Signed(0, 1, 0, 1, -4, 1, 0, 1, 0) },
        new("sobel-x", "horizontal derivative, signed") { Make = _ => Signed(-1, 0, 1, -2, 0, 2, -1, 0, 1) },
        new("sobel-y", "vertical derivative, signed") { Make = _ => Signed(-1, -2, -1, 0, 0, 0, 1, 2, 1) },
        new("nearest", "repeats pixels") { IsUpsampling = true, Make = ask => Upsampling(ask.StrideY, ask.StrideX, 0.5, Box) },
        new("bilinear", "interpolates between two pixels an axis") { IsUpsampling = true, Make = ask => Upsampling(ask.StrideY, ask.StrideX, 1, Triangle) },
        new("bicubic", "cubic convolution with a = -0.75, as PyTorch; four pixels an axis")
        {
            IsUpsampling = true,
            Make = ask => Upsampling(ask.StrideY, ask.StrideX, 2, Cubic),
        },
        new("lanczos3", "windowed sinc; six pixels an axis") { IsUpsampling = true, Make = ask => Upsampling(ask.StrideY, ask.StrideX, 3, Lanczos3) },
    ];

    /// <summary>The preset of a name, or null.</summary>
    public static ImagePreset? Find(string name, bool upsampling) =>
        All.FirstOrDefault(preset => preset.IsUpsampling == upsampling && string.Equals(preset.Name, name, StringComparison.OrdinalIgnoreCase));

    private static ImageKernel Signed(params ReadOnlySpan<float> square) => ImageKernel.Of(square) with { DefaultOffset = Middle };

    private static ImageKernel Mean(int size)
    {
        double[] axis = new double[size];
        Array.Fill(axis, 1.0 / size);
        return ImageKernel.Separable(axis, axis);
    }

    private static ImageKernel Gaussian(double sigma, int? size)
    {
        double[] axis = new double[size ?? ((2 * (int)Math.Ceiling(3 * sigma)) + 1)];
        double middle = (axis.Length - 1) / 2.0;
        for (int i = 0; i < axis.Length; i++)
            axis[i] = Math.Exp(-(i - middle) * (i - middle) / (2 * sigma * sigma));

        double sum = axis.Sum();
        for (int i = 0; i < axis.Length; i++)
            axis[i] /= sum;

        return ImageKernel.Separable(axis, axis);
    }

    /// <summary>
    /// The kernel of a transposed convolution that interpolates. Output pixel o lies at input position <c>(o + 1/2) / stride - 1/2</c>
    /// (pixels are areas, corners are not aligned), and input i weighs <c>h(position - i)</c> in it, h of the given radius. With
    /// <c>o = i * stride + k - crop</c> that is <c>w[k] = h((k - crop + 1/2) / stride - 1/2)</c>.
    /// </summary>
    private static ImageKernel Upsampling(int strideY, int strideX, double radius, Func<double, double> h)
    {
        (double[] vertical, int top) = UpsamplingAxis(strideY, radius, h);
        (double[] horizontal, int left) = UpsamplingAxis(strideX, radius, h);
        return ImageKernel.Separable(vertical, horizontal) with
        {
            Crop = new UpsamplingCrop(top, vertical.Length - strideY - top, left, horizontal.Length - strideX - left),
        };
    }

    private static (double[] Weights, int Crop) UpsamplingAxis(int stride, double radius, Func<double, double> h)
    {
        // Offsets m = k - crop whose position is strictly inside of the radius; the box alone owns its left end.
        int first = (int)Math.Floor((stride * (0.5 - radius)) - 0.5) + 1;
        int last = (int)Math.Ceiling((stride * (0.5 + radius)) - 0.5) - 1;
        double[] weights = new double[last - first + 1];
        for (int k = 0; k < weights.Length; k++)
            weights[k] = h(((k + first + 0.5) / stride) - 0.5);

        // Each phase sums to 1, so an even area keeps its grey. Only Lanczos is not exact by itself.
        for (int phase = 0; phase < stride; phase++)
        {
            double sum = 0;
            for (int k = phase; k < weights.Length; k += stride)
                sum += weights[k];
            for (int k = phase; k < weights.Length; k += stride)
                weights[k] /= sum;
        }

        return (weights, -first);
    }

    private static double Box(double t) => 1;

    private static double Triangle(double t) => 1 - Math.Abs(t);

    // Keys, "Cubic Convolution Interpolation for Digital Image Processing" (1981), with PyTorch's a.
    private static double Cubic(double t)
    {
        const double A = -0.75;
        double x = Math.Abs(t);
        return x < 1 ? ((((A + 2) * x) - (A + 3)) * x * x) + 1 : A * (((((x - 5) * x) + 8) * x) - 4);
    }

    private static double Lanczos3(double t) => Sinc(t) * Sinc(t / 3);

    private static double Sinc(double t) => Math.Abs(t) < 1e-12 ? 1 : Math.Sin(Math.PI * t) / (Math.PI * t);
}

/// <summary>A kernel that has a name.</summary>
/// <param name="Name">As in the parameter <c>kernel</c>.</param>
/// <param name="Summary">What it does, for people.</param>
internal sealed record ImagePreset(string Name, string Summary)
{
    /// <summary>Whether it belongs to <c>/v1/images/conv-transpose</c>.</summary>
    public bool IsUpsampling { get; init; }

    /// <summary>The window's side where none is asked for; null where it follows from something else or is fixed.</summary>
    public int? DefaultSize { get; init; }

    /// <summary>Sigma where none is asked for; null where there is none.</summary>
    public double? DefaultSigma { get; init; }

    /// <summary>Whether the parameter <c>size</c> applies.</summary>
    public bool HasSize { get => field || DefaultSize is not null; init; }

    /// <summary>Makes the kernel.</summary>
    public required Func<PresetRequest, ImageKernel> Make { get; init; }
}

/// <summary>What is asked of a preset.</summary>
internal readonly record struct PresetRequest(int? Size, double? Sigma, int StrideY, int StrideX);
