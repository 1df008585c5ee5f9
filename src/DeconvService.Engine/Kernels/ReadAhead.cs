using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace DeconvService.Engine.Kernels;

/// <summary>
/// Asks for pieces of an image before they are needed, some lines at a time while something else is computed. Without it the hardware only
/// guesses what comes next within a few kilobytes of one channel, and every new channel begins with a wait for memory.
/// </summary>
internal unsafe struct ReadAhead
{
    private const int LineFloats = 16;

    private readonly nint _channelStride;
    private readonly nint _rowStride;
    private readonly int _rows;
    private readonly int _lines;
    private float* _channel;
    private float* _first;
    private int _row;
    private int _line;
    private int _left;

    /// <summary>The piece: <paramref name="floats"/> elements from <paramref name="first"/> on, and the same of the following channels.</summary>
    public ReadAhead(float* first, int floats, int channels, nint channelStride)
        : this(first, floats, rows: 1, rowStride: 0, channels, channelStride)
    {
    }

    /// <summary>A piece of several rows: <paramref name="floats"/> elements of each.</summary>
    public ReadAhead(float* first, int floats, int rows, nint rowStride, int channels, nint channelStride)
    {
        _channel = first;
        _first = first;
        (_rows, _rowStride, _channelStride) = (rows, rowStride, channelStride);
        _lines = (floats + LineFloats - 1) / LineFloats;
        _left = _lines * rows * channels;
    }

    /// <summary>Cache lines that are still to be asked for.</summary>
    public readonly int Left => _left;

    /// <summary>Asks for the next lines, which go to the second-level cache. Nothing happens where there is no such instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Advance(int lines)
    {
        if (!Sse.IsSupported)
            return;

        for (lines = Math.Min(lines, _left); lines > 0;)
        {
            int run = Math.Min(lines, _lines - _line);
            float* line = _first + (_line * (nint)LineFloats);
            for (int i = 0; i < run; i++, line += LineFloats)
                Sse.Prefetch1(line);

            _line += run;
            _left -= run;
            lines -= run;
            if (_line == _lines)
                NextRow();
        }
    }

    private void NextRow()
    {
        _line = 0;
        _first += _rowStride;
        if (++_row < _rows)
            return;

        _row = 0;
        _channel += _channelStride;
        _first = _channel;
    }
}
