using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Layers;

/// <summary>
/// <c>network --model FILE.onnx --input N,C,H,W [--threads 1,2] [--accuracy default] [--tile-mib 80] [--peer DIR | --peer none] [--seconds 2] [--json OUT]</c>:
/// a whole network of one input on the engine against a peer, in time and in memory, whole and in the tiles that the service would cut.
/// </summary>
/// <remarks>
/// Both sides get numbers from 0 to 1. The error is that against <see cref="Accuracy.Exact"/>. Memory is measured in
/// processes that do nothing else, one for each way: the largest resident memory less what the process had before it read the model, so it
/// holds the model, the input, the output and everything in between, but neither .NET nor Node.
/// </remarks>
internal static class NetworkCommand
{
    private const string Whole = "whole", Tiles = "tiles";

    /// <summary>Runs the command.</summary>
    public static int Run(string[] args)
    {
        var options = CommandOptions.Parse(args, "model", "input", "threads", "accuracy", "tile-mib", "peer", "seconds", "json", "grow");
        string path = Path.GetFullPath(options.Get("model", ""));
        int[] sizes = Array.ConvertAll(options.Get("input", "").Split(','), int.Parse);
        int[] threadCounts = Array.ConvertAll(options.Get("threads", "1,2").Split(','), int.Parse);
        long tileBytes = long.Parse(options.Get("tile-mib", "80"), CultureInfo.InvariantCulture) << 20;
        var accuracy = Enum.Parse<Accuracy>(options.Get("accuracy", "default"), ignoreCase: true);
        var input = new TensorShape(sizes);
        if (options.Get("grow", "") is { Length: > 0 } way)
        {
            Console.WriteLine(MeasureGrowth(path, input, threadCounts[0], string.Equals(way, Tiles, StringComparison.Ordinal) ? tileBytes : long.MaxValue, accuracy));
            return 0;
        }

        double seconds = double.Parse(options.Get("seconds", "2"), CultureInfo.InvariantCulture);
        string peerFolder = options.Get("peer", Peer.DefaultFolder);
        using Peer? peer = Peer.Start(peerFolder);
        double peak = Peak.Measure(SimdLevels.Best);
        LayerRow.PrintHead(peak);
        var rows = new List<LayerRow>();
        double error = ErrorOf(path, input, accuracy);
        foreach (int threads in threadCounts)
        {
            foreach (string run in (string[])[Whole, Tiles])
            {
                using var network = new Network(path, input, threads, run is Tiles ? tileBytes : long.MaxValue, accuracy);
                if (run is Tiles && network.Tiles == 1)
                    continue;

                InTurn times = InTurn.Measure(network.Execute, peer is null ? null : budget => peer.Time(path, sizes, threads, budget), seconds);
                double gflops = 2e-6 * network.MultiplyAdds / times.OursMs;
                var row = new LayerRow(
                    $"{Path.GetFileNameWithoutExtension(path)} {(run is Tiles ? $"{network.Tiles} tiles" : run)}", threads, times.OursMs, times.PeerMs, times.PeerMs / times.OursMs,
                    times.MinRatio, gflops, 100 * gflops / (peak * threads), network.Algorithms, error);
                rows.Add(row);
                row.Print();
            }
        }

        PrintMemory(args, path, sizes, threadCounts[^1], peerFolder);
        LayerRow.Save(rows, options.Get("json", ""));
        return 0;
    }

    private static double ErrorOf(string path, TensorShape input, Accuracy accuracy)
    {
        using var network = new Network(path, input, Environment.ProcessorCount, long.MaxValue, accuracy);
        using var exact = new Network(path, input, Environment.ProcessorCount, long.MaxValue, Accuracy.Exact);
        network.Execute();
        exact.Execute();
        return Tolerance.ErrorOf(exact.Output.ToArray(), network.Output);
    }

    private static void PrintMemory(string[] args, string path, int[] sizes, int threads, string peerFolder)
    {
        long peer = 0;
        using (Peer? fresh = Peer.Start(peerFolder))
        {
            fresh?.Time(path, sizes, threads, 0);
            peer = fresh?.GrownBytes ?? 0;
        }

        foreach (string way in (string[])[Whole, Tiles])
        {
            long ours = GrowthOf(way, args, threads);
            Console.WriteLine($"memory, {way}: ours {ours >> 20} MiB, peer {peer >> 20} MiB, ratio {(double)peer / ours:F1}");
        }
    }

    // In a process of its own.
    private static long GrowthOf(string way, string[] args, int threads)
    {
        string program = Environment.ProcessPath!;
        List<string> start = Path.GetFileNameWithoutExtension(program) is "dotnet" ? [Assembly.GetExecutingAssembly().Location] : [];
        string[] kept = [.. args.Chunk(2).Where(pair => pair[0] is "--model" or "--input" or "--tile-mib" or "--accuracy").SelectMany(pair => pair)];
        using Process process = Process.Start(new ProcessStartInfo(program, [.. start, "network", .. kept, "--grow", way, "--threads", $"{threads}"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        })!;
        string answer = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return long.Parse(answer, CultureInfo.InvariantCulture);
    }

    private static long MeasureGrowth(string path, TensorShape input, int threads, long tileBytes, Accuracy accuracy)
    {
        using Process self = Process.GetCurrentProcess();
        long before = self.WorkingSet64;
        using (var network = new Network(path, input, threads, tileBytes, accuracy))
        {
            for (int i = 0; i < 3; i++)
                network.Execute();
        }

        self.Refresh();
        return self.PeakWorkingSet64 - before;
    }

    /// <summary>A network with one input, filled, and its output: run whole, or in tiles where the whole takes more than the bytes of a tile.</summary>
    private sealed class Network : IDisposable
    {
        private readonly TensorShape _shape;
        private readonly ConvolutionEngine _engine;
        private readonly CompiledModel _model;
        private readonly TiledModel? _tiled;
        private readonly ModelRun? _run;
        private readonly AlignedBuffer? _input;
        private readonly AlignedBuffer? _output;

        public Network(string path, TensorShape input, int threads, long tileBytes, Accuracy accuracy)
        {
            _shape = input;
            _engine = new ConvolutionEngine(new EngineOptions { Threads = threads });
            using var file = File.OpenRead(path);
            _model = ModelCompiler.Compile(OnnxModel.Load(file), _engine);
            _tiled = tileBytes == long.MaxValue ? null : TiledModel.TryPlan(_model, input, accuracy, tileBytes);
            if (_tiled is null)
            {
                _run = _model.Prepare([input], accuracy).Rent();
            }
            else
            {
                _input = _engine.Buffers.Rent(input.Count);
                _output = _engine.Buffers.Rent(_tiled.OutputShape.Count);
            }

            RandomTensor.Fill(Input, seed: 1);
            foreach (ref float number in Input)
                number = Math.Abs(number);

            Algorithms = string.Join(
                ' ', (_tiled?.Largest ?? _run!.Prepared).Layers.Select(layer => layer.Algorithm).OfType<string>().Distinct(StringComparer.Ordinal));
        }

        public int Tiles => _tiled?.Count ?? 1;

        // Of the whole: the halos of tiles are no result.
        public long MultiplyAdds => _model.Prepare([_shape]).MultiplyAdds;

        public string Algorithms { get; }

        public ReadOnlySpan<float> Output => _tiled is null ? _run!.Output(0) : _output!.Span;

        private Span<float> Input => _tiled is null ? _run!.Input(0) : _input!.Span;

        public void Execute()
        {
            if (_tiled is null)
                _run!.Execute();
            else
                _tiled.Execute(Input, _output!.Span);
        }

        public void Dispose()
        {
            _run?.Dispose();
            _input?.Dispose();
            _output?.Dispose();
            _model.Dispose();
            _engine.Dispose();
        }
    }
}
