using DeconvService.Api.Errors;
using DeconvService.Api.Limits;
using DeconvService.Imaging;

namespace DeconvService.Api.Models.Pictures;

/// <summary>What clients are told about pictures that cannot be read or written.</summary>
internal static class PictureFaults
{
    /// <summary>The fault that an exception of the codec stands for.</summary>
    public static ServiceFault Of(ImageException exception) => exception switch
    {
        { Excess: { } excess } => TooManyPixels("the picture", excess.Width, excess.Height, excess.Limit, nameof(LimitsOptions.ImageInputPixels)).Faults[0],
        { Fault: ImageFault.Unsupported } => new ServiceFault(ServiceErrorKind.UnsupportedMediaType, exception.Message) { Facts = [new("accepted", Accepted)] },
        _ => new ServiceFault(KindOf(exception.Fault), exception.Message),
    };

    /// <summary>The media types of the pictures that are read.</summary>
    public static string[] Accepted => [.. ImageFormats.Readable.Select(format => format.MediaType())];

    /// <summary>The 413 of a picture, which comes in or would go out.</summary>
    public static ServiceException TooManyPixels(string what, long width, long height, long limit, string setting)
    {
        string path = $"{LimitsOptions.Section}:{setting}";
        return new ServiceException(new ServiceFault(
            ServiceErrorKind.TooLarge, $"{what} has {width} x {height} = {width * height} pixels, the limit is {limit} ({path} raises it)")
        {
            Facts = [new("limit", limit), new("value", $"{width} x {height}"), new("unit", "pixels"), new("setting", path)],
        });
    }

    /// <summary>Throws unless a result of a size can be answered.</summary>
    /// <param name="width">Its width.</param>
    /// <param name="height">Its height.</param>
    /// <param name="channels">Its channels.</param>
    /// <param name="format">The picture format, or null for a tensor.</param>
    /// <param name="limits">What is allowed.</param>
    /// <exception cref="ServiceException">It is over a limit, or the format cannot hold it.</exception>
    public static void ThrowUnlessAnswerable(long width, long height, long channels, ImageFormat? format, LimitsOptions limits)
    {
        if (width * height > limits.ImageOutputPixels)
            throw TooManyPixels("the result", width, height, limits.ImageOutputPixels, nameof(LimitsOptions.ImageOutputPixels));

        if (format is null)
        {
            TooLarge.ThrowIfOver("the result", "elements", width * height * channels, limits.OutputElements, nameof(LimitsOptions.OutputElements));
        }
        else if (Math.Max(width, height) > format.Value.MaxSide())
        {
            throw new ServiceException(new ServiceFault(
                ServiceErrorKind.InvalidShape,
                $"{format.Value.MediaType()} holds {format.Value.MaxSide()} pixels a side at the most, the result would have {width} x {height}; ask for Accept: image/png")
            {
                Facts = [new("width", width), new("height", height), new("limit", format.Value.MaxSide())],
            });
        }
    }

    private static ServiceErrorKind KindOf(ImageFault fault) => fault switch
    {
        ImageFault.TooLarge => ServiceErrorKind.TooLarge,
        ImageFault.CannotEncode => ServiceErrorKind.InvalidShape,
        ImageFault.Unavailable => ServiceErrorKind.Unavailable,
        _ => ServiceErrorKind.BrokenImage,
    };
}
