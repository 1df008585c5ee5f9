using DeconvService.Api.Models.Pictures;
using DeconvService.Imaging;

namespace DeconvService.Api.Tests.Models.Pictures;

public sealed class AlphaPlaneTests
{
    [Fact]
    public void FillRow_ScaleOne_CopiesAlpha()
    {
        using PixelBuffer pixels = Picture(3, 1, 10, 20, 200);
        Assert.Equal([10 / 255f, 20 / 255f, 200 / 255f], Row(pixels, 1, 1, 0, 3));
    }

    [Fact]
    public void FillRow_ScaleTwo_LiesBetweenCentres()
    {
        // Output centres lie a quarter of a pixel to the left and right of the input's.
        using PixelBuffer pixels = Picture(2, 1, 0, 100);
        float[] row = Row(pixels, 2, 1, 0, 4);
        Assert.Equal([0f, 25 / 255f, 75 / 255f, 100 / 255f], row);
        Assert.Equal(row[2..], Row(pixels, 2, 1, 2, 2));
    }

    [Fact]
    public void FillRow_Halved_TakesTheMiddleOfTwo()
    {
        using PixelBuffer pixels = Picture(4, 1, 0, 100, 200, 100);
        Assert.Equal([50 / 255f, 150 / 255f], Row(pixels, 1, 2, 0, 2));
    }

    [Fact]
    public void FillRow_Rows_AreMixedToo()
    {
        using PixelBuffer pixels = Picture(1, 2, 0, 100);
        float[] column = [.. Enumerable.Range(0, 4).Select(y =>
        {
            float[] value = new float[1];
            AlphaPlane.FillRow(pixels, 2, 1, 0, y, value);
            return value[0];
        })];
        Assert.Equal([0f, 25 / 255f, 75 / 255f, 100 / 255f], column);
    }

    [Theory]
    [InlineData(1, 2, 1, 10, 1)]
    [InlineData(2, 2, 1, 10, 2)]
    [InlineData(20, 2, 1, 10, 10)]
    [InlineData(5, 1, 2, 10, 10)]
    [InlineData(1, 1, 1, 1, 1)]
    public void RowsNeeded_IsTheLastRowThatCounts(int end, int numerator, int denominator, int height, int rows) =>
        Assert.Equal(rows, AlphaPlane.RowsNeeded(end, numerator, denominator, height));

    private static float[] Row(PixelBuffer pixels, int numerator, int denominator, int x, int count)
    {
        float[] row = new float[count];
        AlphaPlane.FillRow(pixels, numerator, denominator, x, 0, row);
        return row;
    }

    private static PixelBuffer Picture(int width, int height, params byte[] alpha)
    {
        var pixels = new PixelBuffer(width, height, 2);
        Span<byte> bytes = pixels.Rows(0, height);
        for (int i = 0; i < alpha.Length; i++)
            (bytes[2 * i], bytes[(2 * i) + 1]) = (77, alpha[i]);

        pixels.Publish(height);
        return pixels;
    }
}
