using System.Diagnostics;
using System.Globalization;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Pictures;

/// <summary>
/// A 3x3 filter over the float planes of a 12-megapixel RGB photograph on one core, beside a copy of the same planes and beside SciPy's
/// <c>ndimage.convolve</c> and OpenCV's <c>filter2D</c>: in turn, in the same run, of each the shortest time.
/// </summary>
internal static class PictureFilterBenchmark
{
    private const int Height = 3000, Width = 4000, Channels = 3, Rounds = 12;

    /// <summary>Runs it and prints a table.</summary>
    /// <param name="python">Python with numpy, scipy and cv2.</param>
    public static async Task<int> RunAsync(string python)
    {
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 1 });
        var planes = new TensorShape(1, Channels, Height, Width);
        using AlignedBuffer input = engine.Buffers.Rent(planes.Count), output = engine.Buffers.Rent(planes.Count);
        RandomTensor.Make(planes.Count, seed: 1).CopyTo(input.Span);
        output.Span.Clear();

        using Filter full = new(engine, planes, 3, RandomTensor.Make(9 * Channels, seed: 2));
        using Filter gaussian = new(engine, planes, 13, Gaussian(13, 2));
        (string Name, Action Run)[] own =
        [
            ("Span.CopyTo", () => input.Span.CopyTo(output.Span)),
            ($"3x3, {full.Plan.Algorithm}", () => full.Run(input, output)),
            ($"Gaussian 13x13, {gaussian.Plan.Algorithm}", () => gaussian.Run(input, output)),
        ];

        string script = Path.Combine(AppContext.BaseDirectory, "Pictures", "peers.py");
        using var peers = Process.Start(new ProcessStartInfo(python, [script, $"{Height}", $"{Width}"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        string[] names = [.. own.Select(item => item.Name), .. (await ReadAsync(peers)).Split('|')];
        double[] best = [.. names.Select(_ => double.MaxValue)];
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < own.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                own[i].Run();
                best[i] = Math.Min(best[i], Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            await peers.StandardInput.WriteLineAsync("run");
            await peers.StandardInput.FlushAsync();
            double[] times = [.. (await ReadAsync(peers)).Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture))];
            for (int i = 0; i < times.Length; i++)
                best[own.Length + i] = Math.Min(best[own.Length + i], times[i]);
        }

        peers.StandardInput.Close();
        await peers.WaitForExitAsync();
        Console.WriteLine($"{Channels} x {Height} x {Width} float32, one thread, {engine.Level}, shortest of {Rounds} rounds in turn");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"beside input and output: {full.Plan.WorkspaceBytes / 1048576.0:0.0} MiB (3x3), {gaussian.Plan.WorkspaceBytes / 1048576.0:0.0} MiB (Gaussian)"));
        Console.WriteLine();
        Console.WriteLine("| | ms | times the copy | megapixels/s |\n|---|---|---|---|");
        for (int i = 0; i < names.Length; i++)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {names[i]} | {best[i]:0.0} | {best[i] / best[0]:0.00} | {Height * Width / best[i] / 1000:0} |"));

        return 0;
    }

    private static async Task<string> ReadAsync(Process peers) =>
        await peers.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("Python ended: are numpy, scipy and cv2 installed?");

    private static float[] Gaussian(int size, double sigma)
    {
        double[] axis = [.. Enumerable.Range(0, size).Select(i => Math.Exp(-Math.Pow(i - ((size - 1) / 2.0), 2) / (2 * sigma * sigma)))];
        double sum = axis.Sum();
        float[] kernel = [.. from y in axis from x in axis select (float)(y / sum * (x / sum))];
        return [.. Enumerable.Repeat(kernel, Channels).SelectMany(weights => weights)];
    }

    private sealed class Filter : IDisposable
    {
        private readonly ConvWeights _weights;
        private readonly Workspace _workspace;

        public Filter(ConvolutionEngine engine, TensorShape planes, int size, float[] weights)
        {
            var parameters = new ConvParameters { Groups = Channels, Padding = size / 2, PaddingMode = PaddingMode.Replicate };
            _weights = new ConvWeights(weights);
            Plan = engine.CreatePlan(ConvShape.Create(parameters, planes, new TensorShape(Channels, 1, size, size)), _weights);
            _workspace = engine.RentWorkspace(Plan);
        }

        public ConvPlan Plan { get; }

        public void Run(AlignedBuffer input, AlignedBuffer output) => Plan.Run(input.Span, output.Span, _workspace);

        public void Dispose()
        {
            _workspace.Dispose();
            _weights.Dispose();
        }
    }
}
