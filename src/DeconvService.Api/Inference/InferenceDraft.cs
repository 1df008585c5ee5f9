using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;
using DeconvService.Onnx;

namespace DeconvService.Api.Inference;

/// <summary>A request as far as it has been read. Owns the tensors until <see cref="ToRequest"/> hands them over.</summary>
internal sealed class InferenceDraft(CompiledModel network) : IDisposable
{
    private readonly List<DeclaredInput> _inputs = [];
    private readonly List<(int Index, bool? Binary)> _asked = [];

    /// <summary>The client's id.</summary>
    public string? Id { get; set; }

    /// <summary>Whether outputs that say nothing else go as binary data.</summary>
    public bool? BinaryOutputs { get; set; }

    /// <summary>How exact the convolutions have to be.</summary>
    public Accuracy Accuracy { get; set; }

    /// <summary>The inputs so far, in the order of the request, in which binary data follow.</summary>
    public IReadOnlyList<DeclaredInput> Inputs => _inputs;

    /// <summary>Takes an input whose name, datatype and shape are known.</summary>
    /// <exception cref="Errors.ServiceException">It does not fit the network, or was there before.</exception>
    public void Add(DeclaredInput input)
    {
        input.Resolve(network);
        if (_inputs.Any(other => other.Index == input.Index))
            throw InferenceFaults.Invalid($"input '{input.Name}' is given twice");

        _inputs.Add(input);
    }

    /// <summary>Asks for an output.</summary>
    /// <exception cref="Errors.ServiceException">The network has none of this name, or it was asked for before.</exception>
    public void Ask(string name, bool? binary)
    {
        int index = Enumerable.Range(0, network.Outputs.Count).FirstOrDefault(i => network.Outputs[i].Name.Equals(name, StringComparison.Ordinal), -1);
        if (index < 0)
        {
            throw InferenceFaults.Invalid(
                $"the network has no output '{TensorFaults.Shorten(name)}'; its outputs are {string.Join(", ", network.Outputs.Select(output => output.Name))}");
        }

        if (_asked.Any(other => other.Index == index))
            throw InferenceFaults.Invalid($"output '{name}' is asked for twice");

        _asked.Add((index, binary));
    }

    /// <summary>Hands everything over.</summary>
    /// <exception cref="Errors.ServiceException">An input is missing, or an output cannot be written as it is asked for.</exception>
    public InferenceRequest ToRequest()
    {
        string[] missing = [.. network.Inputs.Where((_, i) => !_inputs.Any(input => input.Index == i)).Select(input => $"'{input.Name}'")];
        if (missing.Length > 0)
            throw InferenceFaults.Invalid($"the request has {_inputs.Count} of the network's {network.Inputs.Count} inputs; missing: {string.Join(", ", missing)}");

        IEnumerable<(int Index, bool? Binary)> asked = _asked.Count > 0 ? _asked : Enumerable.Range(0, network.Outputs.Count).Select(i => (i, (bool?)null));
        RequestedOutput[] outputs = [.. asked.Select(output => new RequestedOutput(output.Index, output.Binary ?? BinaryOutputs ?? false))];
        return new InferenceRequest(Id, Accuracy, [.. _inputs.OrderBy(input => input.Index).Select(input => input.Tensor!)], outputs);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DeclaredInput input in _inputs)
            input.Tensor?.Dispose();
    }
}
