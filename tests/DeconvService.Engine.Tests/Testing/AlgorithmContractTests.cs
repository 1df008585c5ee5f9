using DeconvService.Engine.Convolution;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Testing;

public sealed class AlgorithmContractTests
{
    [Fact]
    public void Check_RightPlan_NamesItsAlgorithm()
    {
        string? name = AlgorithmContract.Check(ShapeTable.Get("3x3_batch_3"), (engine, shape, weights, epilogue) => engine.CreatePlan(shape, weights, epilogue));
        Assert.False(string.IsNullOrEmpty(name));
    }

    [Fact]
    public void Check_PlanOfOtherWeights_Fails()
    {
        ConvCase layer = ShapeTable.Get("3x3_batch_3");
        using var other = new ConvWeights(RandomTensor.Make(layer.Weight.Count, seed: 77));
        var exception = Assert.Throws<ToleranceException>(
            () => AlgorithmContract.Check(layer, (engine, shape, _, epilogue) => engine.CreatePlan(shape, other, epilogue)));
        Assert.Contains("3x3_batch_3 by", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_PlanDeclined_Null() => Assert.Null(AlgorithmContract.Check(ShapeTable.Get("3x3_batch_3"), (_, _, _, _) => null));

    [Fact]
    public void NamedLayers_All_HaveValidShapesAndTheirOwnNames()
    {
        Assert.Equal(24, NamedLayers.All.Count);
        Assert.Equal(24, NamedLayers.All.Select(layer => layer.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal("[1, 3, 284, 284]", NamedLayers.Get("w2x_deconv").Shape.Output.ToString());
        Assert.Equal("[1, 1, 384, 384]", NamedLayers.Get("fsrcnn_x3").Shape.Output.ToString());
        Assert.All(NamedLayers.All, layer => Assert.True(layer.Shape.MultiplyAdds > 0));
    }

    [Fact]
    public void RandomCases_ManySeeds_AllValid()
    {
        Assert.All(RandomCases.Make(seed: 1, count: 1000), layer => Assert.True(layer.Shape.Output.Count > 0));
        Assert.Equal(ShapeTable.All.Count, ShapeTable.All.Select(layer => layer.Name).Distinct(StringComparer.Ordinal).Count());
    }
}
