namespace DeconvService.Imaging.Tests;

/// <summary>What every codec must read, written against the interface only.</summary>
public sealed class CodecDecodeTests
{
    private readonly IImageCodec _codec = ImageCodec.Create();

    /// <summary>Channels, and the largest difference in grey levels to the independent decoder (lossless: none).</summary>
    [PictureTheory]
    [InlineData("rgb8.png", 3, 0)]
    [InlineData("grey8.png", 1, 0)]
    [InlineData("grey1.png", 1, 0)]
    [InlineData("grey2.png", 1, 0)]
    [InlineData("grey4.png", 1, 0)]
    [InlineData("rgb16.png", 3, 1)]
    [InlineData("grey16.png", 1, 1)]
    [InlineData("rgba8.png", 4, 0)]
    [InlineData("greyalpha8.png", 2, 0)]
    [InlineData("rgba16.png", 4, 1)]
    [InlineData("palette.png", 3, 0)]
    [InlineData("palette-transparent.png", 4, 0)]
    [InlineData("interlaced.png", 3, 0)]
    [InlineData("grey.jpg", 1, 2)]
    [InlineData("rgb.jpg", 3, 3)]
    [InlineData("rgb-420.jpg", 3, 4)]
    [InlineData("progressive.jpg", 3, 3)]
    [InlineData("lossy.webp", 3, 2)]
    [InlineData("lossless-alpha.webp", 4, 0)]
    [InlineData("animated.gif", 3, 0)]
    [InlineData("rgb.tif", 3, 0)]
    [InlineData("rgba.tif", 4, 0)]
    [InlineData("wide-gamut.jpg", 3, 3)]
    [InlineData("wide-gamut-alpha.png", 4, 2)]
    public void Decode_EachKind_FindsTheExpectedPixels(string name, int channels, int tolerance)
    {
        var encoded = TestPictures.Encoded(name);
        var info = _codec.Identify(encoded);
        Assert.Equal((48, 32, channels), (info.Width, info.Height, info.Channels));

        using var pixels = _codec.Decode(encoded);
        Assert.Equal((48, 32, channels), (pixels.Width, pixels.Height, pixels.Channels));
        Assert.Equal(32, pixels.RowsReady);
        Assert.InRange(TestPictures.LargestDifference(TestPictures.Expected(name), pixels.Rows(0, 32)), 0, tolerance);
    }

    /// <summary>The expected pixels are the upright picture from before it was compressed, so JPEG's loss is in the tolerance.</summary>
    [PictureTheory]
    [InlineData("orientation1.jpg")]
    [InlineData("orientation2.jpg")]
    [InlineData("orientation3.jpg")]
    [InlineData("orientation4.jpg")]
    [InlineData("orientation5.jpg")]
    [InlineData("orientation6.jpg")]
    [InlineData("orientation7.jpg")]
    [InlineData("orientation8.jpg")]
    [InlineData("orientation6.tif")]
    public void Decode_ExifOrientation_IsAppliedOnce(string name)
    {
        var encoded = TestPictures.Encoded(name);
        using var pixels = _codec.Decode(encoded);
        Assert.Equal((48, 32, 3), (pixels.Width, pixels.Height, pixels.Channels));
        Assert.InRange(TestPictures.LargestDifference(TestPictures.Expected(name), pixels.Rows(0, 32)), 0, 24);

        // A second trip must not turn it again: the tag is gone.
        using var again = _codec.Decode(_codec.Encode(pixels, new ImageEncoding(ImageFormat.Png)));
        Assert.Equal(0, TestPictures.LargestDifference(pixels.Rows(0, 32), again.Rows(0, 32)));
    }

    /// <summary>Four stripes: white, cyan, black, yellow; how saturated the inks are depends on the profile that is assumed.</summary>
    [PictureFact]
    public void Decode_Cmyk_GivesTheInksColours()
    {
        using var pixels = _codec.Decode(TestPictures.Encoded("cmyk.jpg"));
        Assert.Equal(3, pixels.Channels);
        Assert.True(Pixel(pixels, 6) is ( >= 250, >= 250, >= 250), "white");
        Assert.True(Pixel(pixels, 18) is ( <= 80, >= 120, >= 180), "cyan");
        Assert.True(Pixel(pixels, 30) is ( <= 70, <= 70, <= 70), "black");
        Assert.True(Pixel(pixels, 42) is ( >= 200, >= 200, <= 80), "yellow");

        static (byte R, byte G, byte B) Pixel(PixelBuffer pixels, int x)
        {
            var at = pixels.Rows(16, 1)[(x * 3)..];
            return (at[0], at[1], at[2]);
        }
    }

    /// <summary>The converted colours differ from the stored ones, or the test above would prove nothing.</summary>
    [PictureFact]
    public void Decode_WideGamut_ChangesTheStoredNumbers()
    {
        using var pixels = _codec.Decode(TestPictures.Encoded("wide-gamut-alpha.png"));
        Assert.InRange(TestPictures.LargestDifference(TestPictures.Expected("rgba8.png"), pixels.Rows(0, 32)), 8, 255);
    }

    [PictureFact]
    public async Task Decode_IntoABuffer_PublishesRowsToAWaitingReader()
    {
        var encoded = TestPictures.Read("chelsea.png");
        var info = _codec.Identify(encoded);
        using var pixels = new PixelBuffer(info.Width, info.Height, info.Channels);
        var reader = Task.Run(() =>
        {
            pixels.WaitForRows(pixels.Height);
            return pixels.RowsReady;
        });
        _codec.Decode(encoded, pixels);
        Assert.Equal(300, await reader);
    }

    [PictureFact]
    public async Task Decode_TruncatedPicture_FailsTheWaitingReaderToo()
    {
        var encoded = TestPictures.Read("chelsea.png").AsMemory(0, 100_000);
        var info = _codec.Identify(encoded.Span);
        using var pixels = new PixelBuffer(info.Width, info.Height, info.Channels);
        var reader = Task.Run(() => pixels.WaitForRows(pixels.Height));
        Assert.Equal(ImageFault.Broken, Assert.Throws<ImageException>(() => _codec.Decode(encoded.Span, pixels)).Fault);
        var failure = await Assert.ThrowsAsync<IOException>(() => reader);
        Assert.IsType<ImageException>(failure.InnerException);
    }

    [PictureFact]
    public void Decode_BufferOfAnotherSize_Throws()
    {
        using var pixels = new PixelBuffer(47, 32, 3);
        Assert.Throws<ArgumentException>(() => _codec.Decode(TestPictures.Encoded("rgb8.png"), pixels));
    }

    [PictureFact]
    public void Decode_Cancelled_Throws()
    {
        using var pixels = new PixelBuffer(48, 32, 3);
        Assert.Throws<OperationCanceledException>(
            () => _codec.Decode(TestPictures.Encoded("rgb8.png"), pixels, new CancellationToken(canceled: true)));
    }
}
