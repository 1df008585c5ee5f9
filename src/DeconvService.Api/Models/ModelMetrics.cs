using System.Diagnostics.Metrics;

namespace DeconvService.Api.Models;

/// <summary>
/// The statistics of the networks as metrics: the numbers of <c>/v2/models/stats</c>, with the meaning that they have in Triton
/// (https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/metrics.html), times in seconds.
/// </summary>
internal static class ModelMetrics
{
    private const double NanosecondsPerSecond = 1e9;

    /// <summary>Has the statistics read whenever the metrics are.</summary>
    public static void Observe(Meter meter, ModelRepository repository)
    {
        Count("requests_success", "Requests that a network answered.", statistics => statistics.Inference.Success.Count);
        Count("requests_failure", "Requests that ended in an error.", statistics => statistics.Inference.Fail.Count);
        Count("inferences", "Inferences; a batch of n counts as n.", statistics => statistics.Inferences);
        Count("executions", "Executions; a batch counts as one.", statistics => statistics.Executions);
        Time("request", "Time of successful requests, from their beginning to their end.", statistics => statistics.Inference.Success);
        Time("queue", "Time that requests waited.", statistics => statistics.Inference.Queue);
        Time("compute_input", "Time spent reading inputs.", statistics => statistics.Inference.ComputeInput);
        Time("compute_infer", "Time spent computing.", statistics => statistics.Inference.ComputeInfer);
        Time("compute_output", "Time spent writing outputs.", statistics => statistics.Inference.ComputeOutput);

        void Count(string name, string description, Func<ModelStatisticsSnapshot, long> value) =>
            meter.CreateObservableCounter($"deconv.model.{name}", () => Measure(repository, value), unit: null, description);

        void Time(string name, string description, Func<ModelStatisticsSnapshot, DurationStatistic> value) => meter.CreateObservableCounter(
            $"deconv.model.{name}.duration", () => Measure(repository, statistics => value(statistics).Nanoseconds / NanosecondsPerSecond), "s", description);
    }

    private static IEnumerable<Measurement<T>> Measure<T>(ModelRepository repository, Func<ModelStatisticsSnapshot, T> value)
        where T : struct =>
        repository.List().Select(slot => new Measurement<T>(
            value(repository.StatisticsOf(slot.File).Snapshot()),
            new KeyValuePair<string, object?>("model", slot.File.Name),
            new KeyValuePair<string, object?>("version", slot.File.Version)));
}
