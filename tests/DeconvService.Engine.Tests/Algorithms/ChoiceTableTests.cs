using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Tests.Algorithms;

public sealed class ChoiceTableTests
{
    private static readonly ConvParameters Padded = new() { Padding = 1 };

    [Fact]
    public void Of_EqualShape_IsDecidedOnce()
    {
        var table = new ChoiceTable<int>();
        int asked = 0;
        for (int i = 0; i < 3; i++)
            Assert.Equal(1, table.Of(Shape(Padded, width: 20), WeightUse.Many, (_, _) => ++asked));
    }

    [Fact]
    public void Of_AnythingDifferent_IsDecidedForItself()
    {
        ConvShape[] shapes =
        [
            Shape(Padded, width: 19),
            Shape(Padded, width: 20),
            Shape(Padded with { Stride = 2, Fit = ConvFit.Floor }, width: 19),
            Shape(Padded with { Padding = 2 }, width: 19),
            Shape(Padded with { Padding = 2, Dilation = 2 }, width: 19),
            Shape(Padded with { PaddingMode = PaddingMode.Reflect }, width: 19),
            Shape(Padded with { Accuracy = Accuracy.Fast }, width: 19),
            Shape(Padded with { Kind = ConvKind.Transposed }, width: 19),
        ];
        var table = new ChoiceTable<int>();
        var choices = new HashSet<int>();
        foreach (ConvShape shape in shapes)
        {
            foreach (WeightUse use in Enum.GetValues<WeightUse>())
                Assert.True(choices.Add(table.Of(shape, use, (_, _) => choices.Count)));
        }
    }

    [Fact]
    public void Of_MoreShapesThanPlaces_KeepsThemApart()
    {
        var table = new ChoiceTable<int>();
        for (int turn = 0; turn < 2; turn++)
        {
            for (int width = 20; width < 700; width++)
                Assert.Equal(width, table.Of(Shape(Padded, width), WeightUse.Many, (shape, _) => shape.Input[3]));
        }
    }

    private static ConvShape Shape(ConvParameters parameters, int width) =>
        ConvShape.Create(parameters, new TensorShape(1, 4, 9, width), new TensorShape(4, 4, 3, 3));
}
