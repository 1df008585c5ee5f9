using System.ComponentModel.DataAnnotations;

namespace DeconvService.Api.Limits;

/// <summary>What one request may ask of the service: the section <c>Limits</c> of the configuration.</summary>
public sealed class LimitsOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Limits";

    // 2 GiB of float32, the most that one span of bytes can show.
    private const long MaximumElements = 536_870_911;

    /// <summary>Bytes of a request's body. 1 KiB to 16 GiB, default 256 MiB.</summary>
    [Range(1024L, 16L << 30, ErrorMessage = "{0} must be {1} to {2} bytes.")]
    public long RequestBytes { get; init; } = 256L << 20;

    /// <summary>Elements of one tensor of a request. 1 to 536,870,911, default 128 Mi (512 MiB of float32).</summary>
    [Range(1L, MaximumElements, ErrorMessage = "{0} must be {1} to {2} elements.")]
    public long TensorElements { get; init; } = 128L << 20;

    /// <summary>Elements of a result. 1 to 536,870,911, default 128 Mi.</summary>
    [Range(1L, MaximumElements, ErrorMessage = "{0} must be {1} to {2} elements.")]
    public long OutputElements { get; init; } = 128L << 20;

    /// <summary>Width times height of a picture that comes in. 1 to 1,000,000,000, default 64 megapixels.</summary>
    [Range(1L, 1_000_000_000L, ErrorMessage = "{0} must be {1} to {2} pixels.")]
    public long ImageInputPixels { get; init; } = 64_000_000;

    /// <summary>Width times height of a picture that goes out. 1 to 1,000,000,000, default 256 megapixels.</summary>
    [Range(1L, 1_000_000_000L, ErrorMessage = "{0} must be {1} to {2} pixels.")]
    public long ImageOutputPixels { get; init; } = 256_000_000;

    /// <summary>Seconds that a request may take from its first byte to its answer. 1 to 86,400, default 300.</summary>
    [Range(1, 86_400, ErrorMessage = "{0} must be {1} to {2} seconds.")]
    public int RequestSeconds { get; init; } = 300;

    /// <summary>
    /// Seconds during which the service answers on although it was told to stop, so that a load balancer sees its readiness fail first.
    /// 0 to 600, default 0.
    /// </summary>
    [Range(0, 600, ErrorMessage = "{0} must be {1} to {2} seconds.")]
    public int ShutdownPauseSeconds { get; init; }

    /// <summary>
    /// Bytes that the tensors, workspaces and results of all requests may take together. From 16 MiB; 0, the default, takes three quarters
    /// of what the container or machine has.
    /// </summary>
    [MemoryBytes]
    public long MemoryBytes { get; init; }

    /// <summary><see cref="MemoryBytes"/>, with the default worked out.</summary>
    public long EffectiveMemoryBytes => MemoryBytes > 0 ? MemoryBytes : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3;
}

/// <summary>0, or at least 16 MiB.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class MemoryBytesAttribute() : ValidationAttribute("{0} must be 0 (three quarters of the memory there is) or at least 16777216 bytes.")
{
    public override bool IsValid(object? value) => value is long and (0 or >= 16L << 20);
}
