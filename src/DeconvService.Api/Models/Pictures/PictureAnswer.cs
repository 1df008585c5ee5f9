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
    /// <param name="context">The request.</param>
    /// <param name="came">The type that came in, once it is known; before that the answer only says whether there can be one.</param>
    /// <exception cref="Errors.ServiceException">Nothing that is accepted can be written.</exception>
    public static PictureAnswer Choose(HttpContext context, ImageFormat? came = null)
    {
        List<ImageFormat> formats = [.. ImageFormats.Writable];
        if (came is { } format && WantsAnyPicture(context.Request) && formats.Remove(format))
            formats.Insert(0, format);

        string mediaType = context.ChooseMediaType([.. formats.Select(format => format.MediaType()), TensorMediaTypes.Npy, TensorMediaTypes.Json]);
        return new PictureAnswer(mediaType, ImageFormats.FromMediaType(mediaType));
    }

    private static bool WantsAnyPicture(HttpRequest request) =>
        MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out IList<MediaTypeHeaderValue>? ranges)
        && ranges.Any(range => range.MatchesAllSubTypes && range.Type.Equals("image", StringComparison.OrdinalIgnoreCase));
}
