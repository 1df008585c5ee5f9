using System.Diagnostics;
using System.Text.Json;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Concurrency;

/// <summary>
/// <c>concurrency [--threads 2] [--seconds 3] [--only NAME] [--json OUT]</c>: eight callers at once against the same requests one after
/// another on all cores, through the service's queue for the cores and its engine.
/// </summary>
/// <remarks>
/// Both sides take turns in rounds of equally many requests; each of the eight callers has tensors of its own, and one after another they
/// are the same tensors. Weights are packed beforehand, so that the requests are nothing but arithmetic and waiting.
/// </remarks>
internal static class ConcurrencyCommand
{
    private const int Callers = 8, Rounds = 5;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    // About 0.3, 3 and 30 ms on one core of 118 GFLOP/s.
    private static readonly ConvCase[] Layers =
    [
        Convolution("3x3 small", [1, 64, 32, 32], [64, 64, 3, 3]),
        Convolution("3x3", [1, 128, 50, 50], [128, 128, 3, 3]),
        Convolution("3x3 large", [1, 256, 80, 80], [256, 256, 3, 3]),
        Convolution("pointwise small", [1, 64, 56, 56], [64, 64, 1, 1]),
        Convolution("pointwise", [1, 256, 48, 48], [256, 256, 1, 1]),
        Convolution("pointwise large", [1, 256, 152, 152], [256, 256, 1, 1]),
        Transposed("transposed small", [1, 64, 28, 28], [64, 32, 4, 4]),
        Transposed("transposed", [1, 64, 72, 72], [64, 64, 4, 4]),
        Transposed("transposed large", [1, 128, 112, 112], [128, 128, 4, 4]),
    ];

    /// <summary>Runs the command.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        var options = CommandOptions.Parse(args, "threads", "seconds", "only", "json");
        int threads = int.Parse(options.Get("threads", "2"));
        double seconds = double.Parse(options.Get("seconds", "3"));
        using var one = new RequestRunner(threads: 1);
        using var all = new RequestRunner(threads);
        var rows = new List<ConcurrencyRow>();
        Console.WriteLine($"{"layer",-18} {"1 thr ms",9} {$"{threads} thr ms",9} {"in turn/s",10} {"8 at once/s",11} {"ratio",6}  algorithm");
        foreach (ConvCase layer in Layers.Where(layer => layer.Name.Contains(options.Get("only", ""), StringComparison.Ordinal)))
        {
            ConcurrencyRow row = await MeasureAsync(layer, one, all, threads, seconds);
            rows.Add(row);
            Console.WriteLine($"{row.Name,-18} {row.OneThreadMs,9:F3} {row.LoneMs,9:F3} {row.InTurnPerSecond,10:F1} {row.AtOncePerSecond,11:F1} {row.Ratio,6:F3}  {row.Algorithm}");
        }

        Console.WriteLine($"smallest ratio {rows.Min(row => row.Ratio):F3}");
        if (options.Get("json", "") is { Length: > 0 } path)
            await File.WriteAllTextAsync(path, JsonSerializer.Serialize(rows, Json));

        return 0;
    }

    private static async Task<ConcurrencyRow> MeasureAsync(ConvCase layer, RequestRunner one, RequestRunner all, int threads, double seconds)
    {
        string algorithm = all.Prepare(layer, Callers);
        one.Prepare(layer, Callers);

        // The first requests compile, the next say how many make a round.
        await all.InTurnAsync(Callers);
        double request = (await all.InTurnAsync(Callers)).TotalSeconds / Callers;
        int count = Callers * (int)Math.Max(2, seconds / Rounds / request / Callers);
        await one.InTurnAsync(Callers);
        var single = new List<double>();
        var inTurn = new List<double>();
        var atOnce = new List<double>();
        for (int round = 0; round < Rounds; round++)
        {
            inTurn.Add((await all.InTurnAsync(count)).TotalSeconds / count);
            atOnce.Add((await all.AtOnceAsync(count, Callers)).TotalSeconds / count);
            single.Add((await one.InTurnAsync(Math.Max(Callers, count / 4))).TotalSeconds / Math.Max(Callers, count / 4));
        }

        double lone = Median(inTurn), crowd = Median(atOnce);
        return new ConcurrencyRow(layer.Name, threads, 1000 * Median(single), 1000 * lone, 1 / lone, 1 / crowd, lone / crowd, algorithm);
    }

    private static double Median(List<double> times)
    {
        times.Sort();
        return times[times.Count / 2];
    }

    private static ConvCase Convolution(string name, int[] input, int[] weight) =>
        new(name, new ConvParameters { Padding = weight[2] / 2 }, new TensorShape(input), new TensorShape(weight));

    private static ConvCase Transposed(string name, int[] input, int[] weight) =>
        new(name, new ConvParameters { Kind = ConvKind.Transposed, Stride = 2, Padding = 1 }, new TensorShape(input), new TensorShape(weight));
}

/// <summary>One line of the table.</summary>
/// <param name="Name">The layer.</param>
/// <param name="Threads">Threads of the engine, and requests that compute at the same time.</param>
/// <param name="OneThreadMs">A request by itself on one thread.</param>
/// <param name="LoneMs">A request by itself on all threads.</param>
/// <param name="InTurnPerSecond">Requests a second, one after another on all threads.</param>
/// <param name="AtOncePerSecond">Requests a second of eight callers at once.</param>
/// <param name="Ratio">The latter over the former.</param>
/// <param name="Algorithm">What the planner chose.</param>
internal sealed record ConcurrencyRow(
    string Name, int Threads, double OneThreadMs, double LoneMs, double InTurnPerSecond, double AtOncePerSecond, double Ratio, string Algorithm);
