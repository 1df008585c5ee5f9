using DeconvService.Engine.Tensors;

namespace DeconvService.Onnx;

/// <summary>A network planned for inputs of fixed shapes. Immutable and thread-safe; holds no memory of its own but small constants.</summary>
public sealed class PreparedModel
{
    internal PreparedModel()
    {
    }

    /// <summary>The shapes that it was planned for, in the order of <see cref="CompiledModel.Inputs"/>.</summary>
    public IReadOnlyList<TensorShape> InputShapes { get; internal init; } = [];

    /// <summary>The shapes of the outputs, in the order of <see cref="CompiledModel.Outputs"/>.</summary>
    public IReadOnlyList<TensorShape> OutputShapes { get; internal init; } = [];

    /// <summary>Bytes that <see cref="Rent"/> will take: all tensors of a run, inputs and outputs included, and the largest workspace.</summary>
    public long MemoryBytes { get; internal init; }

    /// <summary>Multiply-adds of a run, over all layers.</summary>
    public long MultiplyAdds { get; internal init; }

    /// <summary>The layers in the order in which they run.</summary>
    public IReadOnlyList<LayerInfo> Layers { get; internal init; } = [];

    /// <summary>Takes the memory of a run.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    /// <exception cref="OutOfMemoryException">The system has no such memory left.</exception>
    public ModelRun Rent() => throw new NotSupportedException("not built yet");
}

/// <summary>A layer as it will run.</summary>
/// <param name="Name">Name of its (first) node.</param>
/// <param name="Operator">Its operator; what was fused into it follows, as in <c>Conv+LeakyRelu</c>.</param>
/// <param name="Algorithm">The engine's algorithm for convolutions, otherwise null.</param>
/// <param name="InputShape">Shape of its first input.</param>
/// <param name="OutputShape">Shape of its first output.</param>
/// <param name="MultiplyAdds">Multiply-adds; 0 for layers that are not counted in them.</param>
/// <param name="Parameters">Trained numbers.</param>
public sealed record LayerInfo(
    string Name,
    string Operator,
    string? Algorithm,
    TensorShape InputShape,
    TensorShape OutputShape,
    long MultiplyAdds,
    long Parameters);
