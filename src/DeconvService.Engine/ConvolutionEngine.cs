using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine;

/// <summary>
/// The convolution engine that a host holds as a singleton: memory, threads and the planner. Thread-safe.
/// </summary>
public sealed class ConvolutionEngine : IDisposable
{
    /// <summary>Makes an engine with memory and threads of its own.</summary>
    public ConvolutionEngine(EngineOptions? options = null)
    {
        Options = options ?? new EngineOptions();
        Buffers = new AlignedBufferPool(Options.MaximumKeptBytes);
    }

    /// <summary>The options it was made with.</summary>
    public EngineOptions Options { get; }

    /// <summary>Memory for tensors.</summary>
    public AlignedBufferPool Buffers { get; }

    /// <summary>The threads that plans, and other operators of a network, run on.</summary>
    public EngineThreads Threads { get; } = new();

    /// <summary>Chooses an algorithm and packs the weights for it (unless these weights were packed for it before).</summary>
    /// <exception cref="ArgumentException">The lengths of weight, bias or slopes do not fit the shape.</exception>
    public ConvPlan CreatePlan(ConvShape shape, ConvWeights weights, Epilogue? epilogue = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(weights);
        return new ConvPlan(shape, weights, epilogue ?? Epilogue.None);
    }

    /// <summary>Lends memory to run <paramref name="plan"/> in.</summary>
    public Workspace RentWorkspace(ConvPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return new Workspace(Buffers.Rent((plan.WorkspaceBytes + sizeof(float) - 1) / sizeof(float)));
    }

    /// <summary>Ends the threads and frees the memory.</summary>
    public void Dispose() => Buffers.Dispose();
}
