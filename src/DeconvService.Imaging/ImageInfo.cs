namespace DeconvService.Imaging;

/// <summary>What the header of a picture says, as the decoded pixels will be.</summary>
/// <param name="Format">The format of the encoded bytes.</param>
/// <param name="Width">Width in pixels, after the EXIF orientation.</param>
/// <param name="Height">Height in pixels, after the EXIF orientation.</param>
/// <param name="Channels">1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.</param>
/// <param name="DecodeBytes">
/// An upper estimate of the memory that decoding takes, in bytes: the pixels and what the decoder holds beside them.
/// A host that bounds its concurrent decodes adds these up.
/// </param>
public sealed record ImageInfo(ImageFormat Format, int Width, int Height, int Channels, long DecodeBytes)
{
    /// <summary>Width times height.</summary>
    public long Pixels => (long)Width * Height;
}

/// <summary>How a picture is to be written.</summary>
/// <param name="Format">PNG, JPEG or WebP.</param>
/// <param name="Quality">1 to 100, for JPEG (default 90) and WebP (default 80); PNG is lossless and ignores it.</param>
public sealed record ImageEncoding(ImageFormat Format, int? Quality = null)
{
    /// <summary>The quality that is used: the one asked for, or the format's default.</summary>
    public int EffectiveQuality => Math.Clamp(Quality ?? (Format == ImageFormat.Jpeg ? 90 : 80), 1, 100);
}

/// <summary>The limits of a codec, checked on a picture's header before any pixel is decoded.</summary>
public sealed record ImageLimits
{
    /// <summary>The largest picture that is decoded, in pixels. Default 64 million.</summary>
    public long MaxPixels { get; init; } = 64_000_000;

    /// <summary>The most scans that a progressive JPEG may have; each one walks over all coefficients again. Default 100.</summary>
    public int MaxJpegScans { get; init; } = 100;

    internal void CheckPixels(int width, int height)
    {
        if ((long)width * height > MaxPixels)
        {
            throw new ImageException(
                ImageFault.TooLarge, $"The picture has {width} x {height} = {(long)width * height} pixels; at most {MaxPixels} are decoded.")
            {
                Excess = new ImagePixelExcess(width, height, MaxPixels),
            };
        }
    }

    internal void CheckScans(ImageFormat format, ReadOnlySpan<byte> encoded)
    {
        if (format == ImageFormat.Jpeg && ImageSignature.JpegScans(encoded) is var scans && scans > MaxJpegScans)
            throw new ImageException(ImageFault.TooLarge, $"The JPEG has {scans} scans; at most {MaxJpegScans} are decoded.");
    }
}
