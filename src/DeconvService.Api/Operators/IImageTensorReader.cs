using DeconvService.Api.Tensors;

namespace DeconvService.Api.Operators;

/// <summary>Decodes a picture into a tensor <c>(1, C, H, W)</c>, values 0..1. Where none is registered, picture parts are answered 415.</summary>
public interface IImageTensorReader
{
    /// <summary>Whether it decodes pictures of this media type, such as <c>image/png</c>.</summary>
    bool CanRead(string mediaType);

    /// <summary>Decodes one picture.</summary>
    /// <param name="picture">The bytes of the picture; not disposed.</param>
    /// <param name="mediaType">The media type that the part claims.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <exception cref="Errors.ServiceException">The picture is broken or over a limit.</exception>
    ValueTask<Tensor> ReadAsync(Stream picture, string mediaType, CancellationToken cancellationToken);
}
