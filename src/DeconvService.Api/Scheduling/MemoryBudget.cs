using DeconvService.Api.Limits;

namespace DeconvService.Api.Scheduling;

/// <summary>How <see cref="LimitsOptions.MemoryBytes"/>, the memory of the whole process, is divided.</summary>
/// <remarks>
/// Bodies and work have halves of their own: requests whose bodies are in memory wait for memory to work in, and would wait for ever if
/// further bodies could take it.
/// </remarks>
internal sealed class MemoryBudget(LimitsOptions limits)
{
    // The runtime, code, the image codec, a small network and the buffers of some hundred connections.
    private const long ProcessBytes = 160L << 20;

    /// <summary>Bytes of the whole process.</summary>
    public long TotalBytes { get; } = limits.EffectiveMemoryBytes;

    /// <summary>Bytes of tensors of all kinds; the pool that they are rented from lends no more.</summary>
    public long TensorBytes => Math.Max(TotalBytes / 2, TotalBytes - ProcessBytes);

    /// <summary>Bytes of request bodies and the tensors in them.</summary>
    public long BodyBytes => TensorBytes / 16 * 7; // an eighth is lost where the pool rounds sizes up

    /// <summary>Bytes of workspaces, packed weights, pictures and results.</summary>
    public long WorkBytes => BodyBytes;

    /// <summary>Bytes that are not given back to the system but kept for the next request.</summary>
    public long KeptBytes => Math.Min(256L << 20, TensorBytes / 4);
}
