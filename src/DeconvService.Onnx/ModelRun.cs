namespace DeconvService.Onnx;

/// <summary>
/// The memory of one run of a <see cref="PreparedModel"/>: write the inputs, execute, read the outputs, and again if you like.
/// Used by one thread at a time; give it back with <see cref="Dispose"/>.
/// </summary>
public sealed class ModelRun : IDisposable
{
    internal ModelRun()
    {
    }

    /// <summary>Elements of a floating-point input, row-major, to be written before every <see cref="Execute"/> (which may reuse the memory).</summary>
    /// <param name="index">Place in <see cref="CompiledModel.Inputs"/>.</param>
    /// <exception cref="InvalidOperationException">The input is of an integer type.</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public Span<float> Input(int index) => throw new NotSupportedException("not built yet");

    /// <summary>Elements of an integer or boolean input, row-major, to be written before every <see cref="Execute"/>.</summary>
    /// <param name="index">Place in <see cref="CompiledModel.Inputs"/>.</param>
    /// <exception cref="InvalidOperationException">The input is of a floating type.</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public Span<long> IntegerInput(int index) => throw new NotSupportedException("not built yet");

    /// <summary>Computes the outputs.</summary>
    /// <param name="cancellationToken">Looked at between pieces of work of a few milliseconds.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; the outputs are undefined.</exception>
    /// <exception cref="OnnxModelException">An integer input has a value that the network cannot use (an index out of range).</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public void Execute(CancellationToken cancellationToken = default) => throw new NotSupportedException("not built yet");

    /// <summary>Elements of a floating-point output, row-major, as the last <see cref="Execute"/> left them.</summary>
    /// <param name="index">Place in <see cref="CompiledModel.Outputs"/>.</param>
    /// <exception cref="InvalidOperationException">The output is of an integer type.</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public ReadOnlySpan<float> Output(int index) => throw new NotSupportedException("not built yet");

    /// <summary>Elements of an integer or boolean output, row-major, as the last <see cref="Execute"/> left them.</summary>
    /// <param name="index">Place in <see cref="CompiledModel.Outputs"/>.</param>
    /// <exception cref="InvalidOperationException">The output is of a floating type.</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public ReadOnlySpan<long> IntegerOutput(int index) => throw new NotSupportedException("not built yet");

    /// <summary>Gives the memory back; spans that were handed out must not be used any more.</summary>
    public void Dispose()
    {
    }
}
