using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine;

/// <summary>
/// The convolution engine that a host holds as a singleton: memory, threads and the planner. Thread-safe.
/// </summary>
public sealed class ConvolutionEngine : IDisposable
{
    /// <summary>Makes an engine with memory and threads of its own.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number of threads is negative, or the machine has no such vectors.</exception>
    public ConvolutionEngine(EngineOptions? options = null)
    {
        Options = options ?? new EngineOptions();
        Level = Options.SimdLevel ?? SimdLevels.Best;
        if (Level > SimdLevels.Best)
            throw new ArgumentOutOfRangeException(nameof(options), Level, $"This machine has no vectors wider than {SimdLevels.Best}.");

        Buffers = new AlignedBufferPool(Options.MaximumKeptBytes);
        Threads = new EngineThreads(Options.Threads);
    }

    /// <summary>The options it was made with.</summary>
    public EngineOptions Options { get; }

    /// <summary>The vectors that it computes with.</summary>
    public SimdLevel Level { get; }

    /// <summary>Memory for tensors.</summary>
    public AlignedBufferPool Buffers { get; }

    /// <summary>The threads that plans, and other operators of a network, run on.</summary>
    public EngineThreads Threads { get; }

    /// <summary>Chooses an algorithm and packs the weights for it (unless these weights were packed for it before).</summary>
    /// <exception cref="ArgumentException">The lengths of weight, bias or slopes do not fit the shape.</exception>
    public ConvPlan CreatePlan(ConvShape shape, ConvWeights weights, Epilogue? epilogue = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Weight.Length != shape.Weight.Count)
            throw new ArgumentException($"{weights.Weight.Length} weights do not make a tensor {shape.Weight}", nameof(weights));

        var output = new OutputStage(epilogue ?? Epilogue.None, shape.OutputChannels, weights.Bias);
        var request = new ConvRequest(shape, weights, output, Buffers, Threads.Count);
        return new ConvPlan(request, ConvPlanner.Plan(request, Level), Threads);
    }

    /// <summary>Lends memory to run <paramref name="plan"/> in.</summary>
    public Workspace RentWorkspace(ConvPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return new Workspace(Buffers.Rent((plan.WorkspaceBytes + sizeof(float) - 1) / sizeof(float)));
    }

    /// <summary>Compiles what common layers use, by running a few small ones; a host calls it before it reports ready.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void WarmUp(CancellationToken cancellationToken = default) => Convolution.WarmUp.Run(this, cancellationToken);

    /// <summary>Ends the threads and frees the memory.</summary>
    public void Dispose()
    {
        Threads.Dispose();
        Buffers.Dispose();
    }
}
