namespace DeconvService.Imaging;

/// <summary>Why a picture could not be read or written.</summary>
public enum ImageFault
{
    /// <summary>The bytes are broken or truncated, or no picture at all.</summary>
    Broken,

    /// <summary>The bytes are of a type that is not read here (SVG, PDF, HEIF, ...).</summary>
    Unsupported,

    /// <summary>The picture asks for more work than is allowed: too many pixels, or too many scans of a progressive JPEG.</summary>
    TooLarge,

    /// <summary>The wanted format cannot hold the picture: a side is too long for it.</summary>
    CannotEncode,

    /// <summary>No image library was found on this machine.</summary>
    Unavailable,
}

/// <summary>The one exception of the codecs, whatever the library behind them throws or returns.</summary>
public sealed class ImageException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="fault">The kind of fault.</param>
    /// <param name="message">A plain sentence that may be shown to the client.</param>
    /// <param name="libraryMessage">What the image library said. It may speak of other requests, so it goes to the log only.</param>
    /// <param name="innerException">The cause, if the library throws exceptions.</param>
    public ImageException(ImageFault fault, string message, string? libraryMessage = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Fault = fault;
        LibraryMessage = libraryMessage;
    }

    /// <summary>The kind of fault.</summary>
    public ImageFault Fault { get; }

    /// <summary>The picture's size and the limit that it is over, where its pixels are too many; else null.</summary>
    public ImagePixelExcess? Excess { get; init; }

    /// <summary>What the image library said, for the log and not for the client; null when it said nothing.</summary>
    public string? LibraryMessage { get; }
}

/// <summary>A picture with too many pixels.</summary>
/// <param name="Width">Its width.</param>
/// <param name="Height">Its height.</param>
/// <param name="Limit">The most pixels that are decoded.</param>
public sealed record ImagePixelExcess(int Width, int Height, long Limit);
