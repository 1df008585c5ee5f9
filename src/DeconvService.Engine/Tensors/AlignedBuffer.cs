using System.Buffers;
using System.Runtime.InteropServices;

namespace DeconvService.Engine.Tensors;

/// <summary>
/// Native float32 memory that starts on a 64-byte boundary (one AVX-512 vector, one cache line), rented from an
/// <see cref="AlignedBufferPool"/> and given back by <see cref="Dispose()"/>. Its contents are undefined at first.
/// Not thread-safe as an object; its elements may be used from several threads. <see cref="MemoryManager{T}.Memory"/> shows the elements
/// where a span cannot be kept.
/// </summary>
public sealed unsafe class AlignedBuffer : MemoryManager<float>, IDisposable
{
    private readonly AlignedBufferPool? _pool;
    private float* _pointer;

    internal AlignedBuffer(AlignedBufferPool? pool, float* pointer, int length, long capacity)
    {
        _pool = pool;
        _pointer = pointer;
        Length = length;
        Capacity = capacity;
    }

    /// <summary>The number of float32 elements that may be used.</summary>
    public int Length { get; }

    /// <summary>The elements. Do not keep the span past <see cref="Dispose()"/>.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was given back.</exception>
    public Span<float> Span => new(Pointer, Length);

    /// <summary>The elements as bytes, in the machine's byte order.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was given back.</exception>
    /// <exception cref="OverflowException">There are more bytes than a span can hold (2 GiB).</exception>
    public Span<byte> Bytes => MemoryMarshal.AsBytes(Span);

    internal long Capacity { get; }

    internal float* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <summary>A buffer over memory that somebody else owns and frees; it must outlive the buffer.</summary>
    internal static AlignedBuffer Over(float* pointer, int length) => new(null, pointer, length, (long)length * sizeof(float));

    /// <inheritdoc/>
    public override Span<float> GetSpan() => Span;

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0) => new(Pointer + elementIndex);

    /// <inheritdoc/>
    public override void Unpin()
    {
        // Native memory does not move.
    }

    /// <summary>Gives the memory back to its pool; a second call does nothing.</summary>
    public void Dispose() => Dispose(disposing: true);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        float* pointer = _pointer;
        _pointer = null;
        if (pointer is not null)
            _pool?.Return(pointer, Capacity);
    }
}
