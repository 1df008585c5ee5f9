using System.Diagnostics;

namespace DeconvService.Api.Models;

/// <summary>How often a version of a network ran and how long that took, since the service started. Thread-safe.</summary>
internal sealed class ModelStatistics
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, BatchStatistic> _batches = [];
    private InferenceStatistic _inference = new();
    private long _lastInference;
    private long _inferences;
    private long _executions;

    /// <summary>Counts a run that gave its result.</summary>
    /// <param name="start">Stamp of <see cref="Stopwatch"/> when the request began.</param>
    /// <param name="batch">Size of the batch: the first axis of the input.</param>
    /// <param name="times">Where the time went.</param>
    public void Succeeded(long start, int batch, InferenceTimes times)
    {
        lock (_lock)
        {
            _lastInference = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            _inferences += batch;
            _executions++;
            _inference = new InferenceStatistic
            {
                Success = _inference.Success + Stopwatch.GetElapsedTime(start),
                Fail = _inference.Fail,
                Queue = _inference.Queue + times.Queue,
                ComputeInput = _inference.ComputeInput + times.Input,
                ComputeInfer = _inference.ComputeInfer + times.Infer,
                ComputeOutput = _inference.ComputeOutput + times.Output,
            };
            BatchStatistic old = _batches.GetValueOrDefault(batch, new BatchStatistic());
            if (_batches.Count < 64 || _batches.ContainsKey(batch)) // clients choose the sizes
            {
                _batches[batch] = new BatchStatistic
                {
                    ComputeInput = old.ComputeInput + times.Input,
                    ComputeInfer = old.ComputeInfer + times.Infer,
                    ComputeOutput = old.ComputeOutput + times.Output,
                };
            }
        }
    }

    /// <summary>Counts a request that ended in an error.</summary>
    public void Failed(long start)
    {
        lock (_lock)
            _inference = _inference with { Fail = _inference.Fail + Stopwatch.GetElapsedTime(start) };
    }

    /// <summary>The numbers at this moment.</summary>
    public ModelStatisticsSnapshot Snapshot()
    {
        lock (_lock)
            return new ModelStatisticsSnapshot(_lastInference, _inferences, _executions, _inference, _batches.ToDictionary());
    }
}

/// <summary>Where the time of one run went.</summary>
internal readonly record struct InferenceTimes(TimeSpan Queue, TimeSpan Input, TimeSpan Infer, TimeSpan Output);

/// <summary>How often something was measured and how long it took in all.</summary>
internal readonly record struct DurationStatistic(long Count, long Nanoseconds)
{
    /// <summary>One more.</summary>
    public static DurationStatistic operator +(DurationStatistic statistic, TimeSpan time) =>
        new(statistic.Count + 1, statistic.Nanoseconds + (time.Ticks * TimeSpan.NanosecondsPerTick));
}

/// <summary>Times of all requests of a version, as the statistics extension names them.</summary>
internal sealed record InferenceStatistic
{
    public DurationStatistic Success { get; init; }

    public DurationStatistic Fail { get; init; }

    public DurationStatistic Queue { get; init; }

    public DurationStatistic ComputeInput { get; init; }

    public DurationStatistic ComputeInfer { get; init; }

    public DurationStatistic ComputeOutput { get; init; }
}

/// <summary>Times of the runs of one batch size.</summary>
internal sealed record BatchStatistic
{
    public DurationStatistic ComputeInput { get; init; }

    public DurationStatistic ComputeInfer { get; init; }

    public DurationStatistic ComputeOutput { get; init; }
}

/// <summary>The numbers of <see cref="ModelStatistics"/> at one moment.</summary>
internal sealed record ModelStatisticsSnapshot(
    long LastInference, long Inferences, long Executions, InferenceStatistic Inference, IReadOnlyDictionary<int, BatchStatistic> Batches);
