using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using Microsoft.Net.Http.Headers;

namespace DeconvService.Api.Operators;

/// <summary>Turns the bytes of a request into tensors and parameters; the media type decides how. Thread-safe, a singleton.</summary>
/// <param name="buffers">The memory that tensors are read into.</param>
/// <param name="limits">What is refused before memory is taken for it.</param>
/// <param name="images">Decodes picture parts, or null where there is no decoder.</param>
public sealed class OperatorRequestReader(AlignedBufferPool buffers, TensorLimits limits, IImageTensorReader? images = null)
{
    private static readonly string[] Accepted = [TensorMediaTypes.Json, TensorMediaTypes.Multipart, TensorMediaTypes.Npz];

    private readonly JsonOperatorBody _json = new(buffers, limits);
    private readonly MultipartOperatorBody _multipart = new(buffers, limits, images);
    private readonly NpzOperatorBody _npz = new(buffers, limits);

    /// <summary>Reads a request of <c>/v1/conv</c> or <c>/v1/conv-transpose</c>: JSON, multipart or .npz.</summary>
    /// <param name="request">The request.</param>
    /// <param name="kind">The operator, which says what parameters there are.</param>
    /// <param name="cancellationToken">Given up where the client hung up or the time limit passed.</param>
    /// <returns>The tensors and parameters; the caller disposes it.</returns>
    /// <exception cref="ServiceException">The body cannot be read, or a tensor is missing or broken. All memory was given back.</exception>
    public async ValueTask<OperatorRequest> ReadAsync(HttpRequest request, ConvKind kind, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        MediaTypeHeaderValue mediaType = MediaTypeOf(request, Accepted);
        using var builder = new OperatorRequestBuilder(kind);
        try
        {
            if (mediaType.MediaType.Equals(TensorMediaTypes.Npz, StringComparison.OrdinalIgnoreCase))
            {
                builder.SetQuery(request.Query);
                await _npz.ReadAsync(request, builder, cancellationToken);
            }
            else
            {
                builder.RefuseQuery(request.Query);
                if (mediaType.MediaType.Equals(TensorMediaTypes.Json, StringComparison.OrdinalIgnoreCase))
                    await _json.ReadAsync(request, builder, cancellationToken);
                else
                    await _multipart.ReadAsync(request, mediaType, builder, cancellationToken);
            }
        }
        catch (ServiceException exception) when (builder.Parameters.Faults.Except(exception.Faults).Any())
        {
            throw new ServiceException([.. exception.Faults, .. builder.Parameters.Faults.Except(exception.Faults)]);
        }

        return builder.Build();
    }

    /// <summary>Reads a request of the shape calculators: a JSON body, or the query string where there is no body.</summary>
    /// <exception cref="ServiceException">The body cannot be read, or a shape is missing or broken.</exception>
    public async ValueTask<ShapeRequest> ReadShapeAsync(HttpRequest request, ConvKind kind, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var builder = new ShapeRequestBuilder(kind);
        if (request.ContentType is null && request.ContentLength is null or 0)
        {
            builder.SetQuery(request.Query);
        }
        else
        {
            MediaTypeOf(request, [TensorMediaTypes.Json]);
            await JsonOperatorBody.ReadShapeAsync(request, builder, cancellationToken);
        }

        return builder.Build();
    }

    private static MediaTypeHeaderValue MediaTypeOf(HttpRequest request, string[] accepted)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? mediaType)
            || !accepted.Contains(mediaType.MediaType.Value, StringComparer.OrdinalIgnoreCase))
        {
            string found = request.ContentType is { } given ? TensorFaults.Shorten(given) : "none";
            string hint = found.StartsWith(TensorMediaTypes.Npy, StringComparison.OrdinalIgnoreCase)
                ? $"; an operator takes several arrays: send them as parts of {TensorMediaTypes.Multipart} or as one {TensorMediaTypes.Npz}"
                : "";
            throw new ServiceException(
                new ServiceFault(ServiceErrorKind.UnsupportedMediaType, $"Content-Type is {found}, read here are {string.Join(", ", accepted)}{hint}")
                {
                    Facts = [new("contentType", found), new("accepted", accepted)],
                });
        }

        if (mediaType.Charset.HasValue && !mediaType.Charset.Equals(Encoding.UTF8.WebName, StringComparison.OrdinalIgnoreCase))
        {
            throw new ServiceException(
                new ServiceFault(ServiceErrorKind.UnsupportedMediaType, $"the charset is {TensorFaults.Shorten(mediaType.Charset.ToString())}, only utf-8 is read")
                {
                    Facts = [new("contentType", TensorFaults.Shorten(request.ContentType!)), new("accepted", accepted)],
                });
        }

        return mediaType;
    }
}
