using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Tests.Tensors;

public sealed class TensorViewTests
{
    [Fact]
    public void Constructor_MatchingLength_ShowsTheSameMemory()
    {
        float[] data = [1, 2, 3, 4, 5, 6];
        var view = new TensorView(data, new TensorShape(2, 3));
        view.Data[4] = 50;
        ReadOnlyTensorView readOnly = view;
        Assert.Equal(50, data[4]);
        Assert.Equal(50, readOnly.Data[4]);
        Assert.Equal(new TensorShape(2, 3), readOnly.Shape);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(7)]
    public void Constructor_OtherLength_Throws(int length)
    {
        var exception = Assert.Throws<ArgumentException>(() => new TensorView(new float[length], new TensorShape(2, 3)).Shape);
        Assert.Equal($"{length} elements do not make a tensor [2, 3] of 6 elements", exception.Message);
        Assert.Throws<ArgumentException>(() => new ReadOnlyTensorView(new float[length], new TensorShape(2, 3)).Shape);
    }
}
