using DeconvService.Engine.Tensors;
using DeconvService.Onnx;

namespace DeconvService.Api.Inference;

/// <summary>An input as a request declares it, checked against the network step by step as its members come.</summary>
/// <param name="Path">Its place in the request, for messages.</param>
internal sealed record DeclaredInput(string Path)
{
    /// <summary>The name, or null.</summary>
    public string? Name { get; set; }

    /// <summary>The datatype, or null.</summary>
    public Datatype? Datatype { get; set; }

    /// <summary>The sizes, or null.</summary>
    public TensorShape? Shape { get; set; }

    /// <summary>How many bytes of binary data it has, or null when its data are JSON.</summary>
    public long? BinaryBytes { get; set; }

    /// <summary>Which input of the network it is.</summary>
    public int Index { get; private set; }

    /// <summary>What the network wants there.</summary>
    public TensorInfo Info { get; private set; } = null!;

    /// <summary>The elements, once they were read.</summary>
    public InferenceTensor? Tensor { get; set; }

    /// <summary>Whether the elements are kept as float32, otherwise as int64.</summary>
    public bool IsFloating => Info.Type.IsFloating();

    /// <summary>Finds the network's input and checks type and sizes against it.</summary>
    /// <exception cref="Errors.ServiceException">Something is missing or does not fit.</exception>
    public void Resolve(CompiledModel network)
    {
        if (Name is null)
            throw InferenceFaults.Invalid($"{Path}.name is missing");

        if (Datatype is null)
            throw InferenceFaults.Invalid($"{Path}.datatype is missing (input '{Name}')");

        if (Shape is not { } shape)
            throw InferenceFaults.Invalid($"{Path}.shape is missing (input '{Name}')");

        Index = -1;
        for (int i = 0; i < network.Inputs.Count; i++)
        {
            if (network.Inputs[i].Name.Equals(Name, StringComparison.Ordinal))
                (Index, Info) = (i, network.Inputs[i]);
        }

        if (Index < 0)
            throw InferenceFaults.Invalid($"the network has no input '{Name}'; its inputs are {string.Join(", ", network.Inputs.Select(input => input.Name))}");

        if (Datatype.IsFloating && !IsFloating)
        {
            throw InferenceFaults.Invalid(
                $"input '{Name}' is {Models.TensorMetadata.DatatypeOf(Info.Type)}, which {Datatype.Name} cannot be converted to");
        }

        if (Info.Dimensions is { } axes && (axes.Count != shape.Rank || Enumerable.Range(0, axes.Count).Any(i => axes[i].Size >= 0 && axes[i].Size != shape[i])))
        {
            throw InferenceFaults.Invalid(
                $"unexpected shape for input '{Name}': expected [{string.Join(",", axes.Select(axis => axis.Size))}], got [{string.Join(",", shape.Sizes.ToArray())}]");
        }
    }
}
