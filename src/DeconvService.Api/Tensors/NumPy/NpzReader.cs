using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using DeconvService.Api.Errors;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors.NumPy;

/// <summary>Reads <c>.npz</c> archives: ZIP files (PKWARE's APPNOTE.TXT) of <c>.npy</c> files, stored or deflated. Owns the archive's memory.</summary>
/// <remarks>
/// A ZIP file can only be read safely from its directory, which stands at its end: sizes in front of the entries may be missing (data
/// descriptors) or lie. So the body is kept whole, in pooled memory, as it came; it is bounded by the limit of a request's bytes. What is
/// inflated is never kept as bytes: it runs through the .npy reader, which checks its own header first and stops at the element count.
/// </remarks>
internal sealed class NpzReader : IDisposable
{
    private const uint EndSignature = 0x06054B50;
    private const int EndBytes = 22;
    private const int DirectoryOffset = 16;

    // Three arrays need less than 1 KiB. The library makes an object of each entry, so larger directories are refused before it sees them.
    private const int LongestDirectory = 64 << 10;

    // Deflate's best case is 258 bytes in 2 bits.
    private const long LargestRatio = 1032;
    private const int PieceBytes = 64 << 10;

    private static readonly StreamPipeReaderOptions PieceOptions = new(bufferSize: PieceBytes, minimumReadSize: PieceBytes / 4, leaveOpen: true);

    private readonly PooledBody _body;
    private readonly NpyReader _npy;
    private ZipArchive? _zip;

    private NpzReader(AlignedBufferPool buffers, TensorLimits limits) =>
        (_body, _npy) = (new PooledBody(buffers), new NpyReader(buffers, limits));

    /// <summary>The arrays of the archive in its order.</summary>
    public IReadOnlyList<ZipArchiveEntry> Entries => _zip!.Entries;

    /// <summary>Takes in the whole archive and reads its directory.</summary>
    /// <param name="bytes">The archive.</param>
    /// <param name="buffers">The memory of the archive and of its tensors.</param>
    /// <param name="limits">How many elements a tensor may have.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <exception cref="ServiceException">It is no ZIP file that can be read; the memory was given back.</exception>
    public static async ValueTask<NpzReader> OpenAsync(
        ByteCursor bytes, AlignedBufferPool buffers, TensorLimits limits, CancellationToken cancellationToken)
    {
        var reader = new NpzReader(buffers, limits);
        try
        {
            await reader._body.KeepAsync(bytes, cancellationToken);
            CheckDirectory(reader._body);
            reader._zip = new ZipArchive(reader._body, ZipArchiveMode.Read, leaveOpen: true);
            _ = reader._zip.Entries.Count; // reads the directory
            return reader;
        }
        catch (Exception exception)
        {
            reader.Dispose();
            if (IsBrokenArchive(exception))
                throw TensorFaults.Malformed($"the archive is broken: {exception.Message}");

            throw;
        }
    }

    /// <summary>The name of the array that an entry holds: its file name without <c>.npy</c>.</summary>
    public static string NameOf(ZipArchiveEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return entry.FullName.EndsWith(".npy", StringComparison.OrdinalIgnoreCase) ? entry.FullName[..^4] : entry.FullName;
    }

    /// <summary>Reads one array.</summary>
    /// <param name="entry">One of <see cref="Entries"/>.</param>
    /// <param name="field">What the tensor is, for messages, such as <c>input</c>.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <exception cref="ServiceException">It cannot be read; its memory was given back.</exception>
    public async ValueTask<Tensor> ReadAsync(ZipArchiveEntry entry, string field, CancellationToken cancellationToken)
    {
        if (entry.IsEncrypted)
            throw TensorFaults.Malformed($"{field} is encrypted", field);

        if (entry.Length > entry.CompressedLength * LargestRatio)
            throw TensorFaults.Malformed($"{field} claims {entry.Length} bytes out of {entry.CompressedLength}, more than deflate can do", field);

        try
        {
            using var stream = new Crc32Stream(entry.Open());
            PipeReader pipe = PipeReader.Create(stream, PieceOptions);
            try
            {
                // No length for the cursor: an entry's size is a claim, so memory grows with what is really inflated.
                using var bytes = new ByteCursor(pipe);
                Tensor tensor = await _npy.ReadAsync(bytes, field, entry.Length, cancellationToken);
                if (stream.Value == entry.Crc32)
                    return tensor;

                tensor.Dispose();
                throw TensorFaults.Malformed($"{field} is damaged: its CRC-32 is {stream.Value:x8}, the archive says {entry.Crc32:x8}", field);
            }
            finally
            {
                await pipe.CompleteAsync();
            }
        }
        catch (Exception exception) when (IsBrokenArchive(exception))
        {
            throw TensorFaults.Malformed($"{field} cannot be taken out of the archive: {exception.Message}", field);
        }
    }

    /// <summary>Gives the archive's memory back.</summary>
    public void Dispose()
    {
        _zip?.Dispose();
        _body.Dispose();
    }

    // The archive lies in memory, so an I/O error is an offset that leads nowhere.
    private static bool IsBrokenArchive(Exception exception) => exception is InvalidDataException || exception.GetType() == typeof(IOException)
        || exception is EndOfStreamException;

    private static void CheckDirectory(PooledBody body)
    {
        byte[] tail = new byte[Math.Min(body.Length, EndBytes + ushort.MaxValue)];
        body.Position = body.Length - tail.Length;
        body.ReadExactly(tail);
        body.Position = 0;
        Span<byte> signature = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(signature, EndSignature);
        int end = tail.Length < EndBytes ? -1 : tail.AsSpan(0, tail.Length - EndBytes + sizeof(uint)).LastIndexOf(signature);
        if (end < 0)
            throw TensorFaults.Malformed("the body is no .npz: it has no ZIP directory at its end, or was cut short");

        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(end + DirectoryOffset));
        long length = body.Length - tail.Length + end - offset;
        if (length is < 0 or > LongestDirectory)
            throw TensorFaults.Malformed($"the archive's directory takes {length} bytes, 0 to {LongestDirectory} are read");
    }
}
