using System.IO.Pipelines;
using DeconvService.Api.Errors;

namespace DeconvService.Api.Tensors;

/// <summary>Writes a tensor straight to a response's pipe, with its back-pressure. Thread-safe.</summary>
public static class TensorWriter
{
    /// <summary>The media type that goes with an encoding.</summary>
    public static string MediaTypeOf(TensorEncoding encoding) => encoding switch
    {
        TensorEncoding.Json => TensorMediaTypes.Json,
        TensorEncoding.Npy => TensorMediaTypes.Npy,
        _ => TensorMediaTypes.Npz,
    };

    /// <summary>The number of bytes that <see cref="WriteAsync"/> will write where that is known before (<c>.npy</c>), else null.</summary>
    public static long? LengthOf(Tensor tensor, TensorEncoding encoding) => null;

    /// <summary>Writes <paramref name="tensor"/> as the array or member <c>output</c>.</summary>
    /// <param name="writer">The response's pipe; it is flushed but not completed.</param>
    /// <param name="tensor">What to write.</param>
    /// <param name="encoding">How to write it.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <exception cref="ServiceException">
    /// <see cref="ServiceErrorKind.NotRepresentable"/>: JSON is asked for and an element is NaN or infinite. Thrown before the first byte is written.
    /// </exception>
    public static ValueTask WriteAsync(PipeWriter writer, Tensor tensor, TensorEncoding encoding, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
