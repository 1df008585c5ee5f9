using System.Buffers;
using DeconvService.Engine.Tensors;
using DeconvService.Imaging;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Api.Models.Pictures;

/// <summary>Copies the part of a picture that a tile needs into a network's input planes; beyond the picture its border pixels are repeated.</summary>
internal static class TileInput
{
    // ITU-R BT.601, as JPEG has it.
    private const float Red = 0.299f;
    private const float Green = 0.587f;
    private const float Blue = 0.114f;

    /// <summary>Fills planes <c>[C, h, w]</c> with values 0..1.</summary>
    /// <param name="pixels">The picture; the rows that the tile needs are ready.</param>
    /// <param name="tile">Which part.</param>
    /// <param name="source">Which colours of the picture the planes take.</param>
    /// <param name="planes">Receives the values.</param>
    /// <param name="buffers">Where memory comes from.</param>
    public static void Fill(PixelBuffer pixels, Tile tile, PlaneSource source, Span<float> planes, AlignedBufferPool buffers)
    {
        if (pixels.HasAlpha)
            FillVisible(pixels, tile, source, planes, buffers);
        else
            FillOpaque(pixels, tile, source, planes);
    }

    private static void FillVisible(PixelBuffer pixels, Tile tile, PlaneSource source, Span<float> planes, AlignedBufferPool buffers)
    {
        int width = tile.X.InputLength;
        int height = tile.Y.InputLength;
        using var colours = new HiddenColours(pixels, tile.X.InputBegin, tile.Y.InputBegin, width, height, buffers);
        float[] scratch = ArrayPool<float>.Shared.Rent(width * pixels.ColourChannels);
        for (int y = 0; y < height; y++)
        {
            for (int c = 0; c < pixels.ColourChannels; c++)
                colours.Row(c, y).CopyTo(scratch.AsSpan(c * width));

            for (int c = 0; c < source.Planes; c++)
                Take(scratch, width, pixels.ColourChannels, source, c, planes.Slice(((c * height) + y) * width, width));
        }

        ArrayPool<float>.Shared.Return(scratch);
    }

    private static void FillOpaque(PixelBuffer pixels, Tile tile, PlaneSource source, Span<float> planes)
    {
        int width = tile.X.InputLength;
        int height = tile.Y.InputLength;
        int stride = width * height;
        int first = Math.Clamp(tile.X.InputBegin, 0, pixels.Width - 1);
        int last = Math.Clamp(tile.X.InputEnd - 1, 0, pixels.Width - 1);
        int count = last - first + 1;
        int before = Math.Max(first - tile.X.InputBegin, 0);
        float[] scratch = ArrayPool<float>.Shared.Rent(count * pixels.Channels);
        for (int y = 0; y < height; y++)
        {
            int row = Math.Clamp(tile.Y.InputBegin + y, 0, pixels.Height - 1);
            ReadOnlySpan<byte> bytes = pixels.Rows(row, 1).Slice(first * pixels.Channels, count * pixels.Channels);
            PixelConversion.ToPlanes(bytes, pixels.Channels, scratch, count);
            for (int c = 0; c < source.Planes; c++)
            {
                Span<float> target = planes.Slice((c * stride) + (y * width), width);
                Take(scratch, count, pixels.ColourChannels, source, c, target.Slice(before, count));
                target[..before].Fill(target[before]);
                target[(before + count)..].Fill(target[before + count - 1]);
            }
        }

        ArrayPool<float>.Shared.Return(scratch);
    }

    private static void Take(ReadOnlySpan<float> row, int count, int colours, PlaneSource source, int plane, Span<float> target)
    {
        if (source.Luma && colours == 3)
        {
            for (int x = 0; x < count; x++)
                target[x] = (Red * row[x]) + (Green * row[count + x]) + (Blue * row[(2 * count) + x]);
        }
        else
        {
            int colour = Math.Min(source.First + plane, colours - 1);
            row.Slice(colour * count, count).CopyTo(target);
        }
    }
}

/// <summary>Which colours of a picture go into a network's input planes. A grey picture gives its one colour to each plane.</summary>
/// <param name="Planes">Number of planes.</param>
/// <param name="First">Colour of the first plane.</param>
/// <param name="Luma">Whether the one plane is the picture's brightness.</param>
internal readonly record struct PlaneSource(int Planes, int First = 0, bool Luma = false);
