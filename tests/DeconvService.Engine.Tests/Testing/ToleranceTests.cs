using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Testing;

public sealed class ToleranceTests
{
    [Fact]
    public void AssertClose_SmallErrorMeasuredByLargestValue_Passes() => Tolerance.AssertClose([1000, 0], [1000, 0.019f]);

    [Fact]
    public void AssertClose_LargeError_NamesTheWorstIndex()
    {
        var exception = Assert.Throws<ToleranceException>(() => Tolerance.AssertClose([1000, 0, 0], [1000.01f, 0.5f, 0.1f]));
        Assert.Contains("index 1: 0.5, expected 0", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void AssertClose_NotFinite_Fails(float value) =>
        Assert.Throws<ToleranceException>(() => Tolerance.AssertClose([1, 2, 3], [1, value, 3]));

    [Fact]
    public void AssertClose_NaNBeforeALargeError_Fails() =>
        Assert.Throws<ToleranceException>(() => Tolerance.AssertClose([1, 2, 3], [float.NaN, 2, 4]));

    [Fact]
    public void AssertClose_ErrorWhereAllIsZero_Fails() =>
        Assert.Throws<ToleranceException>(() => Tolerance.AssertClose([0, 0], [0, 1e-30f]));

    [Fact]
    public void AssertSameBits_NegativeZero_Fails() =>
        Assert.Throws<ToleranceException>(() => Tolerance.AssertSameBits([0f], [-0f]));

    [Fact]
    public void AssertClose_OtherLength_Fails() =>
        Assert.Throws<ToleranceException>(() => Tolerance.AssertClose([0, 0], [0]));
}
