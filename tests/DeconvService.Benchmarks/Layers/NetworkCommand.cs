using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Layers;

/// <summary>
/// <c>network --model FILE.onnx --input N,C,H,W [--threads 1,2] [--peer DIR | --peer none] [--seconds 2] [--json OUT]</c>:
/// a whole network of one input on the engine against a peer.
/// </summary>
/// <remarks>Both sides get numbers from 0 to 1. The error is that of the default accuracy against <see cref="Accuracy.Exact"/>.</remarks>
internal static class NetworkCommand
{
    /// <summary>Runs the command.</summary>
    public static int Run(string[] args)
    {
        var options = CommandOptions.Parse(args, "model", "input", "threads", "peer", "seconds", "json");
        string model = Path.GetFullPath(options.Get("model", ""));
        int[] sizes = Array.ConvertAll(options.Get("input", "").Split(','), int.Parse);
        double seconds = double.Parse(options.Get("seconds", "2"));
        using Peer? peer = Peer.Start(options.Get("peer", Peer.DefaultFolder));
        double peak = Peak.Measure(SimdLevels.Best);
        LayerRow.PrintHead(peak);

        var rows = new List<LayerRow>();
        foreach (int threads in options.Get("threads", "1,2").Split(',').Select(int.Parse))
        {
            LayerRow row = Measure(model, new TensorShape(sizes), threads, seconds, peak, peer is null ? null : budget => peer.Time(model, sizes, threads, budget));
            rows.Add(row);
            row.Print();
        }

        LayerRow.Save(rows, options.Get("json", ""));
        return 0;
    }

    private static LayerRow Measure(
        string path, TensorShape input, int threads, double seconds, double peak, Func<double, (double MedianMs, double MinMs)>? peer)
    {
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = threads });
        using var file = File.OpenRead(path);
        using CompiledModel model = ModelCompiler.Compile(OnnxModel.Load(file), engine);
        float[] numbers = Array.ConvertAll(RandomTensor.Make(input.Count, seed: 1), Math.Abs);
        PreparedModel prepared = model.Prepare([input]);
        using ModelRun run = prepared.Rent();
        numbers.CopyTo(run.Input(0));
        run.Execute();
        double error = Tolerance.ErrorOf(Exact(model, input, numbers), run.Output(0));

        InTurn times = InTurn.Measure(() => run.Execute(), peer, seconds);
        double gflops = 2e-6 * prepared.MultiplyAdds / times.OursMs;
        string algorithms = string.Join(' ', prepared.Layers.Select(layer => layer.Algorithm).OfType<string>().Distinct(StringComparer.Ordinal));
        return new LayerRow(
            Path.GetFileNameWithoutExtension(path), threads, times.OursMs, times.PeerMs, times.PeerMs / times.OursMs, times.MinRatio,
            gflops, 100 * gflops / (peak * threads), algorithms, error);
    }

    private static float[] Exact(CompiledModel model, TensorShape input, float[] numbers)
    {
        using ModelRun run = model.Prepare([input], Accuracy.Exact).Rent();
        numbers.CopyTo(run.Input(0));
        run.Execute();
        return run.Output(0).ToArray();
    }
}
