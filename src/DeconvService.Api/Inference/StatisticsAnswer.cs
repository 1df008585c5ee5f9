using DeconvService.Api.Models;

namespace DeconvService.Api.Inference;

/// <summary>The answer of <c>GET /v2/models/{m}/stats</c> (the statistics extension).</summary>
/// <param name="ModelStats">One entry a version.</param>
internal sealed record StatisticsAnswer(IReadOnlyList<VersionStatistics> ModelStats);

/// <summary>What a version of a network has done.</summary>
internal sealed record VersionStatistics(
    string Name, string Version, long LastInference, long InferenceCount, long ExecutionCount, InferenceDurations InferenceStats, IReadOnlyList<BatchDurations> BatchStats)
{
    /// <summary>Puts the counted numbers into the protocol's words.</summary>
    public static VersionStatistics Of(ModelFile file, ModelStatisticsSnapshot snapshot)
    {
        InferenceStatistic inference = snapshot.Inference;
        return new VersionStatistics(
            file.Name,
            file.Version,
            snapshot.LastInference,
            snapshot.Inferences,
            snapshot.Executions,
            new InferenceDurations(
                Duration.Of(inference.Success),
                Duration.Of(inference.Fail),
                Duration.Of(inference.Queue),
                Duration.Of(inference.ComputeInput),
                Duration.Of(inference.ComputeInfer),
                Duration.Of(inference.ComputeOutput),
                CacheHit: default,
                CacheMiss: default),
            [
                .. snapshot.Batches.Select(batch => new BatchDurations(
                    batch.Key, Duration.Of(batch.Value.ComputeInput), Duration.Of(batch.Value.ComputeInfer), Duration.Of(batch.Value.ComputeOutput))),
            ]);
    }
}

/// <summary>Count and time of each step of all requests.</summary>
internal sealed record InferenceDurations(
    Duration Success, Duration Fail, Duration Queue, Duration ComputeInput, Duration ComputeInfer, Duration ComputeOutput, Duration CacheHit, Duration CacheMiss);

/// <summary>Count and time of each step of the requests of one batch size.</summary>
internal sealed record BatchDurations(int BatchSize, Duration ComputeInput, Duration ComputeInfer, Duration ComputeOutput);

/// <summary>How often something happened and how long it took in all.</summary>
/// <param name="Count">How often.</param>
/// <param name="Ns">Nanoseconds in all.</param>
internal readonly record struct Duration(long Count, long Ns)
{
    /// <summary>A counted duration.</summary>
    public static Duration Of(DurationStatistic statistic) => new(statistic.Count, statistic.Nanoseconds);
}
