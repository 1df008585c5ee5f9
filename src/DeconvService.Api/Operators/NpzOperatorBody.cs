using System.IO.Compression;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tensors.NumPy;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Operators;

/// <summary>Reads a NumPy archive with the arrays <c>input</c>, <c>weight</c> and <c>bias</c>, or <c>x</c>, <c>w</c> and <c>b</c>.</summary>
/// <param name="buffers">The memory that tensors are read into.</param>
/// <param name="limits">How many elements a tensor may have.</param>
internal sealed class NpzOperatorBody(AlignedBufferPool buffers, TensorLimits limits)
{
    private static readonly string[] Known = [.. ParameterNames.Tensors, "x", "w", "b"];

    /// <summary>Reads all arrays.</summary>
    /// <exception cref="ServiceException">The archive is broken, or an array in it.</exception>
    public async ValueTask ReadAsync(HttpRequest request, OperatorRequestBuilder builder, CancellationToken cancellationToken)
    {
        using var bytes = new ByteCursor(request.BodyReader, request.ContentLength);
        using NpzReader archive = await NpzReader.OpenAsync(bytes, buffers, limits, cancellationToken);
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            string array = NpzReader.NameOf(entry);
            string name = array switch { "x" => "input", "w" => "weight", "b" => "bias", _ => array };
            if (!OperatorRequestBuilder.IsTensor(name))
                builder.Parameters.Add(FieldNames.Unknown(array, Known));
            else if (builder.Parameters.TryTake(name))
                builder.Set(name, await archive.ReadAsync(entry, name, cancellationToken));
        }
    }
}
