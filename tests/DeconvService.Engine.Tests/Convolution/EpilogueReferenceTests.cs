using DeconvService.Engine.Convolution;

namespace DeconvService.Engine.Tests.Convolution;

public sealed class EpilogueReferenceTests
{
    [Theory]
    [InlineData(Activation.None, -2, -2)]
    [InlineData(Activation.Relu, -2, 0)]
    [InlineData(Activation.Relu, 3, 3)]
    [InlineData(Activation.LeakyRelu, -2, -0.5)]
    [InlineData(Activation.LeakyRelu, 3, 3)]
    [InlineData(Activation.PRelu, -2, -1)]
    [InlineData(Activation.PRelu, 3, 3)]
    [InlineData(Activation.Clip, -2, 0.25)]
    [InlineData(Activation.Clip, 0.5, 0.5)]
    [InlineData(Activation.Clip, 3, 1)]
    public void Apply_Activation_FollowsItsDefinition(Activation activation, float y, float expected)
    {
        var epilogue = new Epilogue { Activation = activation, Alpha = 0.25f, Beta = 1, Slopes = new float[] { 9, 0.5f } };
        Assert.Equal(expected, EpilogueReference.Apply(epilogue, y, residual: 100, channel: 1));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public void Apply_Residual_BeforeOrAfterTheActivation(bool after, float expected)
    {
        var epilogue = new Epilogue { Activation = Activation.Relu, HasResidual = true, ResidualAfterActivation = after };
        Assert.Equal(expected, EpilogueReference.Apply(epilogue, y: -2, residual: 1, channel: 0));
    }

    [Theory]
    [InlineData(Activation.Relu)]
    [InlineData(Activation.LeakyRelu)]
    [InlineData(Activation.Clip)]
    public void Apply_NaN_StaysNaN(Activation activation) =>
        Assert.Equal(float.NaN, EpilogueReference.Apply(new Epilogue { Activation = activation, Alpha = -1, Beta = 1 }, float.NaN, residual: 0, channel: 0));
}
