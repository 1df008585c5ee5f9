using System.Diagnostics.Metrics;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Observability;

/// <summary>
/// What the service counts beside the framework's own numbers of requests, connections and memory. Read at <c>/metrics</c>, and sent by
/// OTLP where that is switched on.
/// </summary>
internal sealed class ServiceMetrics
{
    /// <summary>Name of the meter, and of the source of the spans.</summary>
    public const string Name = "DeconvService";

    // From a tenth of a millisecond to a minute: a small layer takes less than the former, a large picture about the latter.
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    };

    private readonly Histogram<double> _wait;
    private readonly Histogram<double> _stages;
    private readonly Histogram<double> _compute;
    private readonly Counter<long> _multiplyAdds;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _received;
    private readonly Counter<long> _sent;
    private readonly Counter<long> _modelLoads;

    /// <summary>Makes the instruments.</summary>
    public ServiceMetrics(IMeterFactory factory)
    {
        Meter = factory.Create(Name);
        _wait = Meter.CreateHistogram("deconv.queue.wait.duration", "s", "Time that requests waited for memory or a core, by what they waited for.", tags: null, Seconds);
        _stages = Meter.CreateHistogram("deconv.stage.duration", "s", "Time of the stages of a computation, as in the header Server-Timing.", tags: null, Seconds);
        _compute = Meter.CreateHistogram("deconv.compute.duration", "s", "Time of the arithmetic, by operator and algorithm.", tags: null, Seconds);
        _multiplyAdds = Meter.CreateCounter<long>("deconv.compute.multiply_adds", unit: null, "Multiply-adds of the operators, as the definition of the operator counts them.");
        _rejected = Meter.CreateCounter<long>("deconv.requests.rejected", unit: null, "Requests that were refused, by the code of the error.");
        _received = Meter.CreateCounter<long>("deconv.requests.received", "By", "Bytes of request bodies.");
        _sent = Meter.CreateCounter<long>("deconv.responses.sent", "By", "Bytes of response bodies.");
        _modelLoads = Meter.CreateCounter<long>("deconv.model.loads", unit: null, "Networks that were loaded, by outcome.");
    }

    /// <summary>For instruments that are read when they are asked for.</summary>
    public Meter Meter { get; }

    /// <summary>A request waited for <paramref name="what"/>.</summary>
    public void Waited(string what, TimeSpan time) => _wait.Record(time.TotalSeconds, new KeyValuePair<string, object?>("for", what));

    /// <summary>A stage of a computation ended.</summary>
    public void StageEnded(string stage, TimeSpan time) => _stages.Record(time.TotalSeconds, new KeyValuePair<string, object?>("stage", stage));

    /// <summary>A convolution was computed.</summary>
    public void Computed(ConvKind kind, string algorithm, TimeSpan time, long multiplyAdds) =>
        Computed(kind == ConvKind.Transposed ? "conv-transpose" : "conv", algorithm, time, multiplyAdds);

    /// <summary>A network, or a part of a picture in it, was computed.</summary>
    public void NetworkComputed(string algorithms, TimeSpan time, long multiplyAdds) => Computed("network", algorithms, time, multiplyAdds);

    private void Computed(string operatorName, string algorithm, TimeSpan time, long multiplyAdds)
    {
        KeyValuePair<string, object?> by = new("operator", operatorName), with = new("algorithm", algorithm);
        _compute.Record(time.TotalSeconds, by, with);
        _multiplyAdds.Add(multiplyAdds, by, with);
    }

    /// <summary>A request was refused.</summary>
    public void Rejected(string code) => _rejected.Add(1, new KeyValuePair<string, object?>("reason", code));

    /// <summary>A request with its bodies has ended.</summary>
    public void Transferred(long received, long sent)
    {
        _received.Add(received);
        _sent.Add(sent);
    }

    /// <summary>A network was loaded, or could not be.</summary>
    public void ModelLoaded(bool success) => _modelLoads.Add(1, new KeyValuePair<string, object?>("outcome", success ? "success" : "failure"));
}
