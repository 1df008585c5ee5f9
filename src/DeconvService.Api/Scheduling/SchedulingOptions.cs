using System.ComponentModel.DataAnnotations;

namespace DeconvService.Api.Scheduling;

/// <summary>How many requests compute and wait at once: the section <c>Scheduling</c> of the configuration.</summary>
public sealed class SchedulingOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Scheduling";

    /// <summary>Requests that compute at the same time. 0 to 1,024; 0, the default, takes one a core.</summary>
    [Range(0, 1024, ErrorMessage = "{0} must be {1} to {2} requests.")]
    public int Concurrency { get; init; }

    /// <summary>Requests that wait for their turn; more are answered 429. 0 to 100,000, default 256.</summary>
    [Range(0, 100_000, ErrorMessage = "{0} must be {1} to {2} requests.")]
    public int QueueLength { get; init; } = 256;

    /// <summary>Seconds that a request waits for memory, and again for a core, before it is answered 429. 1 to 3,600, default 30.</summary>
    [Range(1, 3600, ErrorMessage = "{0} must be {1} to {2} seconds.")]
    public int WaitSeconds { get; init; } = 30;

    /// <summary><see cref="Concurrency"/>, with the default worked out.</summary>
    public int EffectiveConcurrency => Concurrency > 0 ? Concurrency : Environment.ProcessorCount;
}
