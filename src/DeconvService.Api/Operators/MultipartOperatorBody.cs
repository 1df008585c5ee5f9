using System.IO.Pipelines;
using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tensors.Json;
using DeconvService.Api.Tensors.NumPy;
using DeconvService.Engine.Tensors;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace DeconvService.Api.Operators;

/// <summary>Reads a form: a part for each tensor, a field for each parameter. Every part is read as it comes; none is kept as bytes.</summary>
/// <param name="buffers">The memory that tensors are read into.</param>
/// <param name="limits">How many elements a tensor may have.</param>
/// <param name="images">Decodes picture parts, or null where there is no decoder.</param>
internal sealed class MultipartOperatorBody(AlignedBufferPool buffers, TensorLimits limits, IImageTensorReader? images)
{
    private const int PieceBytes = 64 << 10;
    private const int LongestParameter = 4096;

    // RFC 2046, section 5.1.1.
    private const int LongestBoundary = 70;

    private static readonly StreamPipeReaderOptions PartOptions = new(bufferSize: PieceBytes, minimumReadSize: PieceBytes / 4, leaveOpen: true);

    private readonly JsonTensorReader _json = new(buffers, limits);
    private readonly NpyReader _npy = new(buffers, limits);

    /// <summary>Reads all parts.</summary>
    /// <exception cref="ServiceException">The form is broken, or a tensor in it.</exception>
    public async ValueTask ReadAsync(
        HttpRequest request, MediaTypeHeaderValue mediaType, OperatorRequestBuilder builder, CancellationToken cancellationToken)
    {
        string boundary = HeaderUtilities.RemoveQuotes(mediaType.Boundary).ToString();
        if (boundary.Length is 0 or > LongestBoundary)
            throw TensorFaults.Malformed($"Content-Type must name the form's boundary, 1 to {LongestBoundary} characters");

        try
        {
            var form = new MultipartReader(boundary, request.Body, PieceBytes);
            while (await form.ReadNextSectionAsync(cancellationToken) is { } part)
                await ReadPartAsync(part, request.ContentLength, builder, cancellationToken);
        }
        catch (InvalidDataException exception)
        {
            throw TensorFaults.Malformed($"the form is broken: {exception.Message}");
        }
        catch (IOException exception) when (exception.GetType() == typeof(IOException))
        {
            // What the form's reader throws at a missing end; its subclasses are the server's own.
            throw TensorFaults.Malformed("the form ends before its closing boundary");
        }
    }

    private async ValueTask ReadPartAsync(
        MultipartSection part, long? bodyBytes, OperatorRequestBuilder builder, CancellationToken cancellationToken)
    {
        string name = NameOf(part);
        if (!builder.Parameters.TryTake(name))
            return;

        PipeReader pipe = PipeReader.Create(part.Body, PartOptions);
        try
        {
            using var bytes = new ByteCursor(pipe, bodyBytes);

            // Browsers, and Swagger UI, send what was left empty in a form as an empty part.
            if (name is not ("input" or "weight") && !await bytes.FillAsync(cancellationToken))
                return;

            if (!OperatorRequestBuilder.IsTensor(name))
                await ReadParameterAsync(bytes, name, builder.Parameters, cancellationToken);
            else
                builder.Set(name, await ReadTensorAsync(bytes, part, name, cancellationToken));
        }
        finally
        {
            await pipe.CompleteAsync();
        }
    }

    private static string NameOf(MultipartSection part)
    {
        if (!ContentDispositionHeaderValue.TryParse(part.ContentDisposition, out ContentDispositionHeaderValue? disposition)
            || !disposition.DispositionType.Equals("form-data", StringComparison.OrdinalIgnoreCase)
            || HeaderUtilities.RemoveQuotes(disposition.Name) is not { Length: > 0 } name)
        {
            throw TensorFaults.Malformed("a part of the form lacks Content-Disposition: form-data; name=\"...\"");
        }

        return name.ToString();
    }

    private static async ValueTask ReadParameterAsync(ByteCursor bytes, string name, ParameterReader parameters, CancellationToken cancellationToken)
    {
        while (await bytes.FillAsync(cancellationToken))
        {
            if (bytes.Unread.Length > LongestParameter)
            {
                parameters.Add(TensorFaults.At(ServiceErrorKind.InvalidField, $"{name} is longer than {LongestParameter} bytes", name));
                return;
            }
        }

        parameters.SetText(name, Encoding.UTF8.GetString(bytes.Unread));
    }

    private async ValueTask<Tensor> ReadTensorAsync(ByteCursor bytes, MultipartSection part, string name, CancellationToken cancellationToken)
    {
        string? mediaType = null;
        if (part.ContentType is not null)
        {
            if (!MediaTypeHeaderValue.TryParse(part.ContentType, out MediaTypeHeaderValue? parsed))
                throw TensorFaults.Malformed($"the Content-Type of the part {name} is no media type", name);

            mediaType = parsed.MediaType.Value!.ToLowerInvariant();
        }

        if (mediaType?.StartsWith("image/", StringComparison.Ordinal) == true)
            return await ReadImageAsync(part, mediaType, name, cancellationToken);

        // curl and browsers say application/octet-stream of any file, and nothing or text/plain of a field: the first byte decides.
        bool isNpy = mediaType switch
        {
            TensorMediaTypes.Npy => true,
            TensorMediaTypes.Json => false,
            null or "application/octet-stream" or "text/plain" => await StartsAsNpyAsync(bytes, name, cancellationToken),
            _ => throw Unsupported(name, mediaType),
        };
        if (isNpy)
            return await _npy.ReadAsync(bytes, name, fileBytes: null, cancellationToken);

        var json = new JsonCursor(bytes);
        await json.SkipByteOrderMarkAsync(cancellationToken);
        Tensor tensor = await _json.ReadAsync(json, name, cancellationToken);
        try
        {
            await json.ExpectEndAsync(cancellationToken);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    private static async ValueTask<bool> StartsAsNpyAsync(ByteCursor bytes, string name, CancellationToken cancellationToken)
    {
        while (bytes.Unread.IsEmpty)
        {
            if (!await bytes.FillAsync(cancellationToken))
                throw TensorFaults.Malformed($"the part {name} is empty", name);
        }

        byte first = bytes.Unread[0];
        if (first == NpyReader.Magic[0])
            return true;

        if (first is (byte)'[' or (byte)'{' or (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            return false;

        throw TensorFaults.Malformed($"the part {name} begins neither as a .npy file nor as a JSON tensor", name);
    }

    private async ValueTask<Tensor> ReadImageAsync(MultipartSection part, string mediaType, string name, CancellationToken cancellationToken) =>
        string.Equals(name, ParameterNames.Tensors[0], StringComparison.Ordinal) && images?.CanRead(mediaType) == true
            ? await images.ReadAsync(part.Body, mediaType, cancellationToken)
            : throw Unsupported(name, mediaType);

    private static ServiceException Unsupported(string name, string mediaType)
    {
        string shown = TensorFaults.Shorten(mediaType);
        string[] accepted = [TensorMediaTypes.Npy, TensorMediaTypes.Json];
        return new ServiceException(
            new ServiceFault(ServiceErrorKind.UnsupportedMediaType, $"the part {name} is {shown}, read here are {string.Join(", ", accepted)}")
            {
                Facts = [new("field", name), new("contentType", shown), new("accepted", accepted)],
            });
    }
}
