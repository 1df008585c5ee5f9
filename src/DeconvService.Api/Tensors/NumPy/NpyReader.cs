using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DeconvService.Api.Errors;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors.NumPy;

/// <summary>Reads one <c>.npy</c> (versions 1.0 to 3.0), converting to row-major float32. Elements that are <c>&lt;f4</c> are copied once: from the pipe to their place.</summary>
/// <param name="buffers">The memory that it is read into.</param>
/// <param name="limits">How many elements it may have.</param>
internal sealed class NpyReader(AlignedBufferPool buffers, TensorLimits limits)
{
    // numpy writes 118 bytes or so; it refuses more than 10,000 itself.
    private const int LongestHeader = 10_000;

    /// <summary>The six bytes that every .npy begins with.</summary>
    public static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads the array, which must be all there is.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="field">What the tensor is, for messages, such as <c>input</c>.</param>
    /// <param name="fileBytes">The file's length where it is known; <see cref="ByteCursor.Length"/> is only a bound of what can come.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <exception cref="ServiceException">It cannot be read; the memory was given back.</exception>
    public async ValueTask<Tensor> ReadAsync(ByteCursor bytes, string field, long? fileBytes, CancellationToken cancellationToken)
    {
        NpyHeader header = await ReadHeaderAsync(bytes, field, cancellationToken);
        long? dataBytes = fileBytes - bytes.Position;
        if ((dataBytes ?? bytes.Remaining) < header.DataBytes)
            throw Truncated(field, header, (dataBytes ?? bytes.Remaining)!.Value);

        if (dataBytes > header.DataBytes)
            throw TooLong(field, header);

        // All the memory at once only where as many bytes are on their way; else it grows with what comes.
        using var elements = new TensorBuilder(buffers, header.Shape.Count);
        if (bytes.Remaining >= header.DataBytes)
            elements.Reserve(header.Shape.Count);

        await ReadElementsAsync(bytes, field, header, elements, cancellationToken);
        if (bytes.Unread.Length > 0 || await bytes.FillAsync(cancellationToken))
            throw TooLong(field, header);

        Tensor tensor = elements.ToTensor(header.Shape);
        if (!header.FortranOrder || header.Shape.Rank < 2)
            return tensor;

        using (tensor)
            return FortranOrder.ToRowMajor(tensor, buffers);
    }

    private async ValueTask<NpyHeader> ReadHeaderAsync(ByteCursor bytes, string field, CancellationToken cancellationToken)
    {
        const int versionEnd = 8;
        await RequireAsync(bytes, versionEnd + sizeof(ushort), field, cancellationToken);
        if (!bytes.Unread.StartsWith(Magic))
            throw TensorFaults.Malformed($"{field} is no .npy: it does not begin with the bytes 93 4E 55 4D 50 59", field);

        (byte major, byte minor) = (bytes.Unread[6], bytes.Unread[7]);
        if (major is < 1 or > 3 || minor != 0)
            throw TensorFaults.Malformed($"{field} is a .npy of version {major}.{minor}; read are 1.0, 2.0 and 3.0", field);

        int prefix = versionEnd + (major == 1 ? sizeof(ushort) : sizeof(uint));
        await RequireAsync(bytes, prefix, field, cancellationToken);
        uint length = major == 1
            ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.Unread[versionEnd..])
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes.Unread[versionEnd..]);
        if (length > LongestHeader)
            throw TensorFaults.Malformed($"the .npy header of {field} has {length} bytes; {LongestHeader} are the most", field);

        await RequireAsync(bytes, prefix + (int)length, field, cancellationToken);
        var header = NpyHeader.Parse(bytes.Unread.Slice(prefix, (int)length), field, limits);
        bytes.Advance(prefix + (int)length);
        return header;
    }

    private static async ValueTask RequireAsync(ByteCursor bytes, int count, string field, CancellationToken cancellationToken)
    {
        while (bytes.Unread.Length < count)
        {
            if (!await bytes.FillAsync(cancellationToken))
                throw TensorFaults.Malformed($"{field} ends within its .npy header", field, bytes.Position + bytes.Unread.Length);
        }
    }

    private static async ValueTask ReadElementsAsync(
        ByteCursor bytes, string field, NpyHeader header, TensorBuilder elements, CancellationToken cancellationToken)
    {
        while (true)
        {
            while (elements.Count < header.Shape.Count && TakeElements(bytes, field, header, elements))
            {
            }

            if (elements.Count == header.Shape.Count)
                return;

            if (!await bytes.FillAsync(cancellationToken))
                throw Truncated(field, header, ((long)elements.Count * header.ElementBytes) + bytes.Unread.Length);
        }
    }

    // Converts the whole elements that lie ready; false where there are none.
    private static bool TakeElements(ByteCursor bytes, string field, NpyHeader header, TensorBuilder elements)
    {
        if (elements.Free.IsEmpty)
            elements.TryGrow();

        int ready = bytes.Unread.Length / header.ElementBytes;
        int count = (int)Math.Min(Math.Min(ready, elements.Free.Length), header.Shape.Count - elements.Count);
        if (count == 0)
            return false;

        ReadOnlySpan<byte> source = bytes.Unread[..(count * header.ElementBytes)];
        Span<float> target = elements.Free[..count];
        if (header is { Type: NpyType.Single, BigEndian: false })
            source.CopyTo(MemoryMarshal.AsBytes(target));
        else
            ElementConversion.ToSingle(source, header, target, field, elements.Count);

        elements.Advance(count);
        bytes.Advance(source.Length);
        return true;
    }

    private static ServiceException Truncated(string field, NpyHeader header, long found) => TensorFaults.Malformed(
        $"{field} is cut short: {header.Shape} needs {header.DataBytes} bytes after the .npy header, but only {found} follow", field);

    private static ServiceException TooLong(string field, NpyHeader header) => TensorFaults.Malformed(
        $"{field} is too long: more bytes follow the {header.DataBytes} that {header.Shape} needs", field);
}
