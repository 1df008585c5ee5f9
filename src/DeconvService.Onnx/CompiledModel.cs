using System.Collections.Concurrent;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;
using DeconvService.Onnx.Graphs;

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
    // Enough for the tile sizes of a few pictures; a plan is small, but a client that asks for ever new shapes must not fill the memory.
    private const int KeptPlans = 16;

    // From large to small: the larger a tile, the smaller the share of its halo.
    private static readonly int[] TileSizes = [512, 448, 384, 320, 256, 224, 192, 160, 128, 112, 96, 80, 64, 48, 32];

    private readonly Graph _graph;
    private readonly Lock _building = new();
    private readonly Lock _lock = new();
    private readonly LinkedList<(string Key, PreparedModel Model)> _recent = [];
    private readonly Dictionary<Node, ConvWeights> _weights = new(ReferenceEqualityComparer.Instance);
    private readonly ConcurrentDictionary<(int Channels, Accuracy Accuracy, long Bytes), int> _tileSizes = new();
    private int _rented;
    private bool _disposed;

    internal CompiledModel(Graph graph, ConvolutionEngine engine, long parameters, NetworkGeometry? geometry)
    {
        _graph = graph;
        (Engine, Parameters, Geometry) = (engine, parameters, geometry);
        Inputs = [.. graph.Inputs.Select(value => value.Info!)];
        Outputs = [.. graph.Outputs.Select(value => value.Info!)];
    }

    /// <summary>The inputs that have to be given, in the file's order.</summary>
    public IReadOnlyList<TensorInfo> Inputs { get; }

    /// <summary>The outputs, in the file's order.</summary>
    public IReadOnlyList<TensorInfo> Outputs { get; }

    /// <summary>Number of trained floating-point numbers: the elements of the initialisers that some node takes.</summary>
    public long Parameters { get; }

    /// <summary>How the output picture lies over the input picture; null when the network is not from one picture to one picture.</summary>
    public NetworkGeometry? Geometry { get; }

    internal ConvolutionEngine Engine { get; }

    /// <summary>Plans the layers and the memory for inputs of these shapes. Plans of recent shapes are kept, so that asking again costs nothing.</summary>
    /// <param name="inputShapes">One shape an input, in the order of <see cref="Inputs"/>.</param>
    /// <param name="accuracy">How exact the convolutions have to be.</param>
    /// <param name="values">Values of inputs by name, for those that <see cref="TensorInfo.DecidesShapes"/>; others are not looked at.</param>
    /// <exception cref="OnnxModelException">Inputs of these shapes do not go through the network (<see cref="OnnxModelError.InputShape"/>).</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public PreparedModel Prepare(
        IReadOnlyList<TensorShape> inputShapes,
        Accuracy accuracy = Accuracy.Default,
        IReadOnlyDictionary<string, TensorValue>? values = null)
    {
        ArgumentNullException.ThrowIfNull(inputShapes);
        if (inputShapes.Count != Inputs.Count)
            throw new OnnxModelException(OnnxModelError.InputShape, $"the model has {Inputs.Count} inputs, {inputShapes.Count} shapes were given");

        string key = $"{accuracy} {string.Join(' ', inputShapes)}";
        bool keep = !Inputs.Any(input => input.DecidesShapes);
        if (keep && FindRecent(key) is { } known)
            return known;

        // Packing weights takes time, which runs of shapes that are known must not wait for.
        Retain();
        try
        {
            lock (_building)
            {
                if (keep && FindRecent(key) is { } meanwhile)
                    return meanwhile;

                PreparedModel prepared = Build(inputShapes, accuracy, values);
                if (keep)
                    Keep(key, prepared);

                return prepared;
            }
        }
        finally
        {
            Release();
        }
    }

    /// <summary>
    /// The longest side of a tile, without its halo, that takes at most this much memory. Where all take more it is the shortest that is no
    /// shorter than the halo, which costs nine times the work of the whole; below, the work would grow without bounds.
    /// </summary>
    /// <param name="channels">Channels of the input picture.</param>
    /// <param name="accuracy">How exact the convolutions have to be.</param>
    /// <param name="bytes">What a tile may take inside the network.</param>
    /// <exception cref="InvalidOperationException">The network has no <see cref="Geometry"/>.</exception>
    public int TileSize(int channels, Accuracy accuracy, long bytes)
    {
        NetworkGeometry geometry = Geometry ?? throw new InvalidOperationException("the network is not from one picture to one picture");
        (int, Accuracy, long) key = (channels, accuracy, bytes);
        if (_tileSizes.TryGetValue(key, out int known))
            return known;

        int least = Array.FindLast(TileSizes, candidate => candidate >= Math.Min(geometry.Halo, TileSizes[0]));
        int size = Array.Find(TileSizes, candidate => candidate == least || BytesOf(candidate) <= bytes);
        if (_tileSizes.Count < KeptPlans)
            _tileSizes.TryAdd(key, size);

        return size;

        // A network may refuse a size, whatever its layers promise; the tile itself will say so.
        long BytesOf(int candidate)
        {
            int side = (Math.Max(candidate / geometry.Multiple, 1) * geometry.Multiple) + (2 * geometry.Halo);
            try
            {
                return Prepare([new TensorShape(1, channels, side, side)], accuracy).MemoryBytes;
            }
            catch (OnnxModelException)
            {
                return long.MaxValue;
            }
        }
    }

    /// <summary>Prepares, runs once and copies the outputs out: for small tensors and tests.</summary>
    /// <param name="inputs">A value for each of <see cref="Inputs"/>, by name.</param>
    /// <param name="accuracy">How exact the convolutions have to be.</param>
    /// <param name="cancellationToken">Looked at between pieces of work.</param>
    /// <returns>The outputs by name.</returns>
    /// <exception cref="OnnxModelException">An input is missing, or does not go through the network.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IReadOnlyDictionary<string, TensorValue> Run(
        IReadOnlyDictionary<string, TensorValue> inputs,
        Accuracy accuracy = Accuracy.Default,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        TensorValue[] given = [.. Inputs.Select(input => inputs.TryGetValue(input.Name, out TensorValue? value)
            ? value
            : throw new OnnxModelException(OnnxModelError.InputShape, $"input '{input.Name}' is missing"))];
        using ModelRun run = Prepare([.. given.Select(value => value.Shape)], accuracy, inputs).Rent();
        for (int i = 0; i < given.Length; i++)
        {
            if (Inputs[i].DecidesShapes)
                continue;

            if (Inputs[i].Type.IsFloating() != given[i].Type.IsFloating())
                throw new OnnxModelException(OnnxModelError.InputShape, $"input '{Inputs[i].Name}' is of type {given[i].Type}, expected {Inputs[i].Type}");

            if (Inputs[i].Type.IsFloating())
                given[i].FloatArray.CopyTo(run.Input(i));
            else
                given[i].IntegerArray.CopyTo(run.IntegerInput(i));
        }

        run.Execute(cancellationToken);
        var outputs = new Dictionary<string, TensorValue>(StringComparer.Ordinal);
        for (int i = 0; i < Outputs.Count; i++)
            outputs.Add(Outputs[i].Name, run.CopyOutput(i));

        return outputs;
    }

    /// <summary>Refuses new runs, and frees the weights as soon as no run is rented.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _recent.Clear();
            FreeWhenUnused();
        }
    }

    /// <summary>Keeps the weights until <see cref="Release"/>.</summary>
    internal void Retain()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _rented++;
        }
    }

    internal void Release()
    {
        lock (_lock)
        {
            _rented--;
            FreeWhenUnused();
        }
    }

    private void FreeWhenUnused()
    {
        if (!_disposed || _rented > 0)
            return;

        foreach (ConvWeights weights in _weights.Values)
            weights.Dispose();

        _weights.Clear();
    }

    private PreparedModel? FindRecent(string key)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            for (LinkedListNode<(string Key, PreparedModel Model)>? at = _recent.First; at is not null; at = at.Next)
            {
                if (!string.Equals(at.Value.Key, key, StringComparison.Ordinal))
                    continue;

                _recent.Remove(at);
                _recent.AddFirst(at);
                return at.Value.Model;
            }

            return null;
        }
    }

    private void Keep(string key, PreparedModel prepared)
    {
        lock (_lock)
        {
            _recent.AddFirst((key, prepared));
            if (_recent.Count > KeptPlans)
                _recent.RemoveLast();
        }
    }

    private PreparedModel Build(IReadOnlyList<TensorShape> inputShapes, Accuracy accuracy, IReadOnlyDictionary<string, TensorValue>? values)
    {
        try
        {
            NetworkPlan plan = NetworkPlanner.Plan(_graph, inputShapes, values, Engine, accuracy);
            EpilogueFusion.Apply(plan);
            return new PreparedModel(this, plan);
        }
        catch (OnnxModelException e) when (e.Error != OnnxModelError.InputShape)
        {
            throw new OnnxModelException(OnnxModelError.InputShape, e.Message, e.Node, innerException: e);
        }
    }

    // Only while building, which is done by one thread at a time.
    internal ConvWeights WeightsOf(Node node)
    {
        if (!_weights.TryGetValue(node, out ConvWeights? weights))
        {
            TensorValue? bias = node.Inputs.Length > 2 ? node.Inputs[2]?.Constant : null;
            _weights.Add(node, weights = new ConvWeights(node.Inputs[1]!.Constant!.Floats, bias?.Floats ?? default));
        }

        return weights;
    }
}
