namespace DeconvService.Imaging;

/// <summary>The codec that was compiled in: libvips, or SixLabors.ImageSharp with <c>-p:UseImageSharp=true</c>.</summary>
public static class ImageCodec
{
    /// <summary>Makes the codec.</summary>
    /// <param name="limits">What is refused on sight of the header.</param>
    public static IImageCodec Create(ImageLimits? limits = null) =>
#if USE_IMAGESHARP
        new ImageSharp.ImageSharpCodec(limits);
#else
        new Vips.VipsCodec(limits);
#endif

    /// <summary>Whether the codec's library was found. If not, every call ends in <see cref="ImageFault.Unavailable"/>.</summary>
    public static bool IsAvailable =>
#if USE_IMAGESHARP
        true;
#else
        Vips.VipsCodec.IsAvailable;
#endif
}
