using System.Text.Json;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Layers;

/// <summary>
/// <c>layers [--file layers.json] [--only NAME] [--threads 1,2] [--peer DIR | --peer none] [--seconds 0.5] [--json OUT]</c>:
/// the engine against a peer, layer by layer.
/// </summary>
/// <remarks>
/// Both sides get the same kind of numbers (input and bias from -1 to 1, weights from -0.1 to 0.1), weights packed beforehand, and run in
/// turn (<see cref="InTurn"/>).
/// </remarks>
internal static class LayersCommand
{
    /// <summary>Runs the command.</summary>
    public static int Run(string[] args)
    {
        var options = CommandOptions.Parse(args, "file", "only", "threads", "peer", "seconds", "json");
        int[] threads = Array.ConvertAll(options.Get("threads", "1,2").Split(','), int.Parse);
        double seconds = double.Parse(options.Get("seconds", "0.5"));
        string only = options.Get("only", "");
        using Peer? peer = Peer.Start(options.Get("peer", Peer.DefaultFolder));
        double peak = Peak.Measure(SimdLevels.Best);
        LayerRow.PrintHead(peak);

        var rows = new List<LayerRow>();
        foreach (JsonElement element in Read(options).Where(item => item.GetProperty("name").GetString()!.Contains(only, StringComparison.Ordinal)))
        {
            ConvCase layer = NamedLayers.Parse(element);
            var data = new LayerData(layer);
            foreach (int count in threads)
            {
                LayerRow row = Measure(layer.Name, data, count, seconds, peak, peer is null ? null : budget => peer.Time(element, count, budget));
                rows.Add(row);
                row.Print();
            }
        }

        foreach (var group in rows.Where(row => row.Ratio is not null).GroupBy(row => row.Threads))
            Console.WriteLine($"{group.Key} threads: geometric mean of ratio {GeometricMean(group.Select(row => row.Ratio!.Value)):F2}, of minRatio {GeometricMean(group.Select(row => row.MinRatio!.Value)):F2}, smallest minRatio {group.Min(row => row.MinRatio):F2}");

        LayerRow.Save(rows, options.Get("json", ""));
        return 0;
    }

    /// <summary>The layers of the file that the options name.</summary>
    public static IReadOnlyList<JsonElement> Read(CommandOptions options)
    {
        using var file = JsonDocument.Parse(File.ReadAllText(options.Get("file", Path.Combine(AppContext.BaseDirectory, "layers.json"))));
        JsonElement root = file.RootElement;
        JsonElement layers = root.ValueKind == JsonValueKind.Array ? root : root.GetProperty("layers");
        return [.. layers.EnumerateArray().Select(layer => layer.Clone())];
    }

    private static double GeometricMean(IEnumerable<double> values) => Math.Exp(values.Average(Math.Log));

    private static LayerRow Measure(
        string name, LayerData data, int threads, double seconds, double peak, Func<double, (double MedianMs, double MinMs)>? peer)
    {
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = threads });
        using var weights = new ConvWeights(data.Weight, data.Bias);
        ConvPlan plan = engine.CreatePlan(data.Shape, weights);
        using Workspace workspace = engine.RentWorkspace(plan);
        using AlignedBuffer input = engine.Buffers.Rent(data.Input.Length), output = engine.Buffers.Rent(data.Shape.Output.Count);
        data.Input.CopyTo(input.Span);
        plan.Run(input.Span, output.Span, workspace);
        double error = data.ErrorOf(output.Span);
        InTurn times = InTurn.Measure(() => plan.Run(input.Span, output.Span, workspace), peer, seconds);
        double gflops = 2e-6 * data.Shape.MultiplyAdds / times.OursMs;
        return new LayerRow(
            name, threads, times.OursMs, times.PeerMs, times.PeerMs / times.OursMs, times.MinRatio, gflops, 100 * gflops / (peak * threads), plan.Algorithm, error);
    }
}
