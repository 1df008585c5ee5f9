using System.Runtime.InteropServices;
using static DeconvService.Imaging.Vips.VipsNative;

namespace DeconvService.Imaging.Vips;

/// <summary>The codec on libvips (https://www.libvips.org), called through P/Invoke.</summary>
public sealed class VipsCodec : IImageCodec
{
    /// <summary>Rows that are decoded at a time: several rows of JPEG blocks, and little memory beside the picture.</summary>
    private const int BandRows = 64;

    private const string BrokenPicture = "The picture is broken or truncated.";

    private readonly ImageLimits _limits;

    /// <summary>Creates the codec. Whether libvips is there shows in <see cref="IsAvailable"/> and at the first call.</summary>
    public VipsCodec(ImageLimits? limits = null) => _limits = limits ?? new ImageLimits();

    /// <summary>Whether libvips was found.</summary>
    public static bool IsAvailable => VipsLibrary.IsAvailable;

    /// <inheritdoc/>
    public unsafe ImageInfo Identify(ReadOnlySpan<byte> encoded)
    {
        var format = Check(encoded);
        fixed (byte* bytes = encoded)
        {
            using var loaded = Load(bytes, encoded.Length, format, sequential: true);
            CheckSize(loaded);
            using var picture = Normalise(loaded);
            return new ImageInfo(format, picture.Width, picture.Height, picture.Bands, EstimateBytes(encoded, format, loaded, picture));
        }
    }

    /// <inheritdoc/>
    public unsafe void Decode(ReadOnlySpan<byte> encoded, PixelBuffer pixels, CancellationToken cancellationToken = default)
    {
        try
        {
            var format = Check(encoded);
            fixed (byte* bytes = encoded)
            {
                var loaded = Load(bytes, encoded.Length, format, sequential: true);
                try
                {
                    CheckSize(loaded);
                    if (loaded.Orientation > 1)
                    {
                        // Turning a picture needs its rows in another order than the decoder gives them.
                        loaded.Dispose();
                        loaded = Load(bytes, encoded.Length, format, sequential: false);
                    }

                    using var picture = Normalise(loaded);
                    CopyRows(picture, pixels, cancellationToken);
                }
                finally
                {
                    loaded.Dispose();
                }
            }
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
        VipsLibrary.EnsureAvailable();
        if (Math.Max(pixels.Width, pixels.Height) > encoding.Format.MaxSide())
        {
            throw new ImageException(
                ImageFault.CannotEncode,
                $"{encoding.Format.MediaType()} holds at most {encoding.Format.MaxSide()} pixels a side; this picture has {pixels.Width} x {pixels.Height}.");
        }

        // strip: libvips adds EXIF of its own. PNG: all filters make photographs a third smaller; beyond level 3 zlib takes much longer for little.
        var (saver, options) = encoding.Format switch
        {
            ImageFormat.Png => ("pngsave_target", "strip=true,filter=all,compression=3"),
            ImageFormat.Jpeg => ("jpegsave_target", $"strip=true,Q={encoding.EffectiveQuality},background=255"),
            ImageFormat.Webp => ("webpsave_target", $"strip=true,Q={encoding.EffectiveQuality}"),
            _ => throw new ImageException(ImageFault.CannotEncode, $"{encoding.Format.MediaType()} is read but not written."),
        };
        using var transfer = new VipsTransfer(pixels, destination, cancellationToken);
        using var operation = new VipsOperation(saver);
        operation.Set("in", transfer.Image, vips_image_get_type());
        operation.Set("target", transfer.Target, vips_target_get_type());
        operation.Set(options);
        var written = operation.TryRun();
        transfer.ThrowIfFailed();
        if (!written)
            throw VipsLibrary.Failure(ImageFault.CannotEncode, "The picture could not be written.");
    }

    private ImageFormat Check(ReadOnlySpan<byte> encoded)
    {
        VipsLibrary.EnsureAvailable();
        var format = ImageSignature.Recognise(encoded);
        _limits.CheckScans(format, encoded);
        return format;
    }

    private void CheckSize(VipsImage loaded) => _limits.CheckPixels(loaded.Width, loaded.Height);

    private static unsafe VipsImage Load(byte* bytes, int length, ImageFormat format, bool sequential)
    {
        using var operation = new VipsOperation(format switch
        {
            ImageFormat.Png => "pngload_buffer",
            ImageFormat.Jpeg => "jpegload_buffer",
            ImageFormat.Webp => "webpload_buffer",
            ImageFormat.Gif => "gifload_buffer",
            _ => "tiffload_buffer",
        });
        operation.Set("buffer", bytes, (nuint)length);
        // memory: a large picture would otherwise be decoded into a temporary file.
        operation.Set(sequential ? "fail_on=error,memory=true,access=sequential" : "fail_on=error,memory=true,access=random");
        return operation.TryRun() ? operation.Output() : throw VipsLibrary.Failure(ImageFault.Broken, BrokenPicture);
    }

    /// <summary>Upright, 8 bits a sample, sRGB or grey, with alpha if there was any.</summary>
    private static VipsImage Normalise(VipsImage loaded)
    {
        var picture = Required(loaded.Orientation > 1 ? loaded.TryApply("autorot") : loaded.TryApply("copy"));
        var grey = picture.Bands - (picture.HasAlpha ? 1 : 0) == 1;
        if (picture.HasProfile)
        {
            // A profile that does not fit or is broken is ignored, as browsers do.
            if (picture.TryApply("icc_transform", "output_profile=srgb,embedded=true") is { } converted)
                picture = Replace(picture, converted);
        }

        picture = Replace(picture, Required(picture.TryApply("colourspace", grey ? "space=b-w" : "space=srgb"), picture));
        if (picture.Format != FormatUchar)
            picture = Replace(picture, Required(picture.TryApply("cast", "format=uchar"), picture));
        var channels = grey ? 1 : 3;
        if (picture.Bands > channels + 1)
            picture = Replace(picture, Required(picture.TryApply("extract_band", $"band=0,n={channels}"), picture));
        if (picture.Bands < channels)
        {
            picture.Dispose();
            throw new ImageException(ImageFault.Unsupported, "The picture's colours are neither grey, RGB nor CMYK.");
        }

        return picture;
    }

    private static VipsImage Replace(VipsImage old, VipsImage image)
    {
        old.Dispose();
        return image;
    }

    private static VipsImage Required(VipsImage? image, VipsImage? source = null)
    {
        if (image is { } found)
            return found;
        source?.Dispose();
        throw VipsLibrary.Failure(ImageFault.Broken, BrokenPicture);
    }

    /// <summary>
    /// The decoded pixels, and what the decoder holds of the picture: nothing for a baseline JPEG or a plain PNG, which stream;
    /// the coefficients of a progressive JPEG; a whole frame of the others; one more copy to turn a picture.
    /// </summary>
    private static long EstimateBytes(ReadOnlySpan<byte> encoded, ImageFormat format, VipsImage loaded, VipsImage picture)
    {
        var count = (long)loaded.Width * loaded.Height;
        var bytes = count * picture.Bands;
        if (format == ImageFormat.Jpeg && ImageSignature.JpegScans(encoded) > 1)
            bytes += count * loaded.Bands * sizeof(short);
        else if (format is ImageFormat.Webp or ImageFormat.Gif)
            bytes += count * 4;
        else if (format == ImageFormat.Tiff || ImageSignature.IsInterlacedPng(encoded))
            bytes += count * loaded.PixelBytes;
        if (loaded.Orientation > 1)
            bytes += count * loaded.PixelBytes;
        // Tables, profiles and the buffers of a few rows.
        return bytes + (1 << 20) + (long)loaded.Width * BandRows * loaded.PixelBytes;
    }

    private static unsafe void CopyRows(VipsImage picture, PixelBuffer pixels, CancellationToken cancellationToken)
    {
        if (picture.Width != pixels.Width || picture.Height != pixels.Height || picture.Bands != pixels.Channels)
        {
            throw new ArgumentException(
                $"The buffer is {pixels.Width} x {pixels.Height} x {pixels.Channels}, the picture {picture.Width} x {picture.Height} x {picture.Bands}.",
                nameof(pixels));
        }

        var region = vips_region_new(picture.Pointer);
        try
        {
            for (var y = 0; y < pixels.Height; y += BandRows)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var count = Math.Min(BandRows, pixels.Height - y);
                nuint length;
                var rows = vips_region_fetch(region, 0, y, pixels.Width, count, &length);
                if (rows == 0)
                    throw VipsLibrary.Failure(ImageFault.Broken, BrokenPicture);
                new ReadOnlySpan<byte>((void*)rows, checked((int)length)).CopyTo(pixels.Rows(y, count));
                g_free(rows);
                pixels.Publish(y + count);
            }
        }
        finally
        {
            g_object_unref(region);
        }
    }
}
