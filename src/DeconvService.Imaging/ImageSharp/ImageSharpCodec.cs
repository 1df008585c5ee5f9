using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Metadata.Profiles.Exif;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;
using SharpInfo = SixLabors.ImageSharp.ImageInfo;

namespace DeconvService.Imaging.ImageSharp;

/// <summary>
/// The codec on SixLabors.ImageSharp 3.1, compiled only with <c>-p:UseImageSharp=true</c>. Known differences to libvips:
/// colour profiles are not converted, CMYK is converted without one, a truncated JPEG may pass, TIFF's orientation is missed.
/// </summary>
public sealed class ImageSharpCodec : IImageCodec
{
    private static readonly Configuration Formats = new(
        new JpegConfigurationModule(), new PngConfigurationModule(), new WebpConfigurationModule(),
        new GifConfigurationModule(), new TiffConfigurationModule());

    private static readonly DecoderOptions FirstFrame = new() { Configuration = Formats, MaxFrames = 1 };
    private readonly ImageLimits _limits;

    /// <summary>Creates the codec.</summary>
    public ImageSharpCodec(ImageLimits? limits = null) => _limits = limits ?? new ImageLimits();

    /// <inheritdoc/>
    public ImageInfo Identify(ReadOnlySpan<byte> encoded)
    {
        var format = ImageSignature.Recognise(encoded);
        _limits.CheckScans(format, encoded);
        SharpInfo info;
        try
        {
            info = Image.Identify(FirstFrame, encoded);
        }
        catch (Exception exception)
        {
            throw Broken(exception);
        }

        _limits.CheckPixels(info.Width, info.Height);
        var sideways = info.Metadata.ExifProfile is { } exif && exif.TryGetValue(ExifTag.Orientation, out var turn) && turn.Value >= 5;
        var (width, height) = sideways ? (info.Height, info.Width) : (info.Width, info.Height);
        var channels = Channels(format, info);
        // The decoded Image<Rgba32>, a turned copy of it, the coefficients of a progressive JPEG, and the buffer.
        return new ImageInfo(format, width, height, channels, (long)width * height * (4 + 4 + 6 + channels));
    }

    /// <inheritdoc/>
    public void Decode(ReadOnlySpan<byte> encoded, PixelBuffer pixels, CancellationToken cancellationToken = default)
    {
        try
        {
            _ = Identify(encoded);
            using var image = Load(encoded);
            cancellationToken.ThrowIfCancellationRequested();
            if (image.Width != pixels.Width || image.Height != pixels.Height)
                throw new ArgumentException($"The buffer is {pixels.Width} x {pixels.Height}, the picture {image.Width} x {image.Height}.", nameof(pixels));
            image.ProcessPixelRows(rows =>
            {
                for (var y = 0; y < rows.Height; y++)
                    CopyRow(rows.GetRowSpan(y), pixels.Rows(y, 1), pixels.Channels);
            });
            pixels.Publish(pixels.Height);
        }
        catch (Exception exception)
        {
            pixels.Fail(exception);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Encode(PixelBuffer pixels, ImageEncoding encoding, Stream destination, CancellationToken cancellationToken = default)
    {
        pixels.WaitForRows(pixels.Height, cancellationToken);
        IImageEncoder encoder = encoding.Format switch
        {
            ImageFormat.Png => new PngEncoder(),
            ImageFormat.Jpeg => new JpegEncoder { Quality = encoding.EffectiveQuality },
            ImageFormat.Webp => new WebpEncoder { Quality = encoding.EffectiveQuality, FileFormat = WebpFileFormatType.Lossy },
            _ => throw new ImageException(ImageFault.CannotEncode, $"{encoding.Format.MediaType()} is read but not written."),
        };
        try
        {
            var bytes = pixels.Rows(0, pixels.Height);
            using Image image = pixels.Channels switch
            {
                1 => Image.LoadPixelData<L8>(bytes, pixels.Width, pixels.Height),
                2 => Image.LoadPixelData<La16>(bytes, pixels.Width, pixels.Height),
                3 => Image.LoadPixelData<Rgb24>(bytes, pixels.Width, pixels.Height),
                _ => Image.LoadPixelData<Rgba32>(bytes, pixels.Width, pixels.Height),
            };
            if (pixels.HasAlpha && encoding.Format == ImageFormat.Jpeg)
                image.Mutate(context => context.BackgroundColor(Color.White));
            image.Save(destination, encoder);
        }
        catch (Exception exception) when (exception is not OperationCanceledException and not IOException)
        {
            throw new ImageException(ImageFault.CannotEncode, "The picture could not be written.", exception.Message, exception);
        }
    }

    private static Image<Rgba32> Load(ReadOnlySpan<byte> encoded)
    {
        try
        {
            var image = Image.Load<Rgba32>(FirstFrame, encoded);
            image.Mutate(context => context.AutoOrient());
            return image;
        }
        catch (Exception exception)
        {
            // Beside its own exceptions it lets NullReference, ArgumentOutOfRange and others out of broken pictures.
            throw Broken(exception);
        }
    }

    private static ImageException Broken(Exception exception) =>
        new(ImageFault.Broken, "The picture is broken or truncated.", exception.Message, exception);

    private static int Channels(ImageFormat format, SharpInfo info)
    {
        if (format == ImageFormat.Png)
        {
            var png = info.Metadata.GetPngMetadata();
            return png.ColorType switch
            {
                PngColorType.Grayscale => png.TransparentColor is null ? 1 : 2,
                PngColorType.GrayscaleWithAlpha => 2,
                PngColorType.RgbWithAlpha => 4,
                PngColorType.Palette => info.PixelType.AlphaRepresentation is PixelAlphaRepresentation.Unassociated ? 4 : 3,
                _ => png.TransparentColor is null ? 3 : 4,
            };
        }

        var grey = format == ImageFormat.Jpeg && info.Metadata.GetJpegMetadata().ColorType == JpegEncodingColor.Luminance;
        var alpha = info.PixelType.AlphaRepresentation is PixelAlphaRepresentation.Unassociated or PixelAlphaRepresentation.Associated;
        return (grey ? 1 : 3) + (alpha ? 1 : 0);
    }

    private static void CopyRow(ReadOnlySpan<Rgba32> source, Span<byte> row, int channels)
    {
        for (var x = 0; x < source.Length; x++)
        {
            var pixel = source[x];
            var at = row.Slice(x * channels, channels);
            at[0] = pixel.R;
            if (channels >= 3)
                (at[1], at[2]) = (pixel.G, pixel.B);
            if (channels is 2 or 4)
                at[^1] = pixel.A;
        }
    }
}
