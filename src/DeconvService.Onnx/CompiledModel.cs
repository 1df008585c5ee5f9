using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx;

/// <summary>
/// A network that is ready for inputs of any shape that it accepts. Thread-safe. The weights are held once, together with the forms
/// that the engine's algorithms packed them into, whatever the number of input shapes.
/// </summary>
/// <remarks>
/// A run goes through three steps: <see cref="Prepare"/> (cached by shape) plans layers and memory, <see cref="PreparedModel.Rent"/>
/// takes the memory, <see cref="ModelRun.Execute"/> computes. Disposing the model while runs are rented is safe: it refuses new ones,
/// and the last run that is given back frees the weights.
/// </remarks>
public sealed class CompiledModel : IDisposable
{
    internal CompiledModel(IReadOnlyList<TensorInfo> inputs, IReadOnlyList<TensorInfo> outputs, long parameters, NetworkGeometry? geometry)
    {
        (Inputs, Outputs, Parameters, Geometry) = (inputs, outputs, parameters, geometry);
    }

    /// <summary>The inputs that have to be given, in the file's order.</summary>
    public IReadOnlyList<TensorInfo> Inputs { get; }

    /// <summary>The outputs, in the file's order.</summary>
    public IReadOnlyList<TensorInfo> Outputs { get; }

    /// <summary>Number of trained floating-point numbers: the elements of the initialisers that some layer uses.</summary>
    public long Parameters { get; }

    /// <summary>How the output picture lies over the input picture; null when the network is not from one picture to one picture.</summary>
    public NetworkGeometry? Geometry { get; }

    /// <summary>Plans the layers and the memory for inputs of these shapes. Plans of recent shapes are kept, so that asking again costs nothing.</summary>
    /// <param name="inputShapes">One shape an input, in the order of <see cref="Inputs"/>.</param>
    /// <param name="accuracy">How exact the convolutions have to be.</param>
    /// <param name="values">Values of inputs by name, for those that <see cref="TensorInfo.DecidesShapes"/>.</param>
    /// <exception cref="OnnxModelException">Inputs of these shapes do not go through the network (<see cref="OnnxModelError.InputShape"/>).</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public PreparedModel Prepare(
        IReadOnlyList<TensorShape> inputShapes,
        Accuracy accuracy = Accuracy.Default,
        IReadOnlyDictionary<string, TensorValue>? values = null) => throw new NotSupportedException("not built yet");

    /// <summary>Prepares, runs once and copies the outputs out: for small tensors and tests.</summary>
    /// <param name="inputs">A value for each of <see cref="Inputs"/>, by name.</param>
    /// <param name="accuracy">How exact the convolutions have to be.</param>
    /// <param name="cancellationToken">Looked at between pieces of work.</param>
    /// <returns>The outputs by name.</returns>
    /// <exception cref="OnnxModelException">An input is missing or unknown, or does not go through the network.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IReadOnlyDictionary<string, TensorValue> Run(
        IReadOnlyDictionary<string, TensorValue> inputs,
        Accuracy accuracy = Accuracy.Default,
        CancellationToken cancellationToken = default) => throw new NotSupportedException("not built yet");

    /// <summary>Refuses new runs, and frees the weights as soon as no run is rented.</summary>
    public void Dispose()
    {
    }
}
