namespace DeconvService.Onnx;

/// <summary>What a model file may hold at the most. A file over a limit is refused before the memory is taken.</summary>
/// <remarks>Nesting needs no number: sub-graphs are not read, and what is read of the schema is seven messages deep.</remarks>
public sealed record OnnxLimits
{
    /// <summary>Bytes of the whole file.</summary>
    public long FileBytes { get; init; } = 512L << 20;

    /// <summary>Nodes of the graph.</summary>
    public int Nodes { get; init; } = 20_000;

    /// <summary>Initialisers and tensors in attributes.</summary>
    public int Tensors { get; init; } = 40_000;

    /// <summary>Protobuf messages of any kind; bounds what many tiny messages cost in memory.</summary>
    public int Messages { get; init; } = 500_000;

    /// <summary>Axes of a tensor.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>Elements of integer tensors together: they take 8 bytes each in memory and as little as one in the file.</summary>
    public int IntegerElements { get; init; } = 8 << 20;

    /// <summary>Characters of a name.</summary>
    public int NameLength { get; init; } = 1024;
}
