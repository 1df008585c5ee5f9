namespace DeconvService.Api.Tensors;

/// <summary>How much a request may bring; what is over is answered 413 before memory is taken for it.</summary>
public sealed record TensorLimits
{
    /// <summary>Elements of one tensor. Default 128 Mi.</summary>
    public long TensorElements { get; init; } = 128L << 20;
}
