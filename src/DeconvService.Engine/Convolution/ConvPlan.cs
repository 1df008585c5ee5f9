using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution;

/// <summary>A chosen algorithm with packed weights and a known workspace. Immutable and thread-safe: one plan may run in several threads at once.</summary>
public sealed unsafe class ConvPlan
{
    private readonly PlannedAlgorithm _algorithm;
    private readonly EngineThreads _threads;

    internal ConvPlan(ConvRequest request, PlannedAlgorithm algorithm, EngineThreads threads)
    {
        (Shape, Epilogue) = (request.Shape, request.Output.Epilogue);
        (_algorithm, _threads) = (algorithm, threads);
    }

    /// <summary>What is computed.</summary>
    public ConvShape Shape { get; }

    /// <summary>What is done to the output on the way out.</summary>
    public Epilogue Epilogue { get; }

    /// <summary>Name of the algorithm, for instance <c>winograd-f4</c>; shown to users.</summary>
    public string Algorithm => _algorithm.Name;

    /// <summary>Bytes that <see cref="Run"/> needs beside its input and output.</summary>
    public long WorkspaceBytes => _algorithm.WorkspaceBytes;

    /// <summary>Bytes of the packed weights.</summary>
    public long PackedBytes => _algorithm.PackedBytes;

    /// <summary>Computes the layer. Allocates nothing on the managed heap.</summary>
    /// <param name="input">Elements of <see cref="ConvShape.Input"/>, row-major.</param>
    /// <param name="output">Receives the elements of <see cref="ConvShape.Output"/>, row-major; must not overlap the input.</param>
    /// <param name="workspace">At least <see cref="WorkspaceBytes"/>; used by one run at a time.</param>
    /// <param name="residual">Elements of the output's shape, when <see cref="Epilogue.HasResidual"/>; may be the output itself.</param>
    /// <param name="cancellationToken">Looked at between work items.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape, or the workspace is too small.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public void Run(
        ReadOnlySpan<float> input,
        Span<float> output,
        Workspace workspace,
        ReadOnlySpan<float> residual = default,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ThrowUnlessLength(input.Length, Shape.Input.Count, nameof(input));
        ThrowUnlessLength(output.Length, Shape.Output.Count, nameof(output));
        if (Epilogue.HasResidual)
            ThrowUnlessLength(residual.Length, Shape.Output.Count, nameof(residual));

        if (workspace.Bytes < WorkspaceBytes)
            throw new ArgumentException($"The workspace has {workspace.Bytes} bytes, {WorkspaceBytes} are needed", nameof(workspace));

        cancellationToken.ThrowIfCancellationRequested();
        if (output.IsEmpty)
            return;

        fixed (float* inputPointer = input, outputPointer = output, residualPointer = residual)
        {
            _algorithm.Run(new ConvArguments
            {
                Input = inputPointer,
                Output = outputPointer,
                Residual = Epilogue.HasResidual ? residualPointer : null,
                Workspace = workspace.Pointer,
                Threads = _threads,
                Cancellation = cancellationToken,
            });
        }
    }

    private static void ThrowUnlessLength(int length, long expected, string name)
    {
        if (length != expected)
            throw new ArgumentException($"{name} has {length} elements, {expected} are expected", name);
    }
}
