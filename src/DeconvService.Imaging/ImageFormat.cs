namespace DeconvService.Imaging;

/// <summary>The picture formats that can be read. PNG, JPEG and WebP can be written too.</summary>
public enum ImageFormat
{
    /// <summary>Portable Network Graphics, 1 to 16 bits a sample, palette, alpha.</summary>
    Png,

    /// <summary>JPEG: grey, colour or CMYK, baseline or progressive.</summary>
    Jpeg,

    /// <summary>WebP, lossy or lossless; of an animation the first frame.</summary>
    Webp,

    /// <summary>GIF, the first frame.</summary>
    Gif,

    /// <summary>TIFF, the first page.</summary>
    Tiff,
}

/// <summary>What is known of each <see cref="ImageFormat"/>: its media type, and whether and how large it can be written.</summary>
public static class ImageFormats
{
    /// <summary>The formats that can be written, the preferred one first.</summary>
    public static IReadOnlyList<ImageFormat> Writable { get; } = [ImageFormat.Png, ImageFormat.Jpeg, ImageFormat.Webp];

    /// <summary>The formats that can be read.</summary>
    public static IReadOnlyList<ImageFormat> Readable { get; } =
        [ImageFormat.Png, ImageFormat.Jpeg, ImageFormat.Webp, ImageFormat.Gif, ImageFormat.Tiff];

    /// <summary>The media type of a format, such as <c>image/png</c>.</summary>
    public static string MediaType(this ImageFormat format) => format switch
    {
        ImageFormat.Png => "image/png",
        ImageFormat.Jpeg => "image/jpeg",
        ImageFormat.Webp => "image/webp",
        ImageFormat.Gif => "image/gif",
        _ => "image/tiff",
    };

    /// <summary>The format that a media type names, or null. <c>image/jpg</c>, which is wrong but common, is JPEG.</summary>
    public static ImageFormat? FromMediaType(string mediaType)
    {
        if (mediaType.Equals("image/jpg", StringComparison.OrdinalIgnoreCase))
            return ImageFormat.Jpeg;
        foreach (var format in Readable)
        {
            if (mediaType.Equals(format.MediaType(), StringComparison.OrdinalIgnoreCase))
                return format;
        }

        return null;
    }

    /// <summary>The largest width or height that the format can hold, in pixels.</summary>
    public static int MaxSide(this ImageFormat format) => format switch
    {
        ImageFormat.Jpeg => 65_535,
        ImageFormat.Webp => 16_383,
        _ => int.MaxValue,
    };
}
