using DeconvService.Engine.Tensors;
using DeconvService.Onnx;

namespace DeconvService.Api.Inference;

/// <summary>
/// How a network is run on the tensors of a request: whole, or in tiles where it goes from one picture to one picture and the whole would
/// take more memory than a tile may.
/// </summary>
internal sealed class InferencePlan
{
    private readonly CompiledModel _network;
    private readonly PreparedModel _prepared;
    private readonly TiledModel? _tiled;

    /// <summary>Plans.</summary>
    /// <param name="network">The network; leased by the caller.</param>
    /// <param name="request">The tensors.</param>
    /// <param name="tileBytes">What the tiles that run at once may take inside the network.</param>
    /// <exception cref="OnnxModelException">The tensors do not go through the network.</exception>
    public InferencePlan(CompiledModel network, InferenceRequest request, long tileBytes)
    {
        _network = network;
        InputShapes = [.. request.Inputs.Select(input => input.Shape)];
        _tiled = InputShapes.Count == 1 ? TiledModel.TryPlan(network, InputShapes[0], request.Accuracy, tileBytes) : null;
        _prepared = _tiled?.Largest ?? Prepare(request);
        OutputShapes = _tiled is null ? _prepared.OutputShapes : [_tiled.OutputShape];
        Algorithms = string.Join(", ", _prepared.Layers.Select(layer => layer.Algorithm).OfType<string>().Distinct(StringComparer.Ordinal));
    }

    /// <summary>Shapes of the inputs.</summary>
    public IReadOnlyList<TensorShape> InputShapes { get; }

    /// <summary>Shapes of all outputs of the network.</summary>
    public IReadOnlyList<TensorShape> OutputShapes { get; }

    /// <summary>Their types.</summary>
    public IReadOnlyList<ElementType> OutputTypes => _prepared.OutputTypes;

    /// <summary>Bytes that a run takes inside the network.</summary>
    public long MemoryBytes => _tiled?.MemoryBytes ?? _prepared.MemoryBytes;

    /// <summary>Multiply-adds of a run.</summary>
    public long MultiplyAdds => _tiled?.MultiplyAdds ?? _prepared.MultiplyAdds;

    /// <summary>Names of the algorithms that run.</summary>
    public string Algorithms { get; }

    /// <summary>Runs the network.</summary>
    /// <param name="request">The tensors.</param>
    /// <param name="outputs">Receives the outputs that are asked for, to be disposed by the caller, also when the run fails.</param>
    /// <param name="buffers">Where memory comes from.</param>
    /// <param name="cancellationToken">Looked at every few milliseconds.</param>
    public void Run(InferenceRequest request, List<AnsweredOutput> outputs, AlignedBufferPool buffers, CancellationToken cancellationToken)
    {
        if (_tiled is not null)
        {
            foreach (RequestedOutput wanted in request.Outputs)
                _tiled.Execute(request.Inputs[0].Floats, Add(outputs, wanted, buffers).Floats, cancellationToken);

            return;
        }

        using ModelRun run = _prepared.Rent();
        for (int i = 0; i < _network.Inputs.Count; i++)
        {
            if (_network.Inputs[i].DecidesShapes)
                continue;

            if (request.Inputs[i].IsFloating)
                request.Inputs[i].Floats.CopyTo(run.Input(i));
            else
                request.Inputs[i].Integers.CopyTo(run.IntegerInput(i));
        }

        run.Execute(cancellationToken);
        foreach (RequestedOutput wanted in request.Outputs)
        {
            InferenceTensor tensor = Add(outputs, wanted, buffers);
            if (tensor.IsFloating)
                run.Output(wanted.Index).CopyTo(tensor.Floats);
            else
                run.IntegerOutput(wanted.Index).CopyTo(tensor.Integers);
        }
    }

    private PreparedModel Prepare(InferenceRequest request)
    {
        var values = new Dictionary<string, TensorValue>(StringComparer.Ordinal);
        for (int i = 0; i < _network.Inputs.Count; i++)
        {
            if (_network.Inputs[i].DecidesShapes)
                values.Add(_network.Inputs[i].Name, request.Inputs[i].ToValue(_network.Inputs[i].Type));
        }

        return _network.Prepare(InputShapes, request.Accuracy, values);
    }

    private InferenceTensor Add(List<AnsweredOutput> outputs, RequestedOutput wanted, AlignedBufferPool buffers)
    {
        Datatype datatype = Datatype.Of(OutputTypes[wanted.Index])
            ?? throw InferenceFaults.NotImplemented($"output '{_network.Outputs[wanted.Index].Name}' is of a type that this protocol does not carry");
        TensorShape shape = OutputShapes[wanted.Index];
        var tensor = new InferenceTensor(shape, datatype.IsFloating, buffers.Rent(InferenceTensor.LengthOf(shape.Count, datatype.IsFloating)));
        outputs.Add(new AnsweredOutput(_network.Outputs[wanted.Index].Name, datatype, tensor, wanted.Binary));
        return tensor;
    }
}
