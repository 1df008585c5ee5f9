using System.Runtime.InteropServices;

namespace DeconvService.Testing;

/// <summary>Which end of a <see cref="GuardedMemory{T}"/> touches the page that faults.</summary>
public enum Guard
{
    /// <summary>Reading or writing one element past the end kills the process.</summary>
    End,

    /// <summary>Reading or writing one element before the start kills the process.</summary>
    Start,
}

/// <summary>
/// Memory between two pages that must not be touched: an access past the guarded end is a fault that ends the process at the very
/// instruction, instead of a wrong number somewhere later. Where alignment or the other end leaves some bytes over, they hold a pattern
/// that <see cref="Dispose"/> checks, so that writes (not reads) there are found too.
/// On systems without mmap it is plain memory with the pattern on both sides.
/// </summary>
public sealed unsafe partial class GuardedMemory<T> : IDisposable
    where T : unmanaged
{
    private const byte Pattern = 0xA5;
    private readonly byte* _block;
    private readonly nuint _blockBytes;
    private readonly byte* _open;
    private readonly nuint _openBytes;
    private bool _disposed;

    /// <summary>Makes room for <paramref name="length"/> elements, contents zero.</summary>
    /// <param name="length">Number of elements.</param>
    /// <param name="guard">Which end is guarded to the byte.</param>
    /// <param name="alignment">The start is a multiple of this many bytes (a power of two); 1 puts the last element flush to the guarded end.</param>
    public GuardedMemory(int length, Guard guard = Guard.End, int alignment = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        nuint page = (nuint)Environment.SystemPageSize;
        nuint bytes = (nuint)length * (nuint)sizeof(T);
        _openBytes = ((bytes + (nuint)alignment + page - 1) / page) * page;
        _blockBytes = _openBytes + (2 * page);
        _block = (byte*)Native.Reserve(_blockBytes);
        _open = _block + page;
        Native.Open(_open, _openBytes);
        new Span<byte>(_open, checked((int)_openBytes)).Fill(Pattern);

        byte* start = guard == Guard.Start ? _open : _open + _openBytes - bytes;
        start -= (nuint)start % (nuint)alignment;
        Pointer = (T*)start;
        Span.Clear();
    }

    /// <summary>Number of elements.</summary>
    public int Length { get; }

    /// <summary>The first element.</summary>
    public T* Pointer { get; }

    /// <summary>The elements.</summary>
    public Span<T> Span => new(Pointer, Length);

    /// <summary>Frees the memory.</summary>
    /// <exception cref="InvalidOperationException">Somebody wrote beside the elements.</exception>
    public void Dispose()
    {
        if (_disposed)
            return;

        _disposed = true;
        long before = (byte*)Pointer - _open;
        byte* end = (byte*)(Pointer + Length);
        long after = _open + _openBytes - end;
        bool intact = !new Span<byte>(_open, (int)before).ContainsAnyExcept(Pattern) && !new Span<byte>(end, (int)after).ContainsAnyExcept(Pattern);
        Native.Free(_block, _blockBytes);
        if (!intact)
            throw new InvalidOperationException($"memory beside the {Length} elements was written to");
    }
}

/// <summary>Makes <see cref="GuardedMemory{T}"/> of values.</summary>
public static class GuardedMemory
{
    /// <summary>Makes memory with a copy of <paramref name="values"/>.</summary>
    public static GuardedMemory<T> Of<T>(ReadOnlySpan<T> values, Guard guard = Guard.End, int alignment = 1)
        where T : unmanaged
    {
        var memory = new GuardedMemory<T>(values.Length, guard, alignment);
        values.CopyTo(memory.Span);
        return memory;
    }
}

internal static unsafe partial class Native
{
    private const int ProtectNone = 0, ProtectReadWrite = 3, MapPrivate = 2;

    private static bool HasMmap => OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();

    internal static void* Reserve(nuint bytes)
    {
        if (!HasMmap)
            return NativeMemory.AlignedAlloc(bytes, (nuint)Environment.SystemPageSize);

        int anonymous = OperatingSystem.IsMacOS() ? 0x1000 : 0x20;
        void* block = Mmap(null, bytes, ProtectNone, MapPrivate | anonymous, -1, 0);
        return (nint)block == -1 ? throw new InvalidOperationException($"mmap of {bytes} bytes failed") : block;
    }

    internal static void Open(void* start, nuint bytes)
    {
        if (HasMmap && Mprotect(start, bytes, ProtectReadWrite) != 0)
            throw new InvalidOperationException("mprotect failed");
    }

    internal static void Free(void* block, nuint bytes)
    {
        if (!HasMmap)
            NativeMemory.AlignedFree(block);
        else if (Munmap(block, bytes) != 0)
            throw new InvalidOperationException("munmap failed");
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Mmap(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Mprotect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(void* address, nuint length);
}
