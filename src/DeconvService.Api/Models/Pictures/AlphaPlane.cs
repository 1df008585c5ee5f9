using DeconvService.Imaging;

namespace DeconvService.Api.Models.Pictures;

/// <summary>
/// Scales the transparency of a picture beside its colour, bilinearly with pixel centres at halves: as smooth as the network's output, and
/// without the ringing that a sharper kernel would show as a veil around every edge.
/// </summary>
internal static class AlphaPlane
{
    /// <summary>Fills one row of the result's alpha.</summary>
    /// <param name="pixels">The picture, alpha last.</param>
    /// <param name="numerator">Scale above the line.</param>
    /// <param name="denominator">Scale below the line.</param>
    /// <param name="x">First column of the result.</param>
    /// <param name="y">Row of the result.</param>
    /// <param name="row">Receives the values, 0..1, from column <paramref name="x"/> on.</param>
    public static void FillRow(PixelBuffer pixels, int numerator, int denominator, int x, int y, Span<float> row)
    {
        (int top, int bottom, float down) = TapsOf(y, numerator, denominator, pixels.Height);
        ReadOnlySpan<byte> upper = pixels.Rows(top, 1);
        ReadOnlySpan<byte> lower = pixels.Rows(bottom, 1);
        int channels = pixels.Channels;
        for (int i = 0; i < row.Length; i++)
        {
            (int left, int right, float along) = TapsOf(x + i, numerator, denominator, pixels.Width);
            (left, right) = ((left * channels) + channels - 1, (right * channels) + channels - 1);
            float above = upper[left] + ((upper[right] - upper[left]) * along);
            float below = lower[left] + ((lower[right] - lower[left]) * along);
            row[i] = (above + ((below - above) * down)) / 255f;
        }
    }

    /// <summary>How many rows of the picture, from the top, the rows of the result before <paramref name="end"/> look at.</summary>
    public static int RowsNeeded(int end, int numerator, int denominator, int height) =>
        TapsOf(end - 1, numerator, denominator, height).Second + 1;

    // Both neighbours of an output pixel's centre, and how far it lies from the first towards the second.
    private static (int First, int Second, float Fraction) TapsOf(int output, int numerator, int denominator, int size)
    {
        // (output + 1/2) * denominator / numerator - 1/2, over a common denominator.
        long position = ((((2L * output) + 1) * denominator) - numerator);
        long unit = 2L * numerator;
        long first = Math.DivRem(position + unit, unit, out long rest) - 1;
        return ((int)Math.Clamp(first, 0, size - 1), (int)Math.Clamp(first + 1, 0, size - 1), (float)rest / unit);
    }
}
