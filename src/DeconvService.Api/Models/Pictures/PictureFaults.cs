using DeconvService.Api.Errors;
using DeconvService.Imaging;

namespace DeconvService.Api.Models.Pictures;

/// <summary>What clients are told about pictures that cannot be read or written.</summary>
internal static class PictureFaults
{
    /// <summary>The fault that an exception of the codec stands for.</summary>
    public static ServiceFault Of(ImageException exception) => new(KindOf(exception.Fault), exception.Message);

    private static ServiceErrorKind KindOf(ImageFault fault) => fault switch
    {
        ImageFault.Unsupported => ServiceErrorKind.UnsupportedMediaType,
        ImageFault.TooLarge => ServiceErrorKind.TooLarge,
        ImageFault.CannotEncode => ServiceErrorKind.InvalidShape,
        ImageFault.Unavailable => ServiceErrorKind.Unavailable,
        _ => ServiceErrorKind.BrokenImage,
    };
}
