using DeconvService.Engine.Tensors;
using DeconvService.Imaging;

namespace DeconvService.Api.Models.Pictures;

/// <summary>
/// The colours of a part of a picture with alpha. What a picture has under fully transparent pixels is arbitrary, often black, and a network
/// would draw it into the edges of what is visible: so visible colours are spread <see cref="Reach"/> pixels into the transparent ones, each step
/// as the mean of the neighbours that have one, and what lies further is black. A pixel's colour depends on nothing beyond that reach, so
/// every tile sees the same.
/// </summary>
internal sealed class HiddenColours : IDisposable
{
    /// <summary>How far visible colours are spread.</summary>
    public const int Reach = 4;

    private readonly AlignedBuffer _buffer;
    private readonly int _width;
    private readonly int _height;
    private readonly int _colours;

    /// <summary>Reads a part of a picture; beyond the picture its border pixels are repeated.</summary>
    /// <param name="pixels">The picture, with alpha; the rows that the part needs, and <see cref="Reach"/> more, are ready.</param>
    /// <param name="x">First column.</param>
    /// <param name="y">First row.</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="buffers">Where memory comes from.</param>
    public HiddenColours(PixelBuffer pixels, int x, int y, int width, int height, AlignedBufferPool buffers)
    {
        (_width, _height, _colours) = (width + (2 * Reach), height + (2 * Reach), pixels.ColourChannels);
        _buffer = buffers.Rent((long)(_colours + 1) * _width * _height);
        Read(pixels, x - Reach, y - Reach);
        for (int step = 1; step <= Reach; step++)
            Spread(step);
    }

    /// <summary>One colour of one row of the part.</summary>
    public ReadOnlySpan<float> Row(int colour, int y) => Plane(colour).Slice(((y + Reach) * _width) + Reach, _width - (2 * Reach));

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();

    // The last plane holds the step at which a pixel got its colour: 0 for visible ones, infinity for those without.
    private Span<float> Plane(int index) => _buffer.Span.Slice(index * _width * _height, _width * _height);

    private void Read(PixelBuffer pixels, int left, int top)
    {
        Span<float> steps = Plane(_colours);
        for (int y = 0; y < _height; y++)
        {
            ReadOnlySpan<byte> row = pixels.Rows(Math.Clamp(top + y, 0, pixels.Height - 1), 1);
            for (int x = 0; x < _width; x++)
            {
                int at = Math.Clamp(left + x, 0, pixels.Width - 1) * pixels.Channels;
                int place = (y * _width) + x;
                bool isVisible = row[at + _colours] > 0;
                steps[place] = isVisible ? 0 : float.PositiveInfinity;
                for (int c = 0; c < _colours; c++)
                    Plane(c)[place] = isVisible ? row[at + c] / 255f : 0;
            }
        }
    }

    private void Spread(int step)
    {
        Span<float> steps = Plane(_colours);
        for (int y = 1; y < _height - 1; y++)
        {
            for (int x = 1; x < _width - 1; x++)
            {
                int place = (y * _width) + x;
                if (float.IsPositiveInfinity(steps[place]))
                    TakeMean(place, step, steps);
            }
        }
    }

    private void TakeMean(int place, int step, Span<float> steps)
    {
        Span<float> sums = stackalloc float[3];
        sums.Clear();
        int count = 0;
        for (int dy = -_width; dy <= _width; dy += _width)
        {
            for (int dx = -1; dx <= 1; dx++)
            {
                int neighbour = place + dy + dx;
                if (steps[neighbour] >= step)
                    continue;

                count++;
                for (int c = 0; c < _colours; c++)
                    sums[c] += Plane(c)[neighbour];
            }
        }

        if (count == 0)
            return;

        steps[place] = step;
        for (int c = 0; c < _colours; c++)
            Plane(c)[place] = sums[c] / count;
    }
}
