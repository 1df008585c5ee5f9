using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Images;

/// <summary>
/// One axis of a filtered picture, cut into tiles. A tile's input is taken from the picture as if it went on beyond its borders
/// (<see cref="PaddingMode"/>), so every tile is a small convolution of its own without padding, or a transposed one with a crop.
/// </summary>
/// <param name="axis">The axis of the whole picture.</param>
/// <param name="kind">Convolution or transposed.</param>
/// <param name="size">Output elements of a tile; the last one may be smaller. Transposed: a multiple of the stride.</param>
internal sealed class ImageTiles(ConvAxis axis, ConvKind kind, int size)
{
    /// <summary>The axis of the whole picture.</summary>
    public ConvAxis Axis => axis;

    /// <summary>Number of tiles.</summary>
    public int Count { get; } = (axis.Output + size - 1) / size;

    /// <summary>The tile of an index.</summary>
    public ImageTile this[int index]
    {
        get
        {
            int first = index * size, count = Math.Min(size, axis.Output - first);
            if (kind == ConvKind.Convolution)
                return new ImageTile(first, count, (first * axis.Stride) - axis.PadBegin, ((count - 1) * axis.Stride) + axis.EffectiveKernel, 0, 0, 0);

            // Output f of the uncropped axis hangs on the inputs i with f - ke < i * stride <= f.
            int from = first + axis.PadBegin, last = from + count - 1;
            int inputLast = FloorDivide(last, axis.Stride);
            int inputFirst = Math.Min(FloorDivide(from - axis.EffectiveKernel, axis.Stride) + 1, inputLast);
            int inputCount = inputLast - inputFirst + 1;
            int cropBegin = from - (inputFirst * axis.Stride);
            int cropEnd = ((inputCount - 1) * axis.Stride) + axis.EffectiveKernel - cropBegin - count;
            return new ImageTile(first, count, inputFirst, inputCount, cropBegin, Math.Max(cropEnd, 0), Math.Max(-cropEnd, 0));
        }
    }

    /// <summary>The picture's row or column that stands at a place that may be outside of it; -1 for zero.</summary>
    public static int Source(int position, int size, PaddingMode mode)
    {
        if (position >= 0 && position < size)
            return position;

        return mode switch
        {
            PaddingMode.Replicate => position < 0 ? 0 : size - 1,
            PaddingMode.Circular => ((position % size) + size) % size,
            PaddingMode.Reflect => Mirror(position, size),
            _ => -1,
        };
    }

    // Beyond the first mirror image (padding is less than the size, but a tile's overhang may not be) it goes back and forth.
    private static int Mirror(int position, int size)
    {
        if (size == 1)
            return 0;

        int period = 2 * (size - 1);
        int inside = ((position % period) + period) % period;
        return inside < size ? inside : period - inside;
    }

    private static int FloorDivide(int a, int b) => (a / b) - (a % b < 0 ? 1 : 0);
}

/// <summary>A tile's extent on one axis.</summary>
/// <param name="First">The first output element.</param>
/// <param name="Count">Output elements.</param>
/// <param name="InputFirst">The first input element; may be outside of the picture.</param>
/// <param name="InputCount">Input elements.</param>
/// <param name="CropBegin">Transposed: elements cropped before the tile's output.</param>
/// <param name="CropEnd">Transposed: elements cropped after it.</param>
/// <param name="OutputPadding">Transposed: elements after it that no input reaches.</param>
internal readonly record struct ImageTile(
    int First, int Count, int InputFirst, int InputCount, int CropBegin, int CropEnd, int OutputPadding);
