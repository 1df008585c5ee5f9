namespace DeconvService.Api.Tensors;

/// <summary>How much a request may bring; what is over is answered 413 before memory is taken for it.</summary>
public sealed record TensorLimits
{
    /// <summary>Bytes of a request's body. Default 256 MiB.</summary>
    public long RequestBytes { get; init; } = 256L << 20;

    /// <summary>Elements of one tensor. Default 128 Mi.</summary>
    public long TensorElements { get; init; } = 128L << 20;
}
