using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;
using DeconvService.Api.Tensors;
using DeconvService.Imaging;

namespace DeconvService.Api.Models.Pictures;

/// <summary>Where the tiles of a result are put together.</summary>
internal interface IPictureResult
{
    /// <summary>Takes a tile.</summary>
    /// <param name="x">Its first column.</param>
    /// <param name="y">Its first row.</param>
    /// <param name="width">Its width.</param>
    /// <param name="planes">Its planes <c>[C, height, width]</c>, not clamped.</param>
    void Write(int x, int y, int width, ReadOnlySpan<float> planes);

    /// <summary>Says that all rows above this one are final.</summary>
    void Publish(int rows);
}

/// <summary>A result as 8-bit pixels, which an encoder may read while it grows.</summary>
internal sealed class PixelResult(PixelBuffer pixels) : IPictureResult
{
    /// <inheritdoc/>
    public void Write(int x, int y, int width, ReadOnlySpan<float> planes)
    {
        int stride = planes.Length / pixels.Channels;
        for (int row = 0; row < stride / width; row++)
        {
            Span<byte> target = pixels.Rows(y + row, 1).Slice(x * pixels.Channels, width * pixels.Channels);
            PixelConversion.FromPlanes(planes[(row * width)..], stride, pixels.Channels, target);
        }
    }

    /// <inheritdoc/>
    public void Publish(int rows) => pixels.Publish(rows);
}

/// <summary>A result as a tensor <c>(1, C, H, W)</c>, values clamped to 0..1 as a picture's are.</summary>
internal sealed class TensorResult(Tensor tensor) : IPictureResult
{
    /// <inheritdoc/>
    public void Write(int x, int y, int width, ReadOnlySpan<float> planes)
    {
        int channels = tensor.Shape[1];
        int fullWidth = tensor.Shape[3];
        int plane = tensor.Shape[2] * fullWidth;
        int height = planes.Length / channels / width;
        for (int c = 0; c < channels; c++)
        {
            for (int row = 0; row < height; row++)
            {
                Span<float> target = tensor.Data.Slice((c * plane) + ((y + row) * fullWidth) + x, width);
                TensorPrimitives.Clamp(planes.Slice(((c * height) + row) * width, width), 0f, 1f, target);
            }
        }
    }

    /// <inheritdoc/>
    public void Publish(int rows)
    {
        // Nobody reads a tensor before it is whole.
    }
}
