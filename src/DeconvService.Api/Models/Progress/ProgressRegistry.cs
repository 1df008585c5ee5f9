using System.Collections.Concurrent;
using System.Text.Json.Serialization;

namespace DeconvService.Api.Models.Progress;

/// <summary>
/// How far running requests are, by the id that they came with. What has ended is forgotten soon after, and there are never more than
/// <see cref="Capacity"/> entries: requests beyond that run without being followed. Thread-safe.
/// </summary>
internal sealed class ProgressRegistry(TimeProvider time)
{
    /// <summary>Most requests that are followed at once.</summary>
    public const int Capacity = 1024;

    /// <summary>How long the end of a request can still be asked for, so that a client that was slow to connect sees it.</summary>
    public static readonly TimeSpan Afterlife = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, RequestProgress> _running = new(StringComparer.Ordinal);

    /// <summary>Follows a request; a later one with the same id takes its place.</summary>
    /// <param name="id">The client's id; one that is missing or malformed is not followed.</param>
    /// <returns>What the request reports to; to be disposed when it ends.</returns>
    public RequestProgress Begin(string? id)
    {
        var progress = new RequestProgress(time, End);
        if (id is not null && ModelName.IsValid(id))
        {
            progress.Id = id;
            if (_running.Count < Capacity || _running.ContainsKey(id))
                _running[id] = progress;
        }

        return progress;
    }

    /// <summary>A request that is running or has just ended, or null.</summary>
    public RequestProgress? Find(string id) => _running.GetValueOrDefault(id);

    private void End(RequestProgress progress)
    {
        if (progress.Id is { } id)
            _ = ForgetAsync(id, progress);
    }

    private async Task ForgetAsync(string id, RequestProgress progress)
    {
        await Task.Delay(Afterlife, time);
        _running.TryRemove(new KeyValuePair<string, RequestProgress>(id, progress));
    }
}

/// <summary>How far one request is. Thread-safe.</summary>
internal sealed class RequestProgress(TimeProvider time, Action<RequestProgress> ended) : IDisposable
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ProgressEvent _current;
    private long? _start;
    private bool _ended;

    /// <summary>The client's id; null when nobody can ask.</summary>
    public string? Id { get; set; }

    /// <summary>
    /// Reports that <paramref name="done"/> of <paramref name="total"/> tiles are done. What is left is taken to go as fast as what is done,
    /// counted from the first report.
    /// </summary>
    public void Report(int done, int total)
    {
        _start ??= time.GetTimestamp();
        double? secondsLeft = done > 0 ? Math.Round(time.GetElapsedTime(_start.Value).TotalSeconds / done * (total - done), 1) : null;
        Change(new ProgressEvent(done, total, secondsLeft), end: false);
    }

    /// <summary>Where it is now, whether that is the end, and what completes when it gets further.</summary>
    public (ProgressEvent Current, bool Ended, Task Changed) Look()
    {
        lock (_lock)
            return (_current, _ended, _changed.Task);
    }

    /// <summary>The request has ended.</summary>
    public void Dispose()
    {
        if (Change(_current, end: true))
            ended(this);
    }

    private bool Change(ProgressEvent current, bool end)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            if (_ended)
                return false;

            (_current, _ended) = (current, end);
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
        return true;
    }
}

/// <summary>One event of the stream.</summary>
/// <param name="Done">Tiles that are done.</param>
/// <param name="Total">Tiles in all; 0 before they are counted.</param>
/// <param name="SecondsLeft">Seconds until the last tile, estimated; left out until a tile is done.</param>
internal readonly record struct ProgressEvent(
    int Done, int Total, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? SecondsLeft);
