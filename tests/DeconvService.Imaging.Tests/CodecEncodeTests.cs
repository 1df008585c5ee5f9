namespace DeconvService.Imaging.Tests;

/// <summary>What every codec must write, written against the interface only.</summary>
public sealed class CodecEncodeTests
{
    private readonly IImageCodec _codec = ImageCodec.Create();

    [PictureTheory]
    [InlineData("grey8.png")]
    [InlineData("greyalpha8.png")]
    [InlineData("rgb8.png")]
    [InlineData("rgba8.png")]
    public void Encode_Png_IsLossless(string name)
    {
        using var pixels = _codec.Decode(TestPictures.Encoded(name));
        var encoded = _codec.Encode(pixels, new ImageEncoding(ImageFormat.Png));
        Assert.Equal(ImageFormat.Png, _codec.Identify(encoded).Format);
        using var again = _codec.Decode(encoded);
        Assert.Equal(pixels.Channels, again.Channels);
        Assert.Equal(0, TestPictures.LargestDifference(pixels.Rows(0, 32), again.Rows(0, 32)));
    }

    [PictureTheory]
    [InlineData(ImageFormat.Jpeg)]
    [InlineData(ImageFormat.Webp)]
    public void Encode_Photograph_StaysCloseAndQualityCosts(ImageFormat format)
    {
        using var pixels = _codec.Decode(TestPictures.Read("chelsea.png"));
        var good = _codec.Encode(pixels, new ImageEncoding(format, Quality: 95));
        var poor = _codec.Encode(pixels, new ImageEncoding(format, Quality: 30));
        Assert.True(poor.Length * 2 < good.Length, $"{poor.Length} against {good.Length} bytes");

        var info = _codec.Identify(good);
        Assert.Equal((format, 451, 300, 3), (info.Format, info.Width, info.Height, info.Channels));
        using var again = _codec.Decode(good);
        var before = pixels.Rows(0, 300);
        var after = again.Rows(0, 300);
        long difference = 0;
        for (var i = 0; i < before.Length; i++)
            difference += Math.Abs(before[i] - after[i]);
        Assert.InRange((double)difference / before.Length, 0, 3);
    }

    [PictureTheory]
    [InlineData(ImageFormat.Png, "eXIf")]
    [InlineData(ImageFormat.Jpeg, "Exif")]
    [InlineData(ImageFormat.Webp, "EXIF")]
    public void Encode_Always_WritesNoMetadata(ImageFormat format, string marker)
    {
        using var pixels = _codec.Decode(TestPictures.Encoded("orientation6.jpg"));
        var encoded = _codec.Encode(pixels, new ImageEncoding(format));
        Assert.Equal(-1, encoded.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(marker)));
    }

    [PictureFact]
    public void Encode_GreyJpeg_StaysGrey()
    {
        using var pixels = _codec.Decode(TestPictures.Encoded("grey8.png"));
        Assert.Equal(1, _codec.Identify(_codec.Encode(pixels, new ImageEncoding(ImageFormat.Jpeg))).Channels);
    }

    [PictureFact]
    public void Encode_AlphaAsWebp_KeepsAlpha()
    {
        using var pixels = _codec.Decode(TestPictures.Encoded("rgba8.png"));
        using var again = _codec.Decode(_codec.Encode(pixels, new ImageEncoding(ImageFormat.Webp)));
        Assert.Equal(4, again.Channels);
        Assert.Equal(0, again.Rows(0, 1)[3]);
        Assert.Equal(255, again.Rows(16, 1)[(24 * 4) + 3]);
    }

    [PictureFact]
    public void Encode_AlphaAsJpeg_LaysThePictureOverWhite()
    {
        using var pixels = _codec.Decode(TestPictures.Encoded("rgba8.png"));
        using var again = _codec.Decode(_codec.Encode(pixels, new ImageEncoding(ImageFormat.Jpeg)));
        Assert.Equal(3, again.Channels);
        Assert.InRange(again.Rows(0, 1)[0], 250, 255);
    }

    [PictureFact]
    public async Task Encode_BeforeTheRowsAreThere_WaitsForThem()
    {
        using var source = _codec.Decode(TestPictures.Read("chelsea.png"));
        using var growing = new PixelBuffer(source.Width, source.Height, source.Channels);
        var encoding = Task.Run(() => _codec.Encode(growing, new ImageEncoding(ImageFormat.Png)));
        for (var y = 0; y < source.Height; y += 50)
        {
            source.Rows(y, 50).CopyTo(growing.Rows(y, 50));
            growing.Publish(y + 50);
            await Task.Delay(5);
        }

        using var again = _codec.Decode(await encoding);
        Assert.Equal(0, TestPictures.LargestDifference(source.Rows(0, source.Height), again.Rows(0, again.Height)));
    }

    [PictureFact]
    public async Task Encode_CancelledWhileWaiting_Throws()
    {
        using var neverFilled = new PixelBuffer(64, 64, 3);
        using var cancel = new CancellationTokenSource();
        var encoding = Task.Run(() => _codec.Encode(neverFilled, new ImageEncoding(ImageFormat.Png), cancel.Token));
        await Task.Delay(20);
        Assert.False(encoding.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => encoding);
    }

    [PictureFact]
    public void Encode_StreamThatFails_ThrowsItsException()
    {
        using var pixels = _codec.Decode(TestPictures.Encoded("rgb8.png"));
        using var full = new MemoryStream(new byte[100], writable: true);
        Assert.Throws<NotSupportedException>(() => _codec.Encode(pixels, new ImageEncoding(ImageFormat.Png), full));
    }

    [PictureTheory]
    [InlineData(ImageFormat.Gif)]
    [InlineData(ImageFormat.Tiff)]
    public void Encode_FormatThatIsOnlyRead_Throws(ImageFormat format)
    {
        using var pixels = _codec.Decode(TestPictures.Encoded("rgb8.png"));
        Assert.Equal(ImageFault.CannotEncode, Assert.Throws<ImageException>(() => _codec.Encode(pixels, new ImageEncoding(format))).Fault);
    }

    [PictureFact]
    public void Encode_SideTooLongForWebp_Throws()
    {
        using var pixels = new PixelBuffer(16_384, 1, 1);
        pixels.Rows(0, 1).Clear();
        pixels.Publish(1);
        Assert.Equal(ImageFault.CannotEncode, Assert.Throws<ImageException>(() => _codec.Encode(pixels, new ImageEncoding(ImageFormat.Webp))).Fault);
    }
}
