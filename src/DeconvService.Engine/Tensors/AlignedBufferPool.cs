using System.Runtime.InteropServices;

namespace DeconvService.Engine.Tensors;

/// <summary>
/// Lends 64-byte aligned float32 memory and keeps what comes back for the next renter, up to a cap.
/// Sizes are rounded up to eighths of a power of two, so at most an eighth of what is allocated is wasted. Thread-safe.
/// </summary>
/// <remarks>
/// Requests come in ever new sizes, and new memory is dear: the system clears each page as it is first touched, which took a tenth of the
/// time of a small network. So what is kept serves smaller renters too, down to half its size, as long as memory is not short. Where memory
/// has to be allocated all the same, what was kept longest is freed until lent and kept memory together are no more than was ever lent at once.
/// </remarks>
public sealed unsafe class AlignedBufferPool : IDisposable
{
    /// <summary>Bytes of a cache line and of the widest vector.</summary>
    internal const int Alignment = 64;

    private readonly Lock _lock = new();
    private readonly LinkedList<Kept> _kept = []; // what came back last is first, here and in the lists by capacity
    private readonly Dictionary<long, LinkedList<Kept>> _keptOf = [];
    private long _keptBytes;
    private long _lentBytes;
    private long _mostLentBytes;
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
        float* pointer = TakeFree(ref capacity);
        if (pointer is not null)
            return new AlignedBuffer(this, pointer, (int)length, capacity);

        try
        {
            pointer = (float*)HugePages.AlignedAlloc(capacity, Alignment);
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
            FreeKept(0);
        }
    }

    internal void Return(float* pointer, long capacity)
    {
        Interlocked.Add(ref _lentBytes, -capacity);
        lock (_lock)
        {
            if (!_disposed && capacity <= MaximumKeptBytes)
            {
                if (!_keptOf.TryGetValue(capacity, out LinkedList<Kept>? list))
                    _keptOf.Add(capacity, list = []);

                var kept = new Kept((nint)pointer, capacity);
                _kept.AddFirst(kept.InAll);
                list.AddFirst(kept.InCapacity);
                _keptBytes += capacity;
                FreeKept(MaximumKeptBytes);
                return;
            }
        }

        NativeMemory.AlignedFree(pointer);
    }

    // Counts the memory as lent; null means that it has to be allocated. The capacity becomes that of what was found.
    private float* TakeFree(ref long capacity)
    {
        lock (_lock)
        {
            nint pointer = 0;
            if (FindKept(capacity) is { } kept)
            {
                capacity = kept.Capacity;
                pointer = Forget(kept);
            }
            else
            {
                MakeRoom(capacity);
            }

            _mostLentBytes = Math.Max(_mostLentBytes, Interlocked.Add(ref _lentBytes, capacity));
            return (float*)pointer;
        }
    }

    private Kept? FindKept(long capacity)
    {
        if (_keptOf.TryGetValue(capacity, out LinkedList<Kept>? list))
            return list.First!.Value;

        long best = long.MaxValue;
        foreach (long other in _keptOf.Keys)
        {
            if (other > capacity && other / 2 <= capacity && other < best)
                best = other;
        }

        return best < long.MaxValue && LentBytes + best <= MaximumBytes / 2 ? _keptOf[best].First!.Value : null;
    }

    private void MakeRoom(long capacity)
    {
        long lent = LentBytes + capacity;
        FreeKept(Math.Max(_mostLentBytes, lent) - lent);
        if (lent + _keptBytes > MaximumBytes)
            FreeKept(0);

        if (lent > MaximumBytes)
            throw new InsufficientMemoryException($"{capacity} bytes beside the {LentBytes} that are lent would be more than {MaximumBytes}.");
    }

    // The oldest first.
    private void FreeKept(long limit)
    {
        while (_keptBytes > limit)
            NativeMemory.AlignedFree((void*)Forget(_kept.Last!.Value));
    }

    private nint Forget(Kept kept)
    {
        LinkedList<Kept> list = _keptOf[kept.Capacity];
        list.Remove(kept.InCapacity);
        if (list.Count == 0)
            _keptOf.Remove(kept.Capacity);

        _kept.Remove(kept.InAll);
        _keptBytes -= kept.Capacity;
        return kept.Pointer;
    }

    private static long CapacityFor(long bytes)
    {
        long step = Math.Max(Alignment, (long)(System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(bytes, 1)) / 16));
        return (Math.Max(bytes, 1) + step - 1) / step * step;
    }

    private sealed class Kept
    {
        public Kept(nint pointer, long capacity)
        {
            (Pointer, Capacity) = (pointer, capacity);
            (InAll, InCapacity) = (new(this), new(this));
        }

        public nint Pointer { get; }

        public long Capacity { get; }

        public LinkedListNode<Kept> InAll { get; }

        public LinkedListNode<Kept> InCapacity { get; }
    }
}
