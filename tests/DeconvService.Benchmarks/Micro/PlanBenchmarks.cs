using BenchmarkDotNet.Attributes;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Micro;

/// <summary>What a request that brings its own weights pays before the first multiplication, and in all.</summary>
[MemoryDiagnoser]
public class PlanBenchmarks : IDisposable
{
    private ConvolutionEngine _engine = null!;
    private float[] _weight = [];
    private float[] _bias = [];
    private float[] _input = [];
    private float[] _output = [];

    /// <summary>The layers.</summary>
    public static IEnumerable<ConvCase> Layers => BenchmarkLayers.All;

    /// <summary>What is computed.</summary>
    [ParamsSource(nameof(Layers))]
    public ConvCase Layer { get; set; } = null!;

    /// <summary>Makes the numbers.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _engine = new ConvolutionEngine(new EngineOptions { Threads = 1 });
        _weight = RandomTensor.Make(Layer.Weight.Count, seed: 2);
        _bias = RandomTensor.Make(Layer.Shape.OutputChannels, seed: 3);
        _input = Layer.MakeInput();
        _output = new float[Layer.Shape.Output.Count];
    }

    /// <summary>Plans the layer and packs the weights.</summary>
    [Benchmark]
    public long PlanAndPack()
    {
        using var weights = new ConvWeights(_weight, _bias, WeightUse.Once);
        return BenchmarkLayers.Plan(_engine, Layer, weights).PackedBytes;
    }

    /// <summary>All of it, as the service does it.</summary>
    [Benchmark]
    public void PlanPackAndRun()
    {
        using var weights = new ConvWeights(_weight, _bias, WeightUse.Once);
        ConvPlan plan = BenchmarkLayers.Plan(_engine, Layer, weights);
        using Workspace workspace = _engine.RentWorkspace(plan);
        plan.Run(_input, _output, workspace);
    }

    /// <summary>Gives everything back.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _engine.Dispose();
        GC.SuppressFinalize(this);
    }
}
