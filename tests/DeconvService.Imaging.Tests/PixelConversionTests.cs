namespace DeconvService.Imaging.Tests;

public sealed class PixelConversionTests
{
    public static TheoryData<int, int> ChannelsAndCounts()
    {
        var data = new TheoryData<int, int>();
        for (var channels = 1; channels <= 4; channels++)
        {
            foreach (var count in (int[])[0, 1, 2, 15, 16, 17, 31, 32, 33, 48, 100])
                data.Add(channels, count);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(ChannelsAndCounts))]
    public void ToPlanes_EveryRemainder_SplitsAndDividesBy255(int channels, int count)
    {
        var pixels = new byte[count * channels];
        new Random(1).NextBytes(pixels);
        var planes = new float[(channels * (count + 3)) + 1];
        planes.AsSpan().Fill(-7);
        PixelConversion.ToPlanes(pixels, channels, planes, count + 3);
        for (var c = 0; c < channels; c++)
        {
            for (var x = 0; x < count; x++)
                Assert.Equal(pixels[(x * channels) + c] / 255f, planes[(c * (count + 3)) + x]);
            for (var x = count; x < count + 3; x++)
                Assert.Equal(-7, planes[(c * (count + 3)) + x]);
        }
    }

    [Theory]
    [MemberData(nameof(ChannelsAndCounts))]
    public void FromPlanes_EveryRemainder_RoundsClampsAndMerges(int channels, int count)
    {
        var random = new Random(2);
        var planes = new float[channels * (count + 5)];
        for (var i = 0; i < planes.Length; i++)
            planes[i] = (float)((random.NextDouble() * 1.4) - 0.2);
        var pixels = new byte[count * channels];
        PixelConversion.FromPlanes(planes, count + 5, channels, pixels);
        for (var x = 0; x < count; x++)
        {
            for (var c = 0; c < channels; c++)
            {
                var exact = Math.Clamp(planes[(c * (count + 5)) + x], 0f, 1f) * 255f;
                Assert.Equal((byte)Math.Round((double)exact, MidpointRounding.AwayFromZero), pixels[(x * channels) + c]);
            }
        }
    }

    [Fact]
    public void FromPlanes_AfterToPlanes_IsTheIdentity()
    {
        var all = Enumerable.Range(0, 256).Select(level => (byte)level).ToArray();
        var planes = new float[256];
        PixelConversion.ToPlanes(all, 1, planes, 256);
        var back = new byte[256];
        PixelConversion.FromPlanes(planes, 256, 1, back);
        Assert.Equal(all, back);
    }

    /// <summary>Halves of a level are exact floats in [0, 255] / 255 only rarely, so these are built from the level's side.</summary>
    [Theory]
    [InlineData(0.5f, 1)]
    [InlineData(1.5f, 2)]
    [InlineData(2.5f, 3)]
    [InlineData(0.49999997f, 0)]
    [InlineData(254.5f, 255)]
    [InlineData(254.49998f, 254)]
    [InlineData(300f, 255)]
    [InlineData(-0.75f, 0)]
    [InlineData(float.NaN, 0)]
    [InlineData(float.PositiveInfinity, 255)]
    [InlineData(float.NegativeInfinity, 0)]
    public void FromPlanes_HalfwayLevels_RoundAwayFromZero(float level, byte expected)
    {
        // The neighbours of level / 255 whose product with 255 is the level itself.
        var value = level / 255f;
        foreach (var candidate in (float[])[value, MathF.BitIncrement(value), MathF.BitDecrement(value)])
        {
            if (candidate * 255f != level && !float.IsNaN(level))
                continue;
            var pixels = new byte[17];
            PixelConversion.FromPlanes(Enumerable.Repeat(candidate, 17).ToArray(), 17, 1, pixels);
            Assert.Equal(Enumerable.Repeat(expected, 17), pixels);
            Assert.Equal(expected, PixelConversion.ToByte(candidate));
        }
    }

    [Fact]
    public void Premultiply_MultipliesColourOnly()
    {
        float[] planes = [1, 0.5f, 0.25f, 0.8f, 0.5f, 0];
        PixelConversion.Premultiply(planes, 3, 2, 3);
        Assert.Equal([0.8f, 0.25f, 0, 0.8f, 0.5f, 0], planes);
    }

    [Fact]
    public void ToPlanes_PlanesTooSmall_Throws()
    {
        Assert.Throws<ArgumentException>(() => PixelConversion.ToPlanes(new byte[12], 3, new float[11], 4));
        Assert.Throws<ArgumentException>(() => PixelConversion.ToPlanes(new byte[12], 3, new float[12], 3));
        Assert.Throws<ArgumentException>(() => PixelConversion.ToPlanes(new byte[11], 3, new float[12], 4));
    }
}
