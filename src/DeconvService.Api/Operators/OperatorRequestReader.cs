using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Operators;

/// <summary>Turns the bytes of a request into tensors and parameters; the media type decides how. Thread-safe, a singleton.</summary>
/// <param name="buffers">The memory that tensors are read into.</param>
/// <param name="limits">What is refused before memory is taken for it.</param>
/// <param name="images">Decodes picture parts, or null where there is no decoder.</param>
public sealed class OperatorRequestReader(AlignedBufferPool buffers, TensorLimits limits, IImageTensorReader? images = null)
{
    /// <summary>Reads a request of <c>/v1/conv</c> or <c>/v1/conv-transpose</c>: JSON, multipart or .npz.</summary>
    /// <param name="request">The request.</param>
    /// <param name="kind">The operator, which says what parameters there are.</param>
    /// <param name="cancellationToken">Given up where the client hung up or the time limit passed.</param>
    /// <returns>The tensors and parameters; the caller disposes it.</returns>
    /// <exception cref="ServiceException">The body cannot be read, or a tensor is missing or broken. All memory was given back.</exception>
    public ValueTask<OperatorRequest> ReadAsync(HttpRequest request, ConvKind kind, CancellationToken cancellationToken) =>
        throw new NotSupportedException($"{buffers.LentBytes} {limits} {images is null}");

    /// <summary>Reads a request of the shape calculators: a JSON body, or the query string where there is no body.</summary>
    /// <exception cref="ServiceException">The body cannot be read, or a shape is missing or broken.</exception>
    public ValueTask<ShapeRequest> ReadShapeAsync(HttpRequest request, ConvKind kind, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
