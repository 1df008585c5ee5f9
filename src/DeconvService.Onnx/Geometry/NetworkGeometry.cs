namespace DeconvService.Onnx.Geometry;

/// <summary>
/// How the output picture of a network with one image input [N, C, H, W] and one image output [N, F, H', W'] lies over its input,
/// and how far an output pixel looks. Found from the graph by receptive-field analysis; the same for both axes.
/// </summary>
/// <remarks>
/// The picture as a whole is run like this: bring its sizes up to a multiple of <see cref="Multiple"/> at the end, then add
/// <see cref="Border"/> pixels on all four sides (edge replication); the network's output is then exactly <see cref="Scale"/> times the
/// size before the border was added. Run in tiles, each tile takes <see cref="Halo"/> pixels on a side where the picture goes on
/// (at least; see <see cref="Tile"/>) and only the border on a side where the picture ends, so that zero or reflected padding inside
/// the network stands where it stands for the whole picture. What such padding spoils at an inner side lies within the halo and is
/// cropped. The tile's pixels are then those of the whole picture run at once.
/// </remarks>
public sealed record NetworkGeometry
{
    /// <summary>Output pixels per input pixel along an axis, above the line.</summary>
    public required int ScaleNumerator { get; init; }

    /// <summary>Output pixels per input pixel along an axis, below the line; 1 unless the network shrinks the picture.</summary>
    public required int ScaleDenominator { get; init; }

    /// <summary>Output pixels per input pixel along an axis.</summary>
    public double Scale => (double)ScaleNumerator / ScaleDenominator;

    /// <summary>Pixels that the network consumes on each side of its input (valid convolutions); 0 when it keeps the size by padding itself.</summary>
    public required int Border { get; init; }

    /// <summary>Pixels around a tile on which its output depends; at least <see cref="Border"/>, and the difference is a multiple of <see cref="Multiple"/>.</summary>
    public required int Halo { get; init; }

    /// <summary>Sizes and origins of tiles must be multiples of this many input pixels (strides and pooling in the network).</summary>
    public required int Multiple { get; init; }

    /// <summary>Whether some layer pads the picture's borders by itself (zeros, reflection).</summary>
    public required bool PadsItself { get; init; }

    /// <summary>
    /// Whether some value depends on the whole input (global pooling, squeeze-excite, attention over pixels). Such a network cannot be
    /// run in tiles: <see cref="Halo"/> means nothing, <see cref="Border"/> and <see cref="Multiple"/> do.
    /// </summary>
    public required bool NeedsWholeInput { get; init; }

    /// <summary>Multiply-adds for each input pixel, far from the borders.</summary>
    public required double MultiplyAddsPerPixel { get; init; }

    /// <summary>Along one axis: the input that a tile needs and the part of its output to keep.</summary>
    /// <param name="size">Size of the picture along the axis, in pixels.</param>
    /// <param name="begin">First pixel of the tile; a multiple of <see cref="Multiple"/>.</param>
    /// <param name="end">Pixel after the tile's last one; a multiple of <see cref="Multiple"/>, or <paramref name="size"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The tile is empty, outside of the picture, or no multiple.</exception>
    public TileAxis Tile(int size, int begin, int end)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(begin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, size);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(end, begin);
        ArgumentOutOfRangeException.ThrowIfNotEqual(begin % Multiple, 0, nameof(begin));
        if (end != size)
            ArgumentOutOfRangeException.ThrowIfNotEqual(end % Multiple, 0, nameof(end));

        int whole = checked((size + Multiple - 1) / Multiple * Multiple);
        int inputBegin = Math.Max(begin - Halo, -Border);
        int inputEnd = Math.Min((end == size ? whole : end) + Halo, whole + Border);
        return new TileAxis(
            inputBegin,
            inputEnd,
            OutputCrop: ToOutput(begin - (inputBegin + Border)),
            OutputLength: end == size ? ToOutput(end) - ToOutput(begin) : ToOutput(end - begin));
    }

    /// <summary>Output pixels that stand for this many input pixels; rounded up where the network shrinks the picture.</summary>
    /// <exception cref="OverflowException">The result does not fit 32 bits.</exception>
    public int ToOutput(int pixels) => checked((int)((((long)pixels * ScaleNumerator) + ScaleDenominator - 1) / ScaleDenominator));
}

/// <summary>One axis of a tile.</summary>
/// <param name="InputBegin">First pixel of the picture that the network is given; negative pixels replicate the picture's first one.</param>
/// <param name="InputEnd">Pixel after the last one that the network is given; pixels from the picture's size on replicate its last one.</param>
/// <param name="OutputCrop">Output pixels to drop before the tile's own.</param>
/// <param name="OutputLength">Output pixels of the tile; what comes after them is dropped.</param>
public readonly record struct TileAxis(int InputBegin, int InputEnd, int OutputCrop, int OutputLength)
{
    /// <summary>Size of the network's input.</summary>
    public int InputLength => InputEnd - InputBegin;
}
