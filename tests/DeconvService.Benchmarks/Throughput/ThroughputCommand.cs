using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using DeconvService.Benchmarks.Service;

namespace DeconvService.Benchmarks.Throughput;

/// <summary>
/// <c>throughput [--pictures folder] [--rounds 3] [--seconds 20] [--file report.md]</c>: the same pictures through the same network by this service
/// and by what a web developer would build instead (Throughput/peer: Fastify, sharp, ONNX Runtime), in turns, with the same cores and clients.
/// </summary>
internal static class ThroughputCommand
{
    private const int Clients = 8;
    private const string Model = "upconv7-scale2x";

    public static async Task<int> RunAsync(string[] args)
    {
        CommandOptions options = CommandOptions.Parse(args, "pictures", "rounds", "seconds", "file");
        int rounds = int.Parse(options.Get("rounds", "3"), CultureInfo.InvariantCulture);
        var roundLength = TimeSpan.FromSeconds(double.Parse(options.Get("seconds", "20"), CultureInfo.InvariantCulture));
        byte[][] pictures = options.Get("pictures", "") is { Length: > 0 } folder
            ? [.. Directory.GetFiles(folder, "*.png").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)]
            : [.. Enumerable.Range(0, 4).Select(seed => Bodies.Png(new Random(seed), 256, 256))];
        await using ServerProcess service = await ServerProcess.StartServiceAsync();
        await using ServerProcess peer = await StartPeerAsync();
        (string Name, ServerProcess Server, string Path, Latencies Times)[] sides =
        [
            ("DeconvService", service, $"/v1/models/{Model}/image", new Latencies()),
            ("Fastify + sharp + onnxruntime-node", peer, "/image", new Latencies()),
        ];
        foreach (var side in sides)
            await LoadAsync(side.Server, side.Path, pictures, new Latencies(), TimeSpan.FromSeconds(3)); // warm

        var busy = new TimeSpan[sides.Length];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < sides.Length; i++)
                busy[i] += await LoadAsync(sides[i].Server, sides[i].Path, pictures, sides[i].Times, roundLength);
        }

        var report = new StringBuilder();
        report.Append(CultureInfo.InvariantCulture, $"# Throughput: {Model}, {pictures.Length} pictures, {Clients} clients, {Environment.ProcessorCount} cores\n\n")
            .Append("| | requests/s | p50 ms | p99 ms | peak MiB | answers |\n|---|---|---|---|---|---|\n");
        for (int i = 0; i < sides.Length; i++)
        {
            (string name, ServerProcess server, _, Latencies times) = sides[i];
            report.Append(CultureInfo.InvariantCulture, $"| {name} | {times.Count / busy[i].TotalSeconds:0.00} | {times.Quantile(0.5):0} | {times.Quantile(0.99):0} ")
                .Append(CultureInfo.InvariantCulture, $"| {server.PeakBytes / 1048576.0:0} | {times.Statuses} |\n");
        }

        Console.WriteLine(report);
        if (options.Get("file", "") is { Length: > 0 } file)
            await File.WriteAllTextAsync(file, report.ToString());

        return 0;
    }

    // Every client sends the next request when it has the last answer; the round ends when all have their answers.
    private static async Task<TimeSpan> LoadAsync(ServerProcess server, string path, byte[][] pictures, Latencies times, TimeSpan length)
    {
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            using var http = new HttpClient { BaseAddress = server.Address, Timeout = TimeSpan.FromMinutes(5) };
            for (int i = client; Stopwatch.GetElapsedTime(start) < length; i++)
            {
                using var body = new ByteArrayContent(pictures[i % pictures.Length]);
                body.Headers.ContentType = new MediaTypeHeaderValue("image/png");
                long sent = Stopwatch.GetTimestamp();
                using HttpResponseMessage response = await http.PostAsync(path, body);
                times.Add((int)response.StatusCode, Stopwatch.GetElapsedTime(sent));
            }
        }));
        return Stopwatch.GetElapsedTime(start);
    }

    private static async Task<ServerProcess> StartPeerAsync()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "Throughput", "peer");
        if (!Directory.Exists(Path.Combine(folder, "node_modules")))
        {
            using Process npm = Process.Start(new ProcessStartInfo("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]) { WorkingDirectory = folder })!;
            await npm.WaitForExitAsync();
            if (npm.ExitCode != 0)
                throw new InvalidOperationException($"npm ci ended with {npm.ExitCode}.");
        }

        string model = Path.Combine(AppContext.BaseDirectory, "models", $"{Model}.onnx");
        return await ServerProcess.StartAsync("node", port => [Path.Combine(folder, "server.mjs"), $"{port}", model], "NODE_ENV=production");
    }
}
