using System.Runtime.InteropServices;

namespace DeconvService.Engine.Tensors;

/// <summary>
/// Lends 64-byte aligned float32 memory and keeps what comes back for the next renter, up to a cap.
/// Sizes are rounded up to eighths of a power of two, so at most an eighth is wasted. Thread-safe.
/// </summary>
public sealed unsafe class AlignedBufferPool : IDisposable
{
    /// <summary>Bytes of a cache line and of the widest vector.</summary>
    internal const int Alignment = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<long, Stack<nint>> _free = [];
    private long _keptBytes;
    private long _lentBytes;
    private bool _disposed;

    /// <summary>Makes an empty pool.</summary>
    /// <param name="maximumKeptBytes">How many bytes are kept for reuse at the most; what is over is freed at once.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public AlignedBufferPool(long maximumKeptBytes = 256L << 20)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maximumKeptBytes);
        MaximumKeptBytes = maximumKeptBytes;
    }

    /// <summary>How many bytes are kept for reuse at the most.</summary>
    public long MaximumKeptBytes { get; }

    /// <summary>How many bytes are lent and kept together at the most. Unlimited at first.</summary>
    public long MaximumBytes { get; set; } = long.MaxValue;

    /// <summary>Bytes that lie ready for the next renter.</summary>
    public long KeptBytes => Interlocked.Read(ref _keptBytes);

    /// <summary>Bytes that are lent at the moment.</summary>
    public long LentBytes => Interlocked.Read(ref _lentBytes);

    /// <summary>Lends room for <paramref name="length"/> float32 elements, contents undefined.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or over 2,147,483,647.</exception>
    /// <exception cref="InsufficientMemoryException">It would be more than <see cref="MaximumBytes"/>.</exception>
    /// <exception cref="OutOfMemoryException">The system has no such memory left.</exception>
    public AlignedBuffer Rent(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, int.MaxValue);
        long capacity = CapacityFor(length * sizeof(float));
        float* pointer = TakeFree(capacity);
        if (pointer is not null)
            return new AlignedBuffer(this, pointer, (int)length, capacity);

        try
        {
            pointer = (float*)NativeMemory.AlignedAlloc((nuint)capacity, Alignment);
        }
        catch (OutOfMemoryException)
        {
            Interlocked.Add(ref _lentBytes, -capacity);
            throw;
        }

        return new AlignedBuffer(this, pointer, (int)length, capacity);
    }

    /// <summary>Frees what is kept. Buffers that are still lent are freed when they come back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            FreeKept();
        }
    }

    internal void Return(float* pointer, long capacity)
    {
        Interlocked.Add(ref _lentBytes, -capacity);
        lock (_lock)
        {
            if (!_disposed && _keptBytes + capacity <= MaximumKeptBytes)
            {
                if (!_free.TryGetValue(capacity, out Stack<nint>? stack))
                    _free.Add(capacity, stack = []);

                stack.Push((nint)pointer);
                _keptBytes += capacity;
                return;
            }
        }

        NativeMemory.AlignedFree(pointer);
    }

    // Counts the memory as lent; null means that it has to be allocated.
    private float* TakeFree(long capacity)
    {
        lock (_lock)
        {
            nint pointer = 0;
            if (_free.TryGetValue(capacity, out Stack<nint>? stack) && stack.TryPop(out pointer))
                _keptBytes -= capacity;
            else if (LentBytes + _keptBytes + capacity > MaximumBytes)
                MakeRoom(capacity);

            Interlocked.Add(ref _lentBytes, capacity);
            return (float*)pointer;
        }
    }

    private void MakeRoom(long capacity)
    {
        FreeKept();
        if (LentBytes + capacity > MaximumBytes)
            throw new InsufficientMemoryException($"{capacity} bytes beside the {LentBytes} that are lent would be more than {MaximumBytes}.");
    }

    private void FreeKept()
    {
        foreach (Stack<nint> stack in _free.Values)
        {
            while (stack.TryPop(out nint pointer))
                NativeMemory.AlignedFree((void*)pointer);
        }

        _free.Clear();
        _keptBytes = 0;
    }

    private static long CapacityFor(long bytes)
    {
        long step = Math.Max(Alignment, (long)(System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(bytes, 1)) / 16));
        return (Math.Max(bytes, 1) + step - 1) / step * step;
    }
}
