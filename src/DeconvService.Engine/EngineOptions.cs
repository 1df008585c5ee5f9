using DeconvService.Engine.Simd;

namespace DeconvService.Engine;

/// <summary>What an engine may use of the machine.</summary>
public sealed record EngineOptions
{
    /// <summary>How many threads compute at the most, the caller's included; 0 takes one a core.</summary>
    public int Threads { get; init; }

    /// <summary>The vectors to compute with; null takes the widest that the machine has.</summary>
    public SimdLevel? SimdLevel { get; init; }

    /// <summary>How many bytes of freed tensor memory are kept for reuse.</summary>
    public long MaximumKeptBytes { get; init; } = 256L << 20;
}
