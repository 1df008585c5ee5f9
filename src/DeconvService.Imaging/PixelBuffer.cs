using System.Runtime.InteropServices;

namespace DeconvService.Imaging;

/// <summary>
/// The 8-bit pixels of a picture, interleaved, <c>[H, W, C]</c>, outside the garbage collector's heap: whoever
/// made the buffer disposes it. Rows are
/// published from the top down by one writer; readers wait for the rows they need, so that decoding, computing and
/// encoding of one picture can overlap.
/// </summary>
public sealed unsafe class PixelBuffer : IDisposable
{
    private readonly object _progress = new();
    private nint _pixels;
    private int _rowsReady;
    private Exception? _failure;

    /// <summary>Allocates the pixels; no row is ready yet.</summary>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="channels">1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, there are not 1 to 4 channels, or the pixels exceed 2 GiB.</exception>
    public PixelBuffer(int width, int height, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(channels, 4);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * height * channels, int.MaxValue, nameof(width));
        Width = width;
        Height = height;
        Channels = channels;
        ByteCount = width * height * channels;
        _pixels = (nint)NativeMemory.Alloc((nuint)ByteCount);
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.</summary>
    public int Channels { get; }

    /// <summary>Whether the last channel is alpha.</summary>
    public bool HasAlpha => Channels is 2 or 4;

    /// <summary>Channels without alpha: 1 or 3.</summary>
    public int ColourChannels => HasAlpha ? Channels - 1 : Channels;

    /// <summary>Bytes of one row.</summary>
    public int RowBytes => Width * Channels;

    /// <summary>Bytes of all pixels.</summary>
    public int ByteCount { get; }

    /// <summary>How many rows, counted from the top, hold their final pixels.</summary>
    public int RowsReady => Volatile.Read(ref _rowsReady);

    /// <summary>The pixels of some rows, <c>[count, W, C]</c>. Valid until the buffer is disposed.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="count">How many rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not all inside the picture.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public Span<byte> Rows(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Height - first);
        ObjectDisposedException.ThrowIf(_pixels == 0, this);
        return new Span<byte>((byte*)_pixels + ((nint)first * RowBytes), count * RowBytes);
    }

    /// <summary>Says that the rows above <paramref name="rows"/> hold their final pixels, and wakes those who wait.</summary>
    /// <param name="rows">The number of rows that are ready, never less than before.</param>
    public void Publish(int rows)
    {
        lock (_progress)
        {
            _rowsReady = Math.Max(_rowsReady, Math.Min(rows, Height));
            Monitor.PulseAll(_progress);
        }
    }

    /// <summary>Says that no more rows will come; those who wait for rows get <paramref name="failure"/>.</summary>
    public void Fail(Exception failure)
    {
        lock (_progress)
        {
            _failure ??= failure;
            Monitor.PulseAll(_progress);
        }
    }

    /// <summary>Waits until the first <paramref name="rows"/> rows are ready.</summary>
    /// <exception cref="IOException">The writer failed; the inner exception says how.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void WaitForRows(int rows, CancellationToken cancellationToken = default)
    {
        if (RowsReady >= rows)
            return;
        using var wake = cancellationToken.Register(static buffer => ((PixelBuffer)buffer!).Publish(0), this);
        lock (_progress)
        {
            while (_rowsReady < rows)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_failure is not null)
                    throw new IOException("The picture's pixels could not be made.", _failure);
                Monitor.Wait(_progress);
            }
        }
    }

    /// <summary>Frees the pixels. Nobody may be reading or writing them.</summary>
    public void Dispose() => NativeMemory.Free((void*)Interlocked.Exchange(ref _pixels, 0));
}
