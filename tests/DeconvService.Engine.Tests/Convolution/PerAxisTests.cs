using DeconvService.Engine.Convolution;

namespace DeconvService.Engine.Tests.Convolution;

public sealed class PerAxisTests
{
    [Fact]
    public void One_StandsForAllAxes()
    {
        PerAxis all = 3;
        Assert.True(all.IsUniform);
        Assert.Equal((1, 3, 3, "3"), (all.Count, all[0], all[2], all.ToString()));
    }

    [Fact]
    public void List_HasOneEach()
    {
        PerAxis list = (int[])[2, 1];
        Assert.False(list.IsUniform);
        Assert.Equal((2, 2, 1, "[2, 1]"), (list.Count, list[0], list[1], list.ToString()));
        Assert.Throws<IndexOutOfRangeException>(() => list[2]);
    }

    [Fact]
    public void Equals_FormAndNumbers_Compared()
    {
        Assert.True(new PerAxis([2, 1]) == new PerAxis([2, 1]));
        Assert.Equal(new PerAxis([2, 1]).GetHashCode(), new PerAxis([2, 1]).GetHashCode());
        Assert.True(new PerAxis([2, 2]) != 2);
        Assert.False(new PerAxis(2).Equals((object)2));
        Assert.True(default(PerAxis) == 0);
    }
}
