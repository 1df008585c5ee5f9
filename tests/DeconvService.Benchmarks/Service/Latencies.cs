using System.Collections.Concurrent;

namespace DeconvService.Benchmarks.Service;

/// <summary>Times and statuses of requests of one kind. Thread-safe.</summary>
internal sealed class Latencies
{
    private readonly ConcurrentQueue<double> _milliseconds = [];
    private readonly ConcurrentDictionary<int, int> _statuses = [];

    public int Count => _milliseconds.Count;

    /// <summary>Adds a request; status 0 is one that the client broke off.</summary>
    public void Add(int status, TimeSpan time)
    {
        _milliseconds.Enqueue(time.TotalMilliseconds);
        _statuses.AddOrUpdate(status, 1, (_, count) => count + 1);
    }

    public int CountOf(Func<int, bool> status) => _statuses.Where(pair => status(pair.Key)).Sum(pair => pair.Value);

    /// <summary>The time that <paramref name="share"/> of all requests did not exceed, in milliseconds.</summary>
    public double Quantile(double share)
    {
        double[] sorted = [.. _milliseconds.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[(int)(share * (sorted.Length - 1))];
    }

    public string Statuses => string.Join(", ", _statuses.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} x {(pair.Key == 0 ? "hung up" : pair.Key.ToString())}"));
}
