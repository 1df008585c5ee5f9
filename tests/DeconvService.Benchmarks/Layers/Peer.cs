using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DeconvService.Benchmarks.Layers;

/// <summary>A program that computes the same layers, timed in turn with ours: <c>worker.mjs</c> of a folder, run by node.</summary>
internal sealed class Peer : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts the worker; its packages are installed on first use.</summary>
    public Peer(string folder)
    {
        if (!Directory.Exists(Path.Combine(folder, "node_modules")))
            Install(folder);

        _process = Process.Start(new ProcessStartInfo("node", "worker.mjs")
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
    }

    /// <summary>The folder with the project's own worker.</summary>
    public static string DefaultFolder => Path.Combine(AppContext.BaseDirectory, "peer");

    /// <summary>Starts the worker of a folder; null for the word "none".</summary>
    public static Peer? Start(string folder) => string.Equals(folder, "none", StringComparison.Ordinal) ? null : new Peer(folder);

    /// <summary>How much its resident memory has grown at the most; 0 for a peer that does not say.</summary>
    public long GrownBytes { get; private set; }

    /// <summary>Runs a network for some seconds.</summary>
    /// <exception cref="InvalidOperationException">The peer cannot.</exception>
    public (double MedianMs, double MinMs) Time(string model, int[] input, int threads, double seconds) =>
        Ask(new JsonObject { ["model"] = model, ["input"] = JsonSerializer.SerializeToNode(input), ["threads"] = threads, ["seconds"] = seconds });

    /// <summary>Runs a layer for some seconds.</summary>
    /// <exception cref="InvalidOperationException">The peer cannot.</exception>
    public (double MedianMs, double MinMs) Time(JsonElement layer, int threads, double seconds) =>
        Ask(new JsonObject { ["layer"] = JsonNode.Parse(layer.GetRawText()), ["threads"] = threads, ["seconds"] = seconds });

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000))
            _process.Kill();

        _process.Dispose();
    }

    private (double MedianMs, double MinMs) Ask(JsonObject request)
    {
        _process.StandardInput.WriteLine(request.ToJsonString());
        _process.StandardInput.Flush();
        string line = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the peer ended");
        using var answer = JsonDocument.Parse(line);
        if (answer.RootElement.TryGetProperty("error", out JsonElement error))
            throw new InvalidOperationException($"the peer says: {error.GetString()}");

        GrownBytes = answer.RootElement.TryGetProperty("grownBytes", out JsonElement grown) ? grown.GetInt64() : 0;
        WaitUntilIdle();
        return (answer.RootElement.GetProperty("medianMs").GetDouble(), answer.RootElement.GetProperty("minMs").GetDouble());
    }

    // ONNX Runtime's threads spin for 30 ms after their last work, on cores that the other side is then timed on.
    private void WaitUntilIdle()
    {
        TimeSpan before, now = _process.TotalProcessorTime;
        do
        {
            // Long enough for a spinning thread to show in a clock that ticks every 10 ms.
            Thread.Sleep(25);
            before = now;
            _process.Refresh();
            now = _process.TotalProcessorTime;
        }
        while (now - before >= TimeSpan.FromMilliseconds(10));
    }

    private static void Install(string folder)
    {
        // The CPU library ships inside the package; its install script only fetches another one.
        using Process npm = Process.Start(new ProcessStartInfo("npm", "ci --ignore-scripts") { WorkingDirectory = folder })!;
        npm.WaitForExit();
        if (npm.ExitCode != 0)
            throw new InvalidOperationException($"npm ci failed in {folder}");
    }
}
