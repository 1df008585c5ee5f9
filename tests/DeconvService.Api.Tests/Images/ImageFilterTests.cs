using DeconvService.Api.Images;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Imaging;
using Tensor = DeconvService.Api.Tensors.Tensor;

namespace DeconvService.Api.Tests.Images;

/// <summary>
/// The arithmetic of the presets against goldens of other making. A float32 sum that ends within a rounding error of a half may fall to the
/// other side of it, hence one grey level.
/// </summary>
public sealed class ImageFilterTests : IDisposable
{
    private static readonly PresetRequest Plain = new(null, null, 1, 1);
    private readonly ConvolutionEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    [Theory]
    [InlineData("box", null, "box")]
    [InlineData("gaussian", null, "gaussian")]
    [InlineData("gaussian", 2.0, "gaussian-sigma2")]
    [InlineData("sharpen", null, "sharpen")]
    [InlineData("emboss", null, "emboss")]
    [InlineData("edges", null, "edges")]
    [InlineData("laplacian", null, "laplacian")]
    [InlineData("sobel-x", null, "sobel-x")]
    [InlineData("sobel-y", null, "sobel-y")]
    public void Run_PresetOfConvolution_IsTheGolden(string preset, double? sigma, string golden)
    {
        ImageKernel kernel = ImagePresets.Find(preset, upsampling: false)!.Make(Plain with { Sigma = sigma });
        ImageGoldens.AssertClose(ImageGoldens.Read(golden), Convolve("photo", 3, kernel), 1);
    }

    [Fact]
    public void Run_Identity_IsThePictureItself() =>
        Assert.Equal(ImageGoldens.Read("photo"), Convolve("photo", 3, ImagePresets.Find("identity", upsampling: false)!.Make(Plain)));

    [Theory]
    [InlineData(PaddingMode.Reflect, "matrix-reflect")]
    [InlineData(PaddingMode.Circular, "matrix-circular")]
    [InlineData(PaddingMode.Zeros, "matrix-zeros")]
    public void Run_UnevenMatrixAndPaddingMode_IsTheGolden(PaddingMode mode, string golden)
    {
        var kernel = new ImageKernel(3, 4, [0.1f, 0.2f, -0.1f, 0.05f, 0.3f, 0, 0.25f, 0.1f, -0.2f, 0.15f, 0.05f, 0.1f]);
        ImageGoldens.AssertClose(ImageGoldens.Read(golden), Convolve("photo", 3, kernel, mode), 1);
    }

    [Theory]
    [InlineData("nearest", 2, 0)]
    [InlineData("nearest", 3, 0)]
    [InlineData("bilinear", 2, 1)]
    [InlineData("bilinear", 3, 1)]
    [InlineData("bicubic", 2, 1)]
    [InlineData("bicubic", 3, 1)]
    [InlineData("lanczos3", 2, 1)]
    [InlineData("lanczos3", 3, 1)]
    public void Run_Upsampling_IsTheInterpolation(string preset, int factor, int levels) =>
        ImageGoldens.AssertClose(ImageGoldens.Read($"{preset}-x{factor}"), Upsample("photo", 3, preset, factor), levels);

    [Theory]
    [InlineData("gaussian", 2.0, "cutout-gaussian-sigma2")]
    [InlineData("sharpen", null, "cutout-sharpen")]
    public void Run_Alpha_FiltersColourPremultiplied(string preset, double? sigma, string golden)
    {
        ImageKernel kernel = ImagePresets.Find(preset, upsampling: false)!.Make(Plain with { Sigma = sigma });
        AssertCloseWhereVisible(ImageGoldens.Read(golden), Convolve("cutout", 4, kernel));
    }

    [Fact]
    public void Run_AlphaAndAKernelThatSumsToNine_MultipliesColourAndAveragesAlpha()
    {
        var ones = ImageKernel.Of(1, 1, 1, 1, 1, 1, 1, 1, 1);
        AssertCloseWhereVisible(ImageGoldens.Read("cutout-ones"), Convolve("cutout", 4, ones));
    }

    [Fact]
    public void Run_AlphaUpsampled_HasNoFringe() =>
        AssertCloseWhereVisible(ImageGoldens.Read("cutout-bilinear-x2"), Upsample("cutout", 4, "bilinear", 2));

    /// <summary>The loud magenta of the transparent pixels must not be seen along the shape's edge, where it is smeared without premultiplying.</summary>
    [Fact]
    public void Run_BlurOfACutOutShape_ShowsNoColourOfTransparentPixels()
    {
        ImageKernel blur = ImagePresets.Find("gaussian", upsampling: false)!.Make(Plain with { Sigma = 2 });
        byte[] result = Convolve("cutout", 4, blur);
        byte[] photo = ImageGoldens.Read("photo");
        int mostMagenta = 0, mostMagentaOfPhoto = 0;
        for (int i = 0; i < result.Length / 4; i++)
        {
            if (result[(i * 4) + 3] > 8)
                mostMagenta = Math.Max(mostMagenta, Math.Min(result[i * 4], result[(i * 4) + 2]) - result[(i * 4) + 1]);
            mostMagentaOfPhoto = Math.Max(mostMagentaOfPhoto, Math.Min(photo[i * 3], photo[(i * 3) + 2]) - photo[(i * 3) + 1]);
        }

        Assert.InRange(mostMagenta, -255, mostMagentaOfPhoto + 2);
    }

    [Fact]
    public void Run_DerivativeOfAnOpaquePicture_StaysOpaqueAndEqualsTheOneWithoutAlpha()
    {
        using PixelBuffer photo = ImageGoldens.Load("photo", 3);
        using var opaque = new PixelBuffer(ImageGoldens.Width, ImageGoldens.Height, 4);
        for (int i = 0; i < ImageGoldens.Width * ImageGoldens.Height; i++)
        {
            photo.Rows(0, photo.Height).Slice(i * 3, 3).CopyTo(opaque.Rows(0, opaque.Height)[(i * 4)..]);
            opaque.Rows(0, opaque.Height)[(i * 4) + 3] = 255;
        }

        ImageKernel sobel = ImagePresets.Find("sobel-x", upsampling: false)!.Make(Plain);
        byte[] result = Run(opaque, sobel, sobel.LayerOf(Same(sobel, 1), 4, opaque.Height, opaque.Width), PaddingMode.Replicate);
        byte[] golden = ImageGoldens.Read("sobel-x");
        for (int i = 0; i < golden.Length / 3; i++)
        {
            Assert.Equal(255, result[(i * 4) + 3]);
            ImageGoldens.AssertClose(golden.AsSpan(i * 3, 3), result.AsSpan(i * 4, 3), 1);
        }
    }

    /// <summary>One tile of the whole picture is what the engine does without tiles; here the width and height take several.</summary>
    [Theory]
    [InlineData(ConvKind.Convolution, 1, 1, 3)]
    [InlineData(ConvKind.Convolution, 2, 1, 5)]
    [InlineData(ConvKind.Convolution, 1, 3, 3)]
    [InlineData(ConvKind.Convolution, 3, 2, 4)]
    [InlineData(ConvKind.Transposed, 1, 1, 3)]
    [InlineData(ConvKind.Transposed, 2, 1, 4)]
    [InlineData(ConvKind.Transposed, 3, 1, 2)]
    [InlineData(ConvKind.Transposed, 2, 2, 3)]
    public void Run_ManyTiles_IsTheLayerOfTheWholePicture(ConvKind kind, int stride, int dilation, int size)
    {
        const int Width = 4999, Height = 61;
        var random = new Random(5);
        using var source = new PixelBuffer(Width, Height, 1);
        random.NextBytes(source.Rows(0, Height));
        source.Publish(Height);
        float[] weights = new float[size * size];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (random.NextSingle() - 0.4f) / size;

        var kernel = new ImageKernel(size, size, weights);
        var parameters = new ConvParameters
        {
            Kind = kind,
            Stride = stride,
            Dilation = dilation,
            Padding = 1,
            Fit = kind == ConvKind.Convolution ? ConvFit.Floor : ConvFit.Exact,
        };
        ConvShape layer = kernel.LayerOf(parameters, 1, Height, Width);
        float[] input = new float[Width * Height], expected = new float[layer.Output.Count];
        PixelConversion.ToPlanes(source.Rows(0, Height), 1, input, input.Length);
        Engine.Convolution.Algorithms.Reference.Run(layer, input, weights, default, expected);

        using var actual = new Tensor(layer.Output, _engine.Buffers.Rent(layer.Output.Count));
        using var filter = new ImageFilter(_engine, layer, kernel, PaddingMode.Zeros, ImageFilterLook.None);
        filter.Run(source, actual, CancellationToken.None);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(Math.Clamp(expected[i], 0, 1) - actual.Data[i]) < 1e-5, $"element {i}: {expected[i]} against {actual.Data[i]}");
    }

    [Fact]
    public void Run_ScaleAndOffset_AreAppliedBeforeClamping()
    {
        using PixelBuffer source = ImageGoldens.Load("photo", 3);
        ImageKernel identity = ImageKernel.Of(1);
        ConvShape layer = identity.LayerOf(new ConvParameters(), 3, source.Height, source.Width);
        byte[] result = Run(source, identity, layer, PaddingMode.Zeros, new ImageFilterLook(-1, 1));
        byte[] expected = [.. ImageGoldens.Read("photo").Select(level => (byte)(255 - level))];
        Assert.Equal(expected, result);
    }

    private static void AssertCloseWhereVisible(byte[] expected, byte[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i += 4)
        {
            Assert.InRange(actual[i + 3], expected[i + 3] - 1, expected[i + 3] + 1);
            // The colour of what is nearly transparent is a quotient of tiny numbers.
            if (expected[i + 3] > 16)
                ImageGoldens.AssertClose(expected.AsSpan(i, 3), actual.AsSpan(i, 3), 1);
        }
    }

    private static ConvParameters Same(ImageKernel kernel, int stride) => new()
    {
        Stride = stride,
        Padding = ConvPadding.Pairs((int[])[(kernel.Rows - 1) / 2, (kernel.Columns - 1) / 2], (int[])[kernel.Rows / 2, kernel.Columns / 2]),
    };

    private byte[] Convolve(string picture, int channels, ImageKernel kernel, PaddingMode mode = PaddingMode.Replicate)
    {
        using PixelBuffer source = ImageGoldens.Load(picture, channels);
        ConvShape layer = kernel.LayerOf(Same(kernel, 1), channels, source.Height, source.Width);
        return Run(source, kernel, layer, mode, new ImageFilterLook(1, (float)kernel.DefaultOffset));
    }

    private byte[] Upsample(string picture, int channels, string preset, int factor)
    {
        using PixelBuffer source = ImageGoldens.Load(picture, channels);
        ImageKernel kernel = ImagePresets.Find(preset, upsampling: true)!.Make(new PresetRequest(null, null, factor, factor));
        ConvShape layer = kernel.LayerOf(new ConvParameters { Kind = ConvKind.Transposed, Stride = factor }, channels, source.Height, source.Width);
        Assert.Equal(new TensorShape(1, channels, source.Height * factor, source.Width * factor), layer.Output);
        return Run(source, kernel, layer, PaddingMode.Replicate);
    }

    private byte[] Run(PixelBuffer source, ImageKernel kernel, ConvShape layer, PaddingMode mode, ImageFilterLook? look = null)
    {
        using var target = new PixelBuffer(layer.Output[3], layer.Output[2], source.Channels);
        using var filter = new ImageFilter(
            _engine, layer, kernel, mode, look ?? new ImageFilterLook(1, (float)kernel.DefaultOffset));
        filter.Run(source, target, CancellationToken.None);
        Assert.Equal(target.Height, target.RowsReady);
        return target.Rows(0, target.Height).ToArray();
    }
}
