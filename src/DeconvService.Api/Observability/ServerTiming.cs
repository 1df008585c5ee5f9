using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace DeconvService.Api.Observability;

/// <summary>
/// Collects the stages of a computation for the header <c>Server-Timing</c>. The header leaves before the body, so a stage that is still
/// running when the first bytes leave (always <c>encode</c>) is counted up to then.
/// </summary>
internal sealed class ServerTiming
{
    private readonly List<(string Stage, TimeSpan Time)> _stages = [];
    private string? _running;
    private long _start;

    /// <summary>Starts to measure; the header is set as the response starts.</summary>
    public static ServerTiming Of(HttpContext context)
    {
        var timing = new ServerTiming();
        context.Response.OnStarting(() =>
        {
            timing.Stop();
            context.Response.Headers["Server-Timing"] = timing.ToString();
            return Task.CompletedTask;
        });
        return timing;
    }

    /// <summary>Ends the running stage and begins the next.</summary>
    public void Start(string stage)
    {
        Stop();
        (_running, _start) = (stage, Stopwatch.GetTimestamp());
    }

    /// <summary>Ends the running stage.</summary>
    public void Stop()
    {
        if (_running is not null)
            Add(_running, Stopwatch.GetElapsedTime(_start));

        _running = null;
    }

    /// <summary>Adds a stage that was measured elsewhere, as one that runs beside others is; from any thread.</summary>
    public void Add(string stage, TimeSpan time)
    {
        lock (_stages)
            _stages.Add((stage, time));
    }

    /// <summary>As in the header, in milliseconds: <c>decode;dur=1.2, queue;dur=0.1</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        (string Stage, TimeSpan Time)[] stages;
        lock (_stages)
            stages = [.. _stages];

        foreach ((string stage, TimeSpan time) in stages)
            text.Append(CultureInfo.InvariantCulture, $"{(text.Length == 0 ? "" : ", ")}{stage};dur={time.TotalMilliseconds:0.###}");

        return text.ToString();
    }
}
