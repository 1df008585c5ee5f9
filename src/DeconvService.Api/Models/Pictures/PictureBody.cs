using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Engine.Tensors;
using DeconvService.Imaging;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace DeconvService.Api.Models.Pictures;

/// <summary>The encoded picture of a request, whole, in pooled memory: the body itself, or the part <c>image</c> of a form.</summary>
internal sealed class PictureBody : IDisposable
{
    private const string PartName = "image";
    private const int SmallestCapacity = 64 << 10;
    private const int LongestBoundary = 70; // RFC 2046, section 5.1.1
    private const int LongestField = 1 << 20; // a matrix may be long

    private readonly AlignedBufferPool _buffers;
    private AlignedBuffer _buffer;

    private PictureBody(AlignedBufferPool buffers, long capacity)
    {
        _buffers = buffers;
        _buffer = Rent(capacity);
    }

    /// <summary>Number of encoded bytes.</summary>
    public int Length { get; private set; }

    /// <summary>The encoded bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.Bytes[..Length];

    /// <summary>Reads it.</summary>
    /// <param name="request">The request.</param>
    /// <param name="buffers">The memory that it is read into.</param>
    /// <param name="cancellationToken">The client hung up, or the time limit passed.</param>
    /// <param name="onField">Gets name and text of the form's other parts; without it they are passed over.</param>
    /// <exception cref="ServiceException">The media type is not read here, or the form has no such part.</exception>
    public static async Task<PictureBody> ReadAsync(
        HttpRequest request, AlignedBufferPool buffers, CancellationToken cancellationToken, Action<string, string>? onField = null)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type))
            throw Unsupported(request.ContentType);

        if (type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            return await ReadFormAsync(request, type, buffers, onField, cancellationToken);

        if (!type.Type.Equals("image", StringComparison.OrdinalIgnoreCase)
            && !type.MediaType.Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase))
        {
            throw Unsupported(request.ContentType);
        }

        return await ReadPipeAsync(request.BodyReader, request.ContentLength ?? SmallestCapacity, buffers, cancellationToken);
    }

    /// <summary>Reads all of a stream, a part of a form for instance.</summary>
    public static Task<PictureBody> ReadAsync(Stream encoded, AlignedBufferPool buffers, CancellationToken cancellationToken) =>
        ReadPipeAsync(PipeReader.Create(encoded, new StreamPipeReaderOptions(leaveOpen: true)), SmallestCapacity, buffers, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();

    private static async Task<PictureBody> ReadFormAsync(
        HttpRequest request, MediaTypeHeaderValue type, AlignedBufferPool buffers, Action<string, string>? onField, CancellationToken cancellationToken)
    {
        string boundary = HeaderUtilities.RemoveQuotes(type.Boundary).ToString();
        if (boundary.Length is 0 or > LongestBoundary)
            throw Malformed($"Content-Type must name the form's boundary, 1 to {LongestBoundary} characters");

        PictureBody? picture = null;
        try
        {
            var form = new MultipartReader(boundary, request.Body);
            while (await form.ReadNextSectionAsync(cancellationToken) is { } part)
            {
                string name = NameOf(part);
                if (!name.Equals(PartName, StringComparison.Ordinal))
                    onField?.Invoke(name, await ReadTextAsync(part, name, cancellationToken));
                else if (picture is null)
                    picture = await ReadPipeAsync(PipeReader.Create(part.Body), request.ContentLength ?? SmallestCapacity, buffers, cancellationToken);
                else
                    throw Malformed($"the form has two parts '{PartName}'");
            }
        }
        catch (Exception exception)
        {
            picture?.Dispose();
            if (exception is InvalidDataException || exception.GetType() == typeof(IOException))
                throw Malformed($"the form is broken: {exception.Message}"); // subclasses of IOException are the server's own

            throw;
        }

        return picture
            ?? throw new ServiceException(new ServiceFault(ServiceErrorKind.MissingField, $"the form has no part '{PartName}'") { Facts = [new("field", PartName)] });
    }

    private static string NameOf(MultipartSection part) =>
        ContentDispositionHeaderValue.TryParse(part.ContentDisposition, out ContentDispositionHeaderValue? disposition)
            ? HeaderUtilities.RemoveQuotes(disposition.Name).ToString()
            : "";

    private static async Task<string> ReadTextAsync(MultipartSection part, string name, CancellationToken cancellationToken)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(LongestField + 1);
        try
        {
            int length = await part.Body.ReadAtLeastAsync(bytes, LongestField + 1, throwOnEndOfStream: false, cancellationToken);
            return length <= LongestField
                ? Encoding.UTF8.GetString(bytes.AsSpan(0, length))
                : throw Malformed($"the part '{(name.Length <= 64 ? name : name[..64])}' is longer than {LongestField} bytes");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private static async Task<PictureBody> ReadPipeAsync(PipeReader pipe, long capacity, AlignedBufferPool buffers, CancellationToken cancellationToken)
    {
        var body = new PictureBody(buffers, capacity);
        try
        {
            while (true)
            {
                ReadResult read = await pipe.ReadAsync(cancellationToken);
                foreach (ReadOnlyMemory<byte> piece in read.Buffer)
                    body.Append(piece.Span);

                pipe.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    return body;
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    private void Append(ReadOnlySpan<byte> piece)
    {
        if (_buffer.Bytes.Length - Length < piece.Length)
        {
            AlignedBuffer larger = Rent(Math.Max(2L * _buffer.Bytes.Length, Length + piece.Length));
            Bytes.CopyTo(larger.Bytes);
            _buffer.Dispose();
            _buffer = larger;
        }

        piece.CopyTo(_buffer.Bytes[Length..]);
        Length += piece.Length;
    }

    private AlignedBuffer Rent(long bytes)
    {
        // A span of bytes, which the codecs take, ends here.
        if (bytes > int.MaxValue - sizeof(float))
            throw new ServiceException(new ServiceFault(ServiceErrorKind.TooLarge, $"the picture has {bytes} bytes or more; {int.MaxValue} are read at the most"));

        return _buffers.Rent((Math.Max(bytes, SmallestCapacity) + sizeof(float) - 1) / sizeof(float));
    }

    private static ServiceException Malformed(string detail) => new(new ServiceFault(ServiceErrorKind.Malformed, detail));

    private static ServiceException Unsupported(string? contentType)
    {
        string[] accepted = [.. PictureFaults.Accepted, "multipart/form-data"];
        return new ServiceException(
            new ServiceFault(
                ServiceErrorKind.UnsupportedMediaType,
                $"a picture is needed here; say what it is with Content-Type: {string.Join(", ", accepted)}{(contentType is null ? "" : $", not {contentType}")}")
            {
                Facts = [new("accepted", accepted)],
            });
    }
}
