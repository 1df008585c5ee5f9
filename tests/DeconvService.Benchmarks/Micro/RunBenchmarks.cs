using BenchmarkDotNet.Attributes;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Micro;

/// <summary>A planned layer of each algorithm, run again and again: the time, and that it allocates nothing.</summary>
[MemoryDiagnoser]
public class RunBenchmarks : IDisposable
{
    private ConvolutionEngine _engine = null!;
    private ConvWeights _weights = null!;
    private ConvPlan _plan = null!;
    private Workspace _workspace = null!;
    private float[] _input = [];
    private float[] _output = [];

    /// <summary>The layers.</summary>
    public static IEnumerable<ConvCase> Layers => BenchmarkLayers.All;

    /// <summary>What is computed.</summary>
    [ParamsSource(nameof(Layers))]
    public ConvCase Layer { get; set; } = null!;

    /// <summary>Threads of the engine.</summary>
    [Params(1, 2)]
    public int Threads { get; set; }

    /// <summary>Plans the layer and packs its weights.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _engine = new ConvolutionEngine(new EngineOptions { Threads = Threads });
        _weights = Layer.MakeWeights();
        _plan = BenchmarkLayers.Plan(_engine, Layer, _weights);
        _workspace = _engine.RentWorkspace(_plan);
        _input = Layer.MakeInput();
        _output = new float[Layer.Shape.Output.Count];
    }

    /// <summary>Runs the plan.</summary>
    [Benchmark]
    public void Run() => _plan.Run(_input, _output, _workspace);

    /// <summary>Gives everything back.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _workspace.Dispose();
        _weights.Dispose();
        _engine.Dispose();
        GC.SuppressFinalize(this);
    }
}
