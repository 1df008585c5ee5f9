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
            _stages.Add((_running, Stopwatch.GetElapsedTime(_start)));

        _running = null;
    }

    /// <summary>As in the header, in milliseconds: <c>decode;dur=1.2, queue;dur=0.1</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach ((string stage, TimeSpan time) in _stages)
            text.Append(CultureInfo.InvariantCulture, $"{(text.Length == 0 ? "" : ", ")}{stage};dur={time.TotalMilliseconds:0.###}");

        return text.ToString();
    }
}
