using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Tests.Geometry;

public sealed class TilePlanTests
{
    [Theory]
    [InlineData(100, 100, 1, new[] { 0, 100 })]
    [InlineData(101, 100, 1, new[] { 0, 51, 101 })]
    [InlineData(300, 100, 1, new[] { 0, 100, 200, 300 })]
    [InlineData(1, 100, 1, new[] { 0, 1 })]
    [InlineData(101, 100, 8, new[] { 0, 56, 101 })]
    [InlineData(7, 4, 8, new[] { 0, 7 })] // a tile is never smaller than the multiple
    [InlineData(17, 4, 8, new[] { 0, 8, 16, 17 })]
    [InlineData(int.MaxValue, int.MaxValue, 1, new[] { 0, int.MaxValue })]
    public void Cut_SpreadsEvenlyAtMultiples(int size, int tileSize, int multiple, int[] cuts) =>
        Assert.Equal(cuts, TilePlan.Cut(size, tileSize, multiple));

    [Fact]
    public void Cut_AnySize_CoversItWithoutGapsAndTooLongTiles()
    {
        for (int multiple = 1; multiple <= 4; multiple++)
        {
            for (int size = 1; size < 70; size++)
            {
                for (int tileSize = 1; tileSize < 40; tileSize += 3)
                {
                    int[] cuts = TilePlan.Cut(size, tileSize, multiple);
                    Assert.Equal(0, cuts[0]);
                    Assert.Equal(size, cuts[^1]);
                    for (int i = 1; i < cuts.Length; i++)
                    {
                        Assert.InRange(cuts[i] - cuts[i - 1], 1, Math.Max(tileSize, multiple));
                        Assert.True(i == cuts.Length - 1 || cuts[i] % multiple == 0);
                    }
                }
            }
        }
    }

    [Fact]
    public void Tiles_CoverTheResultOnce()
    {
        foreach (bool wholeOnly in (bool[])[false, true])
        {
            var geometry = new NetworkGeometry
            {
                ScaleNumerator = 3,
                ScaleDenominator = 2,
                Border = 2,
                Halo = 6,
                Multiple = 2,
                PadsItself = false,
                NeedsWholeInput = wholeOnly,
                MultiplyAddsPerPixel = 1,
            };
            var plan = new TilePlan(geometry, width: 37, height: 24, tileSize: 10);
            var covered = new int[geometry.ToOutput(24), geometry.ToOutput(37)];
            for (int row = 0; row < plan.Rows; row++)
            {
                for (int column = 0; column < plan.Columns; column++)
                {
                    Tile tile = plan[column, row];
                    for (int y = 0; y < tile.Y.OutputLength; y++)
                    {
                        for (int x = 0; x < tile.X.OutputLength; x++)
                            covered[tile.OutputY + y, tile.OutputX + x]++;
                    }
                }
            }

            Assert.All(covered.Cast<int>(), count => Assert.Equal(1, count));
            Assert.Equal(wholeOnly ? 1 : 12, plan.Count);
        }
    }
}
