using System.Diagnostics;
using System.Text.Json;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Layers;

/// <summary>
/// <c>layers [--file layers.json] [--only NAME] [--threads 1,2] [--peer DIR | --peer none] [--seconds 0.5] [--json OUT]</c>:
/// the engine against a peer, layer by layer.
/// </summary>
/// <remarks>
/// Both sides get the same kind of numbers (input and bias from -1 to 1, weights from -0.1 to 0.1), weights packed beforehand, and run in
/// turn for a fifth of the seconds, five times, so that a slower or faster minute of the machine hits both.
/// </remarks>
internal static class LayersCommand
{
    private const int Rounds = 5;

    /// <summary>Runs the command.</summary>
    public static int Run(string[] args)
    {
        var options = CommandOptions.Parse(args, "file", "only", "threads", "peer", "seconds", "json");
        int[] threads = Array.ConvertAll(options.Get("threads", "1,2").Split(','), int.Parse);
        double seconds = double.Parse(options.Get("seconds", "0.5"));
        string only = options.Get("only", "");
        using Peer? peer = options.Get("peer", Peer.DefaultFolder) is var folder && string.Equals(folder, "none", StringComparison.Ordinal) ? null : new Peer(folder);
        using var file = JsonDocument.Parse(File.ReadAllText(options.Get("file", Path.Combine(AppContext.BaseDirectory, "layers.json"))));
        double peak = Peak.Measure(SimdLevels.Best);
        Console.WriteLine($"{SimdLevels.Best}, multiply-add peak {peak:F0} GFLOP/s a core");
        Console.WriteLine($"{"layer",-24} {"thr",3} {"ours ms",9} {"peer ms",9} {"ratio",6} {"min",6} {"GFLOP/s",8} {"% peak",6} {"error",8}  algorithm");

        var rows = new List<LayerRow>();
        foreach (JsonElement element in Layers(file.RootElement).Where(item => item.GetProperty("name").GetString()!.Contains(only, StringComparison.Ordinal)))
        {
            var layer = new TimedLayer(NamedLayers.Parse(element));
            foreach (int count in threads)
            {
                LayerRow row = layer.Measure(count, seconds, peak, peer is null ? null : budget => peer.Time(element, count, budget));
                rows.Add(row);
                Console.WriteLine(
                    $"{row.Name,-24} {row.Threads,3} {row.OursMs,9:F3} {row.PeerMs,9:F3} {row.Ratio,6:F2} {row.MinRatio,6:F2} " +
                    $"{row.Gflops,8:F1} {row.PercentOfPeak,6:F0} {row.MaxRelativeError,8:E1}  {row.Algorithm}");
            }
        }

        foreach (var group in rows.Where(row => row.Ratio is not null).GroupBy(row => row.Threads))
            Console.WriteLine($"{group.Key} threads: geometric mean of ratio {GeometricMean(group.Select(row => row.Ratio!.Value)):F2}, of minRatio {GeometricMean(group.Select(row => row.MinRatio!.Value)):F2}, smallest minRatio {group.Min(row => row.MinRatio):F2}");

        if (options.Get("json", "") is { Length: > 0 } path)
            File.WriteAllText(path, JsonSerializer.Serialize(rows, JsonOptions));

        return 0;
    }

    private static JsonSerializerOptions JsonOptions { get; } = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private static JsonElement.ArrayEnumerator Layers(JsonElement root) =>
        root.ValueKind == JsonValueKind.Array ? root.EnumerateArray() : root.GetProperty("layers").EnumerateArray();

    private static double GeometricMean(IEnumerable<double> values) => Math.Exp(values.Average(Math.Log));

    /// <summary>A layer with its data and, once somebody asks, its reference.</summary>
    private sealed class TimedLayer(ConvCase layer)
    {
        private readonly ConvShape _shape = layer.Shape;
        private readonly float[] _input = RandomTensor.Make(layer.Input.Count, seed: 1);
        private readonly float[] _weight = Array.ConvertAll(RandomTensor.Make(layer.Weight.Count, seed: 2), value => 0.1f * value);
        private readonly float[] _bias = RandomTensor.Make(layer.Shape.OutputChannels, seed: 3);
        private float[]? _reference;

        public LayerRow Measure(int threads, double seconds, double peak, Func<double, (double MedianMs, double MinMs)>? peer)
        {
            using var engine = new ConvolutionEngine(new EngineOptions { Threads = threads });
            using var weights = new ConvWeights(_weight, _bias);
            ConvPlan plan = engine.CreatePlan(_shape, weights);
            using Workspace workspace = engine.RentWorkspace(plan);
            float[] output = new float[_shape.Output.Count];
            plan.Run(_input, output, workspace);
            _reference ??= MakeReference();
            double error = Tolerance.ErrorOf(_reference, output);
            TimeOurs(plan, output, workspace, seconds / 5);

            var ours = new List<(double MedianMs, double MinMs)>();
            var theirs = new List<(double MedianMs, double MinMs)>();
            for (int round = 0; round < Rounds; round++)
            {
                ours.Add(TimeOurs(plan, output, workspace, seconds / Rounds));
                if (peer is not null)
                {
                    theirs.Add(peer(seconds / Rounds));

                    // Its threads spin for a while after their work.
                    Thread.Sleep(5);
                }
            }

            double oursMs = Median(ours), gflops = 2e-6 * _shape.MultiplyAdds / oursMs;
            double? peerMs = peer is null ? null : Median(theirs);
            double? minRatio = peer is null ? null : theirs.Min(time => time.MinMs) / ours.Min(time => time.MinMs);
            return new LayerRow(layer.Name, threads, oursMs, peerMs, peerMs / oursMs, minRatio, gflops, 100 * gflops / (peak * threads), plan.Algorithm, error);
        }

        private (double MedianMs, double MinMs) TimeOurs(ConvPlan plan, float[] output, Workspace workspace, double seconds)
        {
            var times = new List<double>();
            long begin = Stopwatch.GetTimestamp();
            while (times.Count < 3 || Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds)
            {
                long start = Stopwatch.GetTimestamp();
                plan.Run(_input, output, workspace);
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

        private float[] MakeReference()
        {
            float[] expected = new float[_shape.Output.Count];
            using var threads = new EngineThreads();
            threads.Run((int)Reference.ItemCount(_shape), new ReferenceItems(_shape, _input, _weight, _bias, expected));
            return expected;
        }
    }

    private readonly struct ReferenceItems(ConvShape shape, float[] input, float[] weight, float[] bias, float[] output) : IWorkItems
    {
        public void Execute(int item, int worker) => Reference.RunItem(shape, input, weight, bias, output, item, Epilogue.None, default);
    }
}
