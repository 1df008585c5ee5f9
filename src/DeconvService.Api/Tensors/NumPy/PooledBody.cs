using System.Runtime.InteropServices;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors.NumPy;

/// <summary>Bytes kept whole in pooled memory that grows with what comes, to be read from any place. Owns the memory.</summary>
internal sealed class PooledBody(AlignedBufferPool buffers) : Stream
{
    private const long SmallestCapacity = 64 << 10;

    private AlignedBuffer? _buffer;
    private long _length;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => _length;

    /// <inheritdoc/>
    public override long Position { get; set; }

    /// <summary>Keeps all bytes that come.</summary>
    public async ValueTask KeepAsync(ByteCursor bytes, CancellationToken cancellationToken)
    {
        Reserve(bytes.Length ?? SmallestCapacity);
        while (await bytes.FillAsync(cancellationToken))
        {
            ReadOnlySpan<byte> piece = bytes.Unread;
            if (Capacity < _length + piece.Length)
                Reserve(Math.Max(2 * Capacity, _length + piece.Length));

            piece.CopyTo(At(_length));
            _length += piece.Length;
            bytes.Advance(piece.Length);
        }
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Clamp(_length - Position, 0, buffer.Length);
        if (count > 0)
            At(Position)[..count].CopyTo(buffer);

        Position += count;
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin)
    {
        long start = origin switch { SeekOrigin.Begin => 0, SeekOrigin.Current => Position, _ => _length };
        if (start + offset < 0)
            throw new IOException("a place before the beginning");

        return Position = start + offset;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _buffer?.Dispose();
        (_buffer, _length) = (null, 0);
        base.Dispose(disposing);
    }

    private long Capacity => (long)(_buffer?.Length ?? 0) * sizeof(float);

    // The bytes from a place on, as many as one span can show.
    private Span<byte> At(long place)
    {
        Span<float> elements = _buffer!.Span[(int)(place / sizeof(float))..];
        int most = Math.Min(elements.Length, int.MaxValue / sizeof(float));
        return MemoryMarshal.AsBytes(elements[..most])[(int)(place % sizeof(float))..];
    }

    private void Reserve(long bytes)
    {
        AlignedBuffer larger = buffers.Rent((bytes + sizeof(float)) / sizeof(float));
        _buffer?.Span.CopyTo(larger.Span);
        _buffer?.Dispose();
        _buffer = larger;
    }
}
