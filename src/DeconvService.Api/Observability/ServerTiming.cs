using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace DeconvService.Api.Observability;

/// <summary>
/// Measures the stages of a computation, once for all who want to know: the header <c>Server-Timing</c>, the metrics and the trace. The
/// header leaves before the body, so a stage that is still running when the first bytes leave (always <c>encode</c>) is counted up to then
/// in it.
/// </summary>
internal sealed class ServerTiming
{
    private readonly Lock _lock = new();
    private readonly List<(string Stage, TimeSpan Time)> _stages = [];
    private readonly ServiceMetrics? _metrics;
    private readonly ActivityContext _request = Activity.Current?.Context ?? default;
    private string? _running;
    private long _start;

    private ServerTiming(ServiceMetrics? metrics) => _metrics = metrics;

    /// <summary>Starts to measure; the header is set as the response starts.</summary>
    public static ServerTiming Of(HttpContext context)
    {
        var timing = new ServerTiming(context.RequestServices.GetService<ServiceMetrics>());
        context.Response.OnStarting(() =>
        {
            context.Response.Headers["Server-Timing"] = timing.ToString();
            return Task.CompletedTask;
        });
        context.Response.OnCompleted(() =>
        {
            timing.Stop();
            return Task.CompletedTask;
        });
        return timing;
    }

    /// <summary>Ends the running stage and begins the next.</summary>
    public void Start(string stage)
    {
        Stop();
        lock (_lock)
            (_running, _start) = (stage, Stopwatch.GetTimestamp());
    }

    /// <summary>Ends the running stage.</summary>
    /// <returns>How long it took.</returns>
    public TimeSpan Stop()
    {
        string? stage;
        TimeSpan time;
        lock (_lock)
            (stage, time, _running) = (_running, Stopwatch.GetElapsedTime(_start), null);

        if (stage is not null)
            Add(stage, time);

        return time;
    }

    /// <summary>Adds a stage that has just ended and was measured elsewhere, as one that runs beside others is; from any thread.</summary>
    public void Add(string stage, TimeSpan time)
    {
        lock (_lock)
            _stages.Add((stage, time));

        _metrics?.StageEnded(stage, time);
        if (!TracingFeature.Source.HasListeners())
            return;

        // Begun and ended here, after the fact: a stage may begin on one thread and end on another.
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using Activity? span = TracingFeature.Source.StartActivity(stage, ActivityKind.Internal, _request, startTime: now - time);
        span?.SetEndTime(now.UtcDateTime);
    }

    /// <summary>As in the header, in milliseconds: <c>decode;dur=1.2, queue;dur=0.1</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        lock (_lock)
        {
            foreach ((string stage, TimeSpan time) in _stages)
                Append(text, stage, time);

            if (_running is not null)
                Append(text, _running, Stopwatch.GetElapsedTime(_start));
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, string stage, TimeSpan time) =>
        text.Append(CultureInfo.InvariantCulture, $"{(text.Length == 0 ? "" : ", ")}{stage};dur={time.TotalMilliseconds:0.###}");
}
