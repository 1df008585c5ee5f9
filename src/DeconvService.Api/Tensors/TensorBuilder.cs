using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors;

/// <summary>
/// Pooled memory that grows with the elements that have really come, so that nobody takes much memory by claiming a large shape.
/// Owns the memory until <see cref="ToTensor"/> hands it over.
/// </summary>
internal sealed class TensorBuilder : IDisposable
{
    private const int SmallestCapacity = 1024;

    private readonly AlignedBufferPool _pool;
    private readonly long _maximum;
    private AlignedBuffer? _buffer;

    /// <summary>Starts empty.</summary>
    /// <param name="pool">Where the memory comes from.</param>
    /// <param name="maximum">The most elements there may be.</param>
    public TensorBuilder(AlignedBufferPool pool, long maximum) => (_pool, _maximum) = (pool, Math.Min(maximum, int.MaxValue));

    /// <summary>Number of elements so far.</summary>
    public int Count { get; private set; }

    /// <summary>Room for the next elements.</summary>
    public Span<float> Free => _buffer is null ? [] : _buffer.Span[Count..];

    /// <summary>Counts elements that were written to <see cref="Free"/>.</summary>
    public void Advance(int count) => Count += count;

    /// <summary>Takes memory for <paramref name="capacity"/> elements in all, or as many as there may be.</summary>
    public void Reserve(long capacity)
    {
        capacity = Math.Clamp(capacity, 1, Math.Max(_maximum, 1));
        if (_buffer is not null && _buffer.Length >= capacity)
            return;

        AlignedBuffer larger = _pool.Rent(capacity);
        _buffer?.Span[..Count].CopyTo(larger.Span);
        _buffer?.Dispose();
        _buffer = larger;
    }

    /// <summary>Doubles the room.</summary>
    /// <returns>False when there may be no more elements.</returns>
    public bool TryGrow()
    {
        long capacity = _buffer?.Length ?? 0;
        if (capacity >= _maximum)
            return false;

        Reserve(Math.Max(SmallestCapacity, 2 * capacity));
        return true;
    }

    /// <summary>Hands the memory over as a tensor.</summary>
    /// <param name="shape">Its sizes; as many elements as were written.</param>
    public Tensor ToTensor(TensorShape shape) => new(shape, ToBuffer());

    /// <summary>Hands the memory itself over; it may have more room than elements.</summary>
    public AlignedBuffer ToBuffer()
    {
        Reserve(1);
        AlignedBuffer buffer = _buffer!;
        _buffer = null;
        return buffer;
    }

    /// <summary>Gives the memory back unless it was handed over.</summary>
    public void Dispose()
    {
        _buffer?.Dispose();
        _buffer = null;
    }
}
