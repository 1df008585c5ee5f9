using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;

namespace DeconvService.Onnx;

/// <summary>
/// The memory of one run of a <see cref="PreparedModel"/>: write the inputs, execute, read the outputs, and again if you like.
/// Used by one thread at a time; give it back with <see cref="Dispose"/>. Several runs of one model may go on at once.
/// </summary>
public sealed class ModelRun : IDisposable
{
    private readonly PreparedModel _prepared;
    private AlignedBuffer? _memory;
    private Workspace? _workspace;

    internal ModelRun(PreparedModel prepared)
    {
        _prepared = prepared;
        prepared.Model.Retain();
        try
        {
            _memory = prepared.Model.Engine.Buffers.Rent(prepared.MemoryFloats);
            if (prepared.LargestPlan is { } largest)
                _workspace = prepared.Model.Engine.RentWorkspace(largest);
        }
        catch
        {
            _memory?.Dispose();
            prepared.Model.Release();
            throw;
        }
    }

    /// <summary>What is run.</summary>
    public PreparedModel Prepared => _prepared;

    /// <summary>Elements of a floating-point input, row-major, to be written before every <see cref="Execute"/> (which may reuse the memory).</summary>
    /// <param name="index">Place in <see cref="CompiledModel.Inputs"/>.</param>
    /// <exception cref="InvalidOperationException">The input is of an integer type, or was given when the model was prepared.</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public Span<float> Input(int index) => InputElements<float>(index, floating: true);

    /// <summary>Elements of an integer or boolean input, row-major, to be written before every <see cref="Execute"/>.</summary>
    /// <param name="index">Place in <see cref="CompiledModel.Inputs"/>.</param>
    /// <exception cref="InvalidOperationException">The input is of a floating type, or was given when the model was prepared.</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public Span<long> IntegerInput(int index) => InputElements<long>(index, floating: false);

    /// <summary>Computes the outputs.</summary>
    /// <param name="cancellationToken">Looked at between pieces of work of a few milliseconds.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; the outputs are undefined.</exception>
    /// <exception cref="OnnxModelException">An integer input has a value that the network cannot use (an index out of range).</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public void Execute(CancellationToken cancellationToken = default)
    {
        Span<float> memory = Memory;
        foreach (PreparedModel.BoundStep step in _prepared.Steps)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (step.Convolution is { } convolution)
            {
                int residual = step.Step.Convolution!.Residual;
                convolution.Run(
                    KernelArguments.Elements<float>(step.Inputs[0], memory),
                    KernelArguments.Elements<float>(step.Outputs[0], memory),
                    _workspace!,
                    residual < 0 ? default : KernelArguments.Elements<float>(step.Inputs[residual], memory),
                    cancellationToken);
            }
            else
            {
                step.Step.Kernel!(new KernelArguments(step.Inputs, step.Outputs, memory, _prepared.Model.Engine.Threads, cancellationToken));
            }
        }
    }

    /// <summary>Elements of a floating-point output, row-major, as the last <see cref="Execute"/> left them.</summary>
    /// <param name="index">Place in <see cref="CompiledModel.Outputs"/>.</param>
    /// <exception cref="InvalidOperationException">The output is of an integer type.</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public ReadOnlySpan<float> Output(int index) => OutputElements<float>(index, floating: true);

    /// <summary>Elements of an integer or boolean output, row-major, as the last <see cref="Execute"/> left them.</summary>
    /// <param name="index">Place in <see cref="CompiledModel.Outputs"/>.</param>
    /// <exception cref="InvalidOperationException">The output is of a floating type.</exception>
    /// <exception cref="ObjectDisposedException">The run was given back.</exception>
    public ReadOnlySpan<long> IntegerOutput(int index) => OutputElements<long>(index, floating: false);

    /// <summary>Gives the memory back; spans that were handed out must not be used any more.</summary>
    public void Dispose()
    {
        if (_memory is null)
            return;

        _memory.Dispose();
        _memory = null;
        _workspace?.Dispose();
        _workspace = null;
        _prepared.Model.Release();
    }

    internal TensorValue CopyOutput(int index) => _prepared.OutputTypes[index].IsFloating()
        ? new TensorValue(_prepared.OutputShapes[index], Output(index).ToArray(), _prepared.OutputTypes[index])
        : new TensorValue(_prepared.OutputShapes[index], IntegerOutput(index).ToArray(), _prepared.OutputTypes[index]);

    private Span<float> Memory
    {
        get
        {
            ObjectDisposedException.ThrowIf(_memory is null, this);
            return _memory.Span;
        }
    }

    private Span<T> InputElements<T>(int index, bool floating)
        where T : unmanaged
    {
        Slot slot = _prepared.Inputs[index];
        if (slot.Constant is not null)
            throw new InvalidOperationException("the values of this input were given when the model was prepared");

        return Elements<T>(slot, _prepared.Model.Inputs[index].Type, floating);
    }

    private ReadOnlySpan<T> OutputElements<T>(int index, bool floating)
        where T : unmanaged => Elements<T>(_prepared.Outputs[index], _prepared.OutputTypes[index], floating);

    private Span<T> Elements<T>(Slot slot, ElementType type, bool floating)
        where T : unmanaged => type.IsFloating() == floating
            ? KernelArguments.Elements<T>(slot, Memory)
            : throw new InvalidOperationException($"the tensor is of type {type}");
}
