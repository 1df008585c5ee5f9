using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DeconvService.Imaging;

/// <summary>
/// Between interleaved 8-bit pixels <c>[..., C]</c> and float planes with values 0 to 1, a row or any other run of pixels at a
/// time. One byte is one 255th; back, values are clamped and rounded to nearest, half away from zero.
/// </summary>
public static class PixelConversion
{
    private const int Block = 16;

    /// <summary>For each channel count and channel: where the channel's bytes stand in each of the C vectors of 16 pixels.</summary>
    private static readonly Vector128<byte>[] SplitMasks = new Vector128<byte>[5 * 16];

    /// <summary>For each channel count and vector of 16 interleaved bytes: which of a channel's 16 pixels go where.</summary>
    private static readonly Vector128<byte>[] MergeMasks = new Vector128<byte>[5 * 16];

    static PixelConversion()
    {
        Span<byte> split = stackalloc byte[Block];
        Span<byte> merge = stackalloc byte[Block];
        for (var channels = 1; channels <= 4; channels++)
        {
            for (var channel = 0; channel < channels; channel++)
            {
                for (var vector = 0; vector < channels; vector++)
                {
                    for (var lane = 0; lane < Block; lane++)
                    {
                        var from = (lane * channels) + channel;
                        split[lane] = from / Block == vector ? (byte)(from % Block) : (byte)0xFF;
                        var to = (vector * Block) + lane;
                        merge[lane] = to % channels == channel ? (byte)(to / channels) : (byte)0xFF;
                    }

                    SplitMasks[Mask(channels, channel, vector)] = Vector128.Create<byte>(split);
                    MergeMasks[Mask(channels, channel, vector)] = Vector128.Create<byte>(merge);
                }
            }
        }
    }

    /// <summary>Splits interleaved pixels into float planes.</summary>
    /// <param name="pixels">Interleaved pixels <c>[count, channels]</c>.</param>
    /// <param name="channels">1 to 4.</param>
    /// <param name="planes">Receives the values; channel c begins at <c>c * planeStride</c>.</param>
    /// <param name="planeStride">Distance between the planes, at least the number of pixels.</param>
    /// <exception cref="ArgumentException">The planes are too small, or the pixels are not a multiple of the channels.</exception>
    public static void ToPlanes(ReadOnlySpan<byte> pixels, int channels, Span<float> planes, int planeStride)
    {
        var count = Check(pixels.Length, channels, planes.Length, planeStride);
        var x = 0;
        for (; x <= count - Block; x += Block)
            SplitBlock(pixels.Slice(x * channels, Block * channels), channels, planes[x..], planeStride);
        for (; x < count; x++)
        {
            for (var c = 0; c < channels; c++)
                planes[(c * planeStride) + x] = pixels[(x * channels) + c] / 255f;
        }
    }

    /// <summary>Joins float planes into interleaved pixels.</summary>
    /// <param name="planes">Values; channel c begins at <c>c * planeStride</c>. They are clamped to 0..1; NaN becomes 0.</param>
    /// <param name="planeStride">Distance between the planes, at least the number of pixels.</param>
    /// <param name="channels">1 to 4.</param>
    /// <param name="pixels">Receives interleaved pixels <c>[count, channels]</c>.</param>
    /// <exception cref="ArgumentException">The planes are too small, or the pixels are not a multiple of the channels.</exception>
    public static void FromPlanes(ReadOnlySpan<float> planes, int planeStride, int channels, Span<byte> pixels)
    {
        var count = Check(pixels.Length, channels, planes.Length, planeStride);
        var x = 0;
        for (; x <= count - Block; x += Block)
            MergeBlock(planes[x..], planeStride, channels, pixels.Slice(x * channels, Block * channels));
        for (; x < count; x++)
        {
            for (var c = 0; c < channels; c++)
                pixels[(x * channels) + c] = ToByte(planes[(c * planeStride) + x]);
        }
    }

    /// <summary>The 8-bit level of a value: clamped to 0..1, rounded to nearest, half away from zero; NaN is 0.</summary>
    public static byte ToByte(float value)
    {
        var level = MathF.Max(MathF.Min(value * 255f, 255f), 0f);
        var whole = MathF.Truncate(level);
        // Adding a half and truncating would carry 0.49999997 up to 1; the difference here is exact.
        return float.IsNaN(level) ? (byte)0 : (byte)(level - whole >= 0.5f ? whole + 1f : whole);
    }

    /// <summary>Multiplies the colour planes by the alpha plane.</summary>
    /// <param name="planes">Planes of <paramref name="count"/> values, alpha last.</param>
    /// <param name="planeStride">Distance between the planes.</param>
    /// <param name="channels">2 or 4.</param>
    /// <param name="count">Values of each plane.</param>
    public static void Premultiply(Span<float> planes, int planeStride, int channels, int count)
    {
        var alpha = planes.Slice((channels - 1) * planeStride, count);
        for (var c = 0; c < channels - 1; c++)
        {
            var plane = planes.Slice(c * planeStride, count);
            TensorPrimitives.Multiply(plane, alpha, plane);
        }
    }

    private static int Check(int bytes, int channels, int planes, int planeStride)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(channels, 4);
        var count = bytes / channels;
        if (count * channels != bytes)
            throw new ArgumentException($"{bytes} bytes are not a multiple of {channels} channels.", nameof(bytes));
        if (planeStride < count || planes < ((long)(channels - 1) * planeStride) + count)
            throw new ArgumentException($"{planes} values at a stride of {planeStride} do not hold {channels} planes of {count}.", nameof(planes));
        return count;
    }

    private static int Mask(int channels, int channel, int vector) => (channels * 16) + (channel * 4) + vector - 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SplitBlock(ReadOnlySpan<byte> pixels, int channels, Span<float> planes, int planeStride)
    {
        for (var c = 0; c < channels; c++)
        {
            var bytes = Vector128<byte>.Zero;
            for (var v = 0; v < channels; v++)
                bytes |= Vector128.ShuffleNative(Vector128.Create<byte>(pixels.Slice(v * Block, Block)), SplitMasks[Mask(channels, c, v)]);
            var (low, high) = Vector128.Widen(bytes);
            var (a, b) = Vector128.Widen(low);
            var (d, e) = Vector128.Widen(high);
            var plane = planes.Slice(c * planeStride, Block);
            // Divided, not multiplied by 1/255: each of the 256 values is then the nearest float.
            (Vector128.ConvertToSingle(a.AsInt32()) / 255f).CopyTo(plane);
            (Vector128.ConvertToSingle(b.AsInt32()) / 255f).CopyTo(plane[4..]);
            (Vector128.ConvertToSingle(d.AsInt32()) / 255f).CopyTo(plane[8..]);
            (Vector128.ConvertToSingle(e.AsInt32()) / 255f).CopyTo(plane[12..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MergeBlock(ReadOnlySpan<float> planes, int planeStride, int channels, Span<byte> pixels)
    {
        Span<Vector128<byte>> levels = stackalloc Vector128<byte>[4];
        for (var c = 0; c < channels; c++)
        {
            var plane = planes.Slice(c * planeStride, Block);
            var low = Vector128.Narrow(Level(plane), Level(plane[4..]));
            var high = Vector128.Narrow(Level(plane[8..]), Level(plane[12..]));
            levels[c] = Vector128.Narrow(low, high).AsByte();
        }

        for (var v = 0; v < channels; v++)
        {
            var bytes = Vector128<byte>.Zero;
            for (var c = 0; c < channels; c++)
                bytes |= Vector128.ShuffleNative(levels[c], MergeMasks[Mask(channels, c, v)]);
            bytes.CopyTo(pixels[(v * Block)..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Level(ReadOnlySpan<float> values)
    {
        var level = Vector128.Min(Vector128.Create<float>(values) * 255f, Vector128.Create(255f));
        level = Vector128.Max(level, Vector128<float>.Zero);
        var whole = Vector128.Truncate(level);
        var up = Vector128.GreaterThanOrEqual(level - whole, Vector128.Create(0.5f)) & Vector128<float>.One;
        return Vector128.ConvertToInt32(whole + up);
    }
}
