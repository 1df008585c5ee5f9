namespace DeconvService.Imaging;

/// <summary>
/// Reads and writes pictures. Pixels are 8-bit sRGB or grey, upright (the EXIF orientation is applied), alpha not
/// premultiplied; colour profiles are converted, all other metadata is dropped. Samples of more than 8 bits are reduced.
/// </summary>
/// <remarks>
/// Implementations are thread-safe, keep nothing between calls and take every byte for hostile. The calls block for as
/// long as the work takes. Every failure is an <see cref="ImageException"/>.
/// </remarks>
public interface IImageCodec
{
    /// <summary>Reads the header of a picture and checks it against the limits; decodes no pixels.</summary>
    /// <param name="encoded">The whole encoded picture.</param>
    /// <returns>Format, size and channels of the picture as it will be decoded.</returns>
    /// <exception cref="ImageException">The bytes are no picture that can be read, or one above the limits.</exception>
    ImageInfo Identify(ReadOnlySpan<byte> encoded);

    /// <summary>
    /// Decodes a picture into <paramref name="pixels"/>, from the top down, publishing rows as they come, so that
    /// another thread can work on the upper rows meanwhile.
    /// </summary>
    /// <param name="encoded">The whole encoded picture.</param>
    /// <param name="pixels">The destination, of the size and channels that <see cref="Identify"/> gave.</param>
    /// <param name="cancellationToken">Looked at between bands of rows.</param>
    /// <exception cref="ImageException">The picture is broken or truncated; waiting readers of the rows get it too.</exception>
    /// <exception cref="ArgumentException"><paramref name="pixels"/> is not of the picture's size.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    void Decode(ReadOnlySpan<byte> encoded, PixelBuffer pixels, CancellationToken cancellationToken = default);

    /// <summary>
    /// Writes a picture, from the top down, waiting for rows that are not yet published, so that encoding can run
    /// beside the work that fills them.
    /// </summary>
    /// <param name="pixels">The pixels. JPEG has no alpha: there the picture is laid over white.</param>
    /// <param name="encoding">Format and quality.</param>
    /// <param name="destination">Gets the encoded bytes in order; left open.</param>
    /// <param name="cancellationToken">Looked at between bands of rows.</param>
    /// <exception cref="ImageException">The format cannot hold or this codec cannot write the picture.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    void Encode(PixelBuffer pixels, ImageEncoding encoding, Stream destination, CancellationToken cancellationToken = default);
}

/// <summary>Shorter forms of <see cref="IImageCodec"/>'s calls.</summary>
public static class ImageCodecExtensions
{
    /// <summary>Identifies and decodes a picture into a new buffer, which the caller disposes.</summary>
    /// <exception cref="ImageException">The picture cannot be read.</exception>
    public static PixelBuffer Decode(this IImageCodec codec, ReadOnlySpan<byte> encoded, CancellationToken cancellationToken = default)
    {
        var info = codec.Identify(encoded);
        var pixels = new PixelBuffer(info.Width, info.Height, info.Channels);
        try
        {
            codec.Decode(encoded, pixels, cancellationToken);
            return pixels;
        }
        catch
        {
            pixels.Dispose();
            throw;
        }
    }

    /// <summary>Encodes a picture into an array.</summary>
    /// <exception cref="ImageException">The picture cannot be written.</exception>
    public static byte[] Encode(
        this IImageCodec codec, PixelBuffer pixels, ImageEncoding encoding, CancellationToken cancellationToken = default)
    {
        using var stream = new MemoryStream();
        codec.Encode(pixels, encoding, stream, cancellationToken);
        return stream.ToArray();
    }
}
