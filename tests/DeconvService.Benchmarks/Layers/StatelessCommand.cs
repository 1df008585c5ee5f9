using System.Diagnostics;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Simd;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Layers;

/// <summary>
/// <c>layers --stateless [--file layers.json] [--only NAME] [--threads 1] [--seconds 0.2] [--json OUT]</c>: requests that bring their weights.
/// Plan, packing and run by the planner's choice, against the fastest of the algorithms that transform nothing (direct convolution and matrix products, positions or output channels in the lanes).
/// </summary>
/// <remarks>The rows are those of <see cref="LayersCommand"/>; the peer is that fastest one.</remarks>
internal static class StatelessCommand
{
    private const int Rounds = 5;

    private static readonly IConvAlgorithm[] Plain = [new Direct(), new DirectChannels(), new GemmChannels(), new Gemm()];

    // What is over soon, beside the table's layers: here packing and planning weigh most.
    private static readonly ConvCase[] Small =
    [
        new("small_3x3_picture", new ConvParameters { Padding = 1 }, new([1, 3, 64, 64]), new([16, 3, 3, 3])),
        new("small_3x3_14", new ConvParameters { Padding = 1 }, new([1, 64, 14, 14]), new([64, 64, 3, 3])),
        new("small_3x3_7", new ConvParameters { Padding = 1 }, new([1, 128, 7, 7]), new([128, 128, 3, 3])),
        new("small_1x1_7", new ConvParameters(), new([1, 512, 7, 7]), new([256, 512, 1, 1])),
        new("small_dense", new ConvParameters(), new([1, 512, 1, 1]), new([512, 512, 1, 1])),
        new("small_depthwise", new ConvParameters { Padding = 1, Groups = 32 }, new([1, 32, 14, 14]), new([32, 1, 3, 3])),
        new("small_up_4x4", new ConvParameters { Kind = ConvKind.Transposed, Stride = 2, Padding = 1 }, new([1, 64, 8, 8]), new([64, 32, 4, 4])),
    ];

    /// <summary>Runs the command.</summary>
    public static int Run(string[] args)
    {
        var options = CommandOptions.Parse(args, "file", "only", "threads", "seconds", "json");
        int[] threads = Array.ConvertAll(options.Get("threads", "1").Split(','), int.Parse);
        double seconds = double.Parse(options.Get("seconds", "0.2"));
        double peak = Peak.Measure(SimdLevels.Best);
        WarmUp();
        LayerRow.PrintHead(peak);
        var rows = new List<LayerRow>();
        foreach (ConvCase layer in LayersCommand.Read(options).Select(NamedLayers.Parse).Concat(Small).Where(layer => layer.Name.Contains(options.Get("only", ""), StringComparison.Ordinal)))
        {
            foreach (int count in threads)
            {
                LayerRow row = Measure(layer, count, seconds, peak);
                rows.Add(row);
                row.Print();
            }
        }

        LayerRow[] slower = [.. rows.Where(row => row.Ratio < 0.95)];
        Console.WriteLine($"slower than the fastest plain algorithm by more than 5 %: {slower.Length} of {rows.Count}");
        foreach (LayerRow row in slower)
            Console.WriteLine($"  {row.Name}, {row.Threads} threads: {row.Algorithm} {row.OursMs:F3} ms, {row.PeerAlgorithm} {row.PeerMs:F3} ms");

        LayerRow.Save(rows, options.Get("json", ""));
        return 0;
    }

    // Packing and planning are ordinary code: the runtime compiles it anew, with optimizations, after 30 calls and a moment. A server has
    // that behind it.
    private static void WarmUp()
    {
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 1 });
        for (int turn = 0; turn < 3; turn++)
        {
            foreach (IConvAlgorithm? planner in Plain.Prepend<IConvAlgorithm?>(null))
            {
                foreach (ConvCase layer in Small)
                {
                    if (new Side(engine, new LayerData(layer), new float[layer.Shape.Output.Count], planner) is { Runs: true } side)
                        side.Time(seconds: 0.05);
                }
            }

            Thread.Sleep(200);
        }
    }

    private static LayerRow Measure(ConvCase layer, int threads, double seconds, double peak)
    {
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = threads });
        ConvShape shape = layer.Shape;
        var data = new LayerData(layer);
        float[] output = new float[shape.Output.Count];
        var ours = new Side(engine, data, output, planner: null);
        Side[] others = [.. Plain.Select(algorithm => new Side(engine, data, output, algorithm)).Where(side => side.Runs)];
        ours.Time(seconds / Rounds);
        double error = data.ErrorOf(output);
        foreach (Side side in others)
            side.Time(seconds / Rounds);

        ours.Forget();
        Array.ForEach(others, side => side.Forget());
        for (int round = 0; round < Rounds; round++)
        {
            ours.Time(seconds / Rounds);
            foreach (Side side in others)
                side.Time(seconds / Rounds);
        }

        Side peer = others.MinBy(side => side.MedianMs)!;
        double gflops = 2e-6 * shape.MultiplyAdds / ours.MedianMs;
        return new LayerRow(
            layer.Name, threads, ours.MedianMs, peer.MedianMs, peer.MedianMs / ours.MedianMs, peer.MinMs / ours.MinMs, gflops, 100 * gflops / (peak * threads), ours.Algorithm, error)
        {
            PackMs = ours.PackMs,
            PeerAlgorithm = peer.Algorithm,
            PeerPackMs = peer.PackMs,
        };
    }

    /// <summary>One way to answer the request, with all its times.</summary>
    private sealed class Side
    {
        private readonly ConvolutionEngine _engine;
        private readonly IConvAlgorithm? _planner;
        private readonly LayerData _data;
        private readonly float[] _output;
        private readonly List<double> _packMs = [];
        private readonly List<double> _totalMs = [];

        public Side(ConvolutionEngine engine, LayerData data, float[] output, IConvAlgorithm? planner)
        {
            (_engine, _planner, _data, _output) = (engine, planner, data, output);
            using var weights = new ConvWeights(data.Weight, data.Bias, WeightUse.Once);
            ConvPlan? plan = Plan(weights);
            (Runs, Algorithm) = (plan is not null, plan?.Algorithm ?? "");
        }

        public bool Runs { get; }

        public string Algorithm { get; }

        public double MedianMs => Median(_totalMs);

        public double MinMs => _totalMs.Min();

        public double PackMs => Median(_packMs);

        public void Forget()
        {
            _packMs.Clear();
            _totalMs.Clear();
        }

        public void Time(double seconds)
        {
            long begin = Stopwatch.GetTimestamp();
            do
                RunOnce();
            while (Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds);
        }

        private void RunOnce()
        {
            long start = Stopwatch.GetTimestamp();
            using var weights = new ConvWeights(_data.Weight, _data.Bias, WeightUse.Once);
            ConvPlan plan = Plan(weights)!;
            _packMs.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            using Workspace workspace = _engine.RentWorkspace(plan);
            plan.Run(_data.Input, _output, workspace);
            _totalMs.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        private ConvPlan? Plan(ConvWeights weights) =>
            _planner is null ? _engine.CreatePlan(_data.Shape, weights) : ChosenPlan.TryCreate(_engine, _planner, _data.Shape, weights);

        private static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);
    }
}
