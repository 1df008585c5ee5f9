using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using DeconvService.Benchmarks.Service;

namespace DeconvService.Benchmarks.Responsiveness;

/// <summary>
/// <c>responsiveness [seconds]</c>: how soon health checks and metrics are answered while all cores compute, and how soon the cores are free
/// after a client hung up, at random moments of every kind of request.
/// </summary>
internal static class ResponsivenessCommand
{
    private const int Clients = 8;
    private const int HangUps = 12;
    private const string Model = "upconv7-scale2x";

    // Each takes some tenths of a second or more.
    private static readonly (string Kind, string Path, Func<Random, HttpContent> Content)[] Kinds =
    [
        ("operator", "/v1/conv", random => Bodies.Form(
            [("input", Bodies.Npy(random, 1, 64, 256, 256)), ("weight", Bodies.Npy(random, 64, 64, 11, 11))], ("padding", "5"))),
        ("transposed operator", "/v1/conv-transpose", random => Bodies.Form(
            [("input", Bodies.Npy(random, 1, 64, 128, 128)), ("weight", Bodies.Npy(random, 64, 64, 11, 11))], ("stride", "2"))),
        ("picture filter", "/v1/images/conv?kernel=gaussian&sigma=9", random => Picture(random, 3000, 2000)),
        ("network, picture", $"/v1/models/{Model}/image", random => Picture(random, 800, 600)),
        ("network, tensor", $"/v2/models/{Model}/infer", random => Bodies.Inference(random, 1, 3, 400, 400)),
    ];

    public static async Task<int> RunAsync(string[] args)
    {
        var length = TimeSpan.FromSeconds(args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 10);
        await using ServerProcess service = await ServerProcess.StartServiceAsync();
        using var client = new HttpClient { BaseAddress = service.Address, Timeout = TimeSpan.FromMinutes(2) };
        Console.WriteLine($"# Hang-ups: milliseconds until no core computes, {HangUps} each\n\n| request | takes ms | p50 | max |\n|---|---|---|---|");
        var requests = new Func<HttpRequestMessage>[Kinds.Length];
        for (int i = 0; i < Kinds.Length; i++)
        {
            requests[i] = await MakeOnceAsync(Kinds[i].Path, Kinds[i].Content);
            await HangUpAsync(client, Kinds[i].Kind, requests[i]);
        }

        Console.WriteLine($"\n# Answers while {Clients} clients keep all cores busy for {length.TotalSeconds} s, ms\n\n| path | count | p50 | p99 | max |\n|---|---|---|---|---|");
        using var end = new CancellationTokenSource(length);
        Task[] load = [.. Enumerable.Range(0, Clients).Select(seed => LoadAsync(client, requests, new Random(seed), end.Token))];
        (string Path, Latencies Times)[] probes = [("/health/live", new()), ("/health/ready", new()), ("/metrics", new())];
        await Task.WhenAll(probes.Select(probe => ProbeAsync(service, probe.Path, probe.Times, end.Token)));
        await Task.WhenAll(load);
        foreach ((string path, Latencies times) in probes)
            Console.WriteLine($"| {path} | {times.Statuses} | {times.Quantile(0.5):0.0} | {times.Quantile(0.99):0.0} | {times.Quantile(1):0.0} |");

        return 0;
    }

    private static async Task HangUpAsync(HttpClient client, string kind, Func<HttpRequestMessage> make)
    {
        var random = new Random(1);
        TimeSpan whole = default;
        for (int i = 0; i < 2; i++) // the second is warm
        {
            long start = Stopwatch.GetTimestamp();
            using HttpRequestMessage request = make();
            using HttpResponseMessage response = await client.SendAsync(request);
            response.EnsureSuccessStatusCode();
            whole = Stopwatch.GetElapsedTime(start);
        }

        var times = new Latencies();
        for (int tries = 0; times.Count < HangUps && tries < 5 * HangUps; tries++)
        {
            using HttpRequestMessage request = make();
            using var hangUp = new CancellationTokenSource();
            Task<HttpResponseMessage> sending = client.SendAsync(request, hangUp.Token);
            await Task.Delay(whole * random.NextDouble());
            if (await RunningAsync(client) == 0 || sending.IsCompleted)
            {
                (await sending).Dispose();
                continue;
            }

            long start = Stopwatch.GetTimestamp();
            await hangUp.CancelAsync();
            while (await RunningAsync(client) > 0)
                await Task.Delay(1);

            times.Add(0, Stopwatch.GetElapsedTime(start));
            await sending.ContinueWith(_ => { }, TaskScheduler.Default);
        }

        Console.WriteLine($"| {kind} | {whole.TotalMilliseconds:0} | {times.Quantile(0.5):0} | {times.Quantile(1):0} |");
    }

    private static async Task<int> RunningAsync(HttpClient client)
    {
        string metrics = await client.GetStringAsync("/metrics");
        const string Name = "\ndeconv_compute_running ";
        return int.Parse(metrics.AsSpan(metrics.IndexOf(Name, StringComparison.Ordinal) + Name.Length, 1), CultureInfo.InvariantCulture);
    }

    private static async Task LoadAsync(HttpClient client, Func<HttpRequestMessage>[] requests, Random random, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            using HttpRequestMessage request = requests[random.Next(requests.Length)]();
            using HttpResponseMessage response = await client.SendAsync(request, CancellationToken.None);
            response.EnsureSuccessStatusCode();
        }
    }

    private static async Task ProbeAsync(ServerProcess service, string path, Latencies times, CancellationToken end)
    {
        using var client = new HttpClient { BaseAddress = service.Address };
        while (!end.IsCancellationRequested)
        {
            long start = Stopwatch.GetTimestamp();
            using HttpResponseMessage response = await client.GetAsync(path, CancellationToken.None);
            times.Add((int)response.StatusCode, Stopwatch.GetElapsedTime(start));
            await Task.Delay(10, CancellationToken.None);
        }
    }

    // The body is made once: making its numbers would take the cores from the service.
    private static async Task<Func<HttpRequestMessage>> MakeOnceAsync(string path, Func<Random, HttpContent> make)
    {
        using HttpContent made = make(new Random(1));
        byte[] body = await made.ReadAsByteArrayAsync();
        (string Name, string Value)[] headers = [.. made.Headers.Select(header => (header.Key, header.Value.First()))];
        return () =>
        {
            var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
            foreach ((string name, string value) in headers)
                request.Content.Headers.TryAddWithoutValidation(name, value);

            if (path.StartsWith("/v1/conv", StringComparison.Ordinal))
                request.Headers.Accept.ParseAdd("application/x-npy");

            return request;
        };
    }

    private static ByteArrayContent Picture(Random random, int width, int height)
    {
        var content = new ByteArrayContent(Bodies.Png(random, width, height));
        content.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        return content;
    }
}
