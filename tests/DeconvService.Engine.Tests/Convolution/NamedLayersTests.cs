using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Convolution;

/// <summary>Layers of well-known networks by whatever algorithm the planner chooses.</summary>
public sealed class NamedLayersTests
{
    public static TheoryData<string> Names => [.. NamedLayers.All.Select(layer => layer.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Run_NamedLayer_KeepsTheContract(string name) =>
        AlgorithmContract.Check(NamedLayers.Get(name), (engine, shape, weights, epilogue) => engine.CreatePlan(shape, weights, epilogue));
}
