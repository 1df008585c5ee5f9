using System.Diagnostics;

namespace DeconvService.Benchmarks.Layers;

/// <summary>Times of two sides that ran in turn, so that a slower or faster minute of the machine hits both.</summary>
/// <param name="OursMs">Median of the rounds' medians.</param>
/// <param name="PeerMs">The same of the peer; null without one.</param>
/// <param name="MinRatio">The peer's smallest time over ours; null without a peer.</param>
internal sealed record InTurn(double OursMs, double? PeerMs, double? MinRatio)
{
    private const int Rounds = 5;

    /// <summary>
    /// Five rounds of a fifth of the seconds on each side, after one of ours to warm up. A round is three runs at least, or one that takes
    /// more than a second. Whoever has had its turn must leave the cores idle.
    /// </summary>
    public static InTurn Measure(Action ours, Func<double, (double MedianMs, double MinMs)>? peer, double seconds)
    {
        var mine = new List<(double MedianMs, double MinMs)>();
        var theirs = new List<(double MedianMs, double MinMs)>();
        Time(ours, seconds / Rounds);
        for (int round = 0; round < Rounds; round++)
        {
            mine.Add(Time(ours, seconds / Rounds));
            if (peer is not null)
                theirs.Add(peer(seconds / Rounds));
        }

        return peer is null
            ? new InTurn(Median(mine), null, null)
            : new InTurn(Median(mine), Median(theirs), theirs.Min(time => time.MinMs) / mine.Min(time => time.MinMs));
    }

    private static (double MedianMs, double MinMs) Time(Action action, double seconds)
    {
        var times = new List<double>();
        long begin = Stopwatch.GetTimestamp();
        while (times.Count < 3 ? times.Count == 0 || Stopwatch.GetElapsedTime(begin).TotalSeconds < 1 : Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        times.Sort();
        return (times[times.Count / 2], times[0]);
    }

    private static double Median(List<(double MedianMs, double MinMs)> rounds)
    {
        double[] medians = [.. rounds.Select(round => round.MedianMs).Order()];
        return medians[medians.Length / 2];
    }
}
