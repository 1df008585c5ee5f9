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
    private readonly int _lines;
    private float* _channel;
    private int _line;
    private int _left;

    /// <summary>The piece: <paramref name="floats"/> elements from <paramref name="first"/> on, and the same of the following channels.</summary>
    public ReadAhead(float* first, int floats, int channels, nint channelStride)
    {
        _channel = first;
        _channelStride = channelStride;
        _lines = (floats + LineFloats - 1) / LineFloats;
        _left = _lines * channels;
    }

    /// <summary>Cache lines that are still to be asked for.</summary>
    public readonly int Left => _left;

    /// <summary>Asks for the next lines, which go to the second-level cache. Nothing happens where there is no such instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Advance(int lines)
    {
        if (!Sse.IsSupported)
            return;

        for (int i = Math.Min(lines, _left); i > 0; i--)
        {
            Sse.Prefetch1(_channel + (_line * (nint)LineFloats));
            _left--;
            if (++_line == _lines)
            {
                _line = 0;
                _channel += _channelStride;
            }
        }
    }
}
