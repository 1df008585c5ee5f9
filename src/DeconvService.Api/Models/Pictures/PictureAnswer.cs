using DeconvService.Api.Negotiation;
using DeconvService.Api.Tensors;
using DeconvService.Imaging;
using Microsoft.Net.Http.Headers;

namespace DeconvService.Api.Models.Pictures;

/// <summary>What a picture is answered as.</summary>
/// <param name="MediaType">The media type.</param>
/// <param name="Format">The picture format, or null for a tensor.</param>
internal sealed record PictureAnswer(string MediaType, ImageFormat? Format)
{
    /// <summary>Chooses by <c>Accept</c>. A wish for any picture gets the type that came in, a wish for anything a PNG.</summary>
    /// <exception cref="Errors.ServiceException">Nothing that is accepted can be written.</exception>
    public static PictureAnswer Choose(HttpContext context)
    {
        List<ImageFormat> formats = [.. ImageFormats.Writable];
        if (WantsAnyPicture(context.Request) && MediaTypeHeaderValue.TryParse(context.Request.ContentType, out MediaTypeHeaderValue? type)
            && ImageFormats.FromMediaType(type.MediaType.ToString()) is { } came && formats.Remove(came))
        {
            formats.Insert(0, came);
        }

        string mediaType = context.ChooseMediaType([.. formats.Select(format => format.MediaType()), TensorMediaTypes.Npy, TensorMediaTypes.Json]);
        return new PictureAnswer(mediaType, ImageFormats.FromMediaType(mediaType));
    }

    private static bool WantsAnyPicture(HttpRequest request) =>
        MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out IList<MediaTypeHeaderValue>? ranges)
        && ranges.Any(range => range.MatchesAllSubTypes && range.Type.Equals("image", StringComparison.OrdinalIgnoreCase));
}
