using DeconvService.Engine.Convolution.Algorithms;

namespace DeconvService.Engine.Convolution;

/// <summary>A chosen algorithm with packed weights and a known workspace. Immutable and thread-safe: one plan may run in several threads at once.</summary>
public sealed class ConvPlan
{
    private readonly ConvWeights _weights;

    internal ConvPlan(ConvShape shape, ConvWeights weights, Epilogue epilogue)
    {
        (Shape, _weights, Epilogue) = (shape, weights, epilogue);
    }

    /// <summary>What is computed.</summary>
    public ConvShape Shape { get; }

    /// <summary>What is done to the output on the way out.</summary>
    public Epilogue Epilogue { get; }

    /// <summary>Name of the algorithm, for instance <c>reference</c>; shown to users.</summary>
    public string Algorithm => "reference";

    /// <summary>Bytes that <see cref="Run"/> needs beside its input and output.</summary>
    public long WorkspaceBytes => 0;

    /// <summary>Bytes of the packed weights.</summary>
    public long PackedBytes => 0;

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
        Reference.Run(Shape, input, _weights.Weight.Span, _weights.Bias.Span, output, Epilogue, residual, cancellationToken);
    }
}
