using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Tests.Convolution;

public sealed class ConvShapeTests
{
    private static readonly ConvParameters Conv = new();
    private static readonly ConvParameters Transposed = new() { Kind = ConvKind.Transposed };

    [Theory]
    [InlineData(55, 75)]
    [InlineData(75, 95)]
    [InlineData(95, 115)]
    public void Create_SeedExample_GrowsByTwenty(int input, int output)
    {
        ConvShape shape = ConvShape.Create(Conv with { Padding = 20 }, [1, 3, input, input], [16, 3, 21, 21], 16);
        Assert.Equal(new TensorShape(1, 16, output, output), shape.Output);
        Assert.Equal($"({input} + 20 + 20 - 21)/1 + 1 = {output}", shape.Axes[0].Formula);
        Assert.Equal(16L * 3 * 21 * 21 * output * output, shape.MultiplyAdds);
        Assert.Equal((16L * 3 * 21 * 21) + 16, shape.ParameterCount);
        Assert.Equal(4L * 16 * output * output, shape.OutputBytes);
        Assert.Equal(["height", "width"], shape.Axes.Select(axis => axis.Name));
    }

    // D, k, stride, padding, dilation, output: values of the PyTorch documentation's formula, worked out by hand.
    [Theory]
    [InlineData(224, 7, 2, 3, 1, 112)]
    [InlineData(28, 3, 2, 1, 1, 14)]
    [InlineData(32, 3, 1, 2, 2, 32)]
    [InlineData(5, 5, 1, 0, 1, 1)]
    [InlineData(3, 7, 1, 2, 1, 1)]
    [InlineData(100, 1, 3, 0, 1, 34)]
    public void Create_ConvolutionFloor_FollowsTheFormula(int input, int kernel, int stride, int padding, int dilation, int output)
    {
        ConvShape shape = ConvShape.Create(
            Conv with { Stride = stride, Padding = padding, Dilation = dilation, Fit = ConvFit.Floor }, [2, 1, input], [4, 1, kernel]);
        Assert.Equal(new TensorShape(2, 4, output), shape.Output);
    }

    // D, k, stride, padding, dilation, output padding, output
    [Theory]
    [InlineData(4, 4, 2, 1, 1, 0, 8)]
    [InlineData(1, 4, 1, 0, 1, 0, 4)]
    [InlineData(128, 9, 3, 4, 1, 2, 384)]
    [InlineData(6, 3, 2, 1, 1, 1, 12)]
    [InlineData(5, 3, 1, 0, 3, 2, 13)]
    [InlineData(16, 64, 32, 16, 1, 0, 512)]
    public void Create_Transposed_FollowsTheFormula(int input, int kernel, int stride, int padding, int dilation, int outputPadding, int output)
    {
        ConvShape shape = ConvShape.Create(
            Transposed with { Stride = stride, Padding = padding, Dilation = dilation, OutputPadding = outputPadding }, [1, 2, input], [2, 3, kernel]);
        Assert.Equal(new TensorShape(1, 3, output), shape.Output);
        int ke = (dilation * (kernel - 1)) + 1;
        Assert.Equal($"({input} - 1)*{stride} + {ke} - {padding} - {padding} + {outputPadding} = {output}", shape.Axes[0].Formula);
        Assert.Equal(2L * 3 * input * kernel, shape.MultiplyAdds);
    }

    [Fact]
    public void Formula_FloorDropsRemainder_SaysFloor()
    {
        ConvAxis axis = ConvShape.Create(Conv with { Stride = 5, Fit = ConvFit.Floor }, [1, 1, 227], [1, 1, 11]).Axes[0];
        Assert.Equal("floor((227 + 0 + 0 - 11)/5) + 1 = 44", axis.Formula);
        Assert.Equal(1, axis.Remainder);
    }

    // ONNX: ceil(D / stride) elements; the odd one of the padding at the end for upper, at the beginning for lower.
    [Theory]
    [InlineData(5, 3, 1, 1, 1, 1, 5)]
    [InlineData(6, 3, 2, 1, 0, 1, 3)]
    [InlineData(7, 4, 3, 1, 1, 2, 3)]
    [InlineData(7, 2, 5, 1, 0, 0, 2)]
    [InlineData(8, 3, 3, 2, 1, 2, 3)]
    public void Create_ConvolutionSame_SplitsThePadding(int input, int kernel, int stride, int dilation, int less, int more, int output)
    {
        ConvParameters parameters = Conv with { Stride = stride, Dilation = dilation, Padding = ConvPadding.SameUpper };
        ConvAxis upper = ConvShape.Create(parameters, [1, 1, input], [1, 1, kernel]).Axes[0];
        Assert.Equal((less, more, output), (upper.PadBegin, upper.PadEnd, upper.Output));
        ConvAxis lower = ConvShape.Create(parameters with { Padding = ConvPadding.SameLower }, [1, 1, input], [1, 1, kernel]).Axes[0];
        Assert.Equal((more, less, output), (lower.PadBegin, lower.PadEnd, lower.Output));
    }

    // Total crop ke - stride; where that is negative the missing cells are output padding.
    [Theory]
    [InlineData(6, 5, 2, 1, 2, 0)]
    [InlineData(6, 4, 2, 1, 1, 0)]
    [InlineData(6, 2, 5, 0, 0, 3)]
    [InlineData(1, 1, 1, 0, 0, 0)]
    public void Create_TransposedSame_GivesStrideTimesInput(int input, int kernel, int stride, int less, int more, int outputPadding)
    {
        ConvParameters parameters = Transposed with { Stride = stride, Padding = ConvPadding.SameUpper };
        ConvAxis upper = ConvShape.Create(parameters, [1, 1, input], [1, 1, kernel]).Axes[0];
        Assert.Equal((less, more, outputPadding, input * stride), (upper.PadBegin, upper.PadEnd, upper.OutputPadding, upper.Output));
        ConvAxis lower = ConvShape.Create(parameters with { Padding = ConvPadding.SameLower, OutputSize = input * stride }, [1, 1, input], [1, 1, kernel]).Axes[0];
        Assert.Equal((more, less, outputPadding, input * stride), (lower.PadBegin, lower.PadEnd, lower.OutputPadding, lower.Output));
    }

    [Theory]
    [InlineData(11, 0)]
    [InlineData(12, 1)]
    [InlineData(13, 2)]
    public void Create_OutputSize_FindsTheOutputPadding(int wanted, int outputPadding)
    {
        ConvAxis axis = ConvShape.Create(Transposed with { Stride = 3, Padding = 1, OutputSize = wanted }, [1, 1, 4], [1, 1, 4]).Axes[0];
        Assert.Equal((outputPadding, wanted), (axis.OutputPadding, axis.Output));
    }

    [Fact]
    public void Create_ThreeAxes_OutermostFirst()
    {
        ConvShape shape = ConvShape.Create(
            Conv with { Stride = (int[])[1, 2, 3], Padding = ConvPadding.Pairs((int[])[0, 1, 2], (int[])[1, 0, 1]) }, [1, 2, 4, 6, 9], [5, 2, 2, 3, 3]);
        Assert.Equal(new TensorShape(1, 5, 4, 3, 4), shape.Output);
        Assert.Equal(["depth", "height", "width"], shape.Axes.Select(axis => axis.Name));
        Assert.Equal([1, 2, 3], shape.Axes.Select(axis => axis.Stride));
    }

    [Fact]
    public void Create_ZeroListsOfTheOtherOperator_Accepted() =>
        Assert.NotNull(ConvShape.Create(Conv with { OutputPadding = (int[])[0, 0] }, [1, 1, 3, 3], [1, 1, 3, 3]));

    [Fact]
    public void Create_GroupsOfTransposed_MultiplyTheOutputChannels() =>
        Assert.Equal(10, ConvShape.Create(Transposed with { Groups = 2 }, [1, 6, 4], [6, 5, 3], 10).OutputChannels);
}
