using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Tests.Tensors;

public sealed class TensorShapeTests
{
    [Theory]
    [InlineData(new int[0], 1)]
    [InlineData(new[] { 5 }, 5)]
    [InlineData(new[] { 1, 3, 55, 55 }, 9075)]
    [InlineData(new[] { 3, 0, 7 }, 0)]
    [InlineData(new[] { int.MaxValue, int.MaxValue }, 4611686014132420609)]
    [InlineData(new[] { int.MaxValue, int.MaxValue, int.MaxValue, 0 }, 0)]
    public void Count_Sizes_IsTheirProduct(int[] sizes, long count) => Assert.Equal(count, new TensorShape(sizes).Count);

    [Fact]
    public void Constructor_NegativeSize_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new TensorShape(2, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TensorShape(0, -1));
    }

    [Fact]
    public void Constructor_Overflow_Throws() => Assert.Throws<OverflowException>(() => new TensorShape(int.MaxValue, int.MaxValue, int.MaxValue));

    [Fact]
    public void Default_IsAScalar()
    {
        TensorShape shape = default;
        Assert.Equal((0, 1L), (shape.Rank, shape.Count));
        Assert.Equal(new TensorShape(), shape);
        Assert.Equal("[]", shape.ToString());
    }

    [Fact]
    public void Constructor_ArrayChangedLater_KeepsItsSizes()
    {
        int[] sizes = [2, 3];
        var shape = new TensorShape(sizes);
        sizes[0] = 9;
        Assert.Equal(2, shape[0]);
    }

    [Fact]
    public void Equals_SameSizes_TrueWithTheSameHash()
    {
        Assert.True(new TensorShape(2, 3) == new TensorShape(2, 3));
        Assert.True(new TensorShape(2, 3) != new TensorShape(3, 2));
        Assert.False(new TensorShape(2, 3).Equals((object)"[2, 3]"));
        Assert.Equal(new TensorShape(2, 3).GetHashCode(), new TensorShape(2, 3).GetHashCode());
    }

    [Fact]
    public void ToString_Sizes_InBrackets() => Assert.Equal("[1, 3, 55, 55]", new TensorShape(1, 3, 55, 55).ToString());

    [Fact]
    public void Index_NoSuchAxis_Throws() => Assert.Throws<IndexOutOfRangeException>(() => new TensorShape(1, 2)[2]);
}
