using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using DeconvService.Benchmarks.Service;

namespace DeconvService.Benchmarks.Soak;

/// <summary>
/// <c>soak [minutes] [file]</c>: several clients send everything that the service takes, in random sizes, and hang up and send garbage as well.
/// No answer may be a 5xx, and memory must stay flat after the warm-up.
/// </summary>
internal sealed class SoakCommand
{
    private const int Clients = 8;
    private const string Model = "upconv7-scale2x";

    // Kind, how often, and what is sent.
    private static readonly (string Kind, int Weight, Func<Random, HttpRequestMessage> Request)[] Kinds =
    [
        ("JSON", 20, random => Post("/v1/conv", Json(
            $"{{\"input\":{Bodies.JsonTensor(random, 1, 3, random.Next(16, 128), random.Next(16, 128))},\"weight\":{Bodies.JsonTensor(random, 8, 3, 3, 3)},\"padding\":1}}"))),
        (".npy", 20, random => Post("/v1/conv-transpose", Bodies.Form(
            [("input", Bodies.Npy(random, 1, 32, random.Next(16, 160), random.Next(16, 160))), ("weight", Bodies.Npy(random, 32, 16, 4, 4))],
            ("stride", "2"), ("padding", "1")), "application/x-npy")),
        ("shape", 10, _ => Post("/v1/conv/shape", Json("{\"inputShape\":[1,3,224,224],\"weightShape\":[64,3,7,7],\"stride\":2,\"padding\":3,\"fit\":\"floor\"}"))),
        ("picture", 20, random => Post($"/v1/images/conv?kernel=gaussian&sigma={random.Next(1, 4)}", Picture(random, 600))),
        ("enlarged picture", 10, random => Post("/v1/images/conv-transpose?kernel=lanczos3&stride=2", Picture(random, 300))),
        ("network, picture", 8, random => Post($"/v1/models/{Model}/image", Picture(random, 200))),
        ("network, tensor", 8, random => Post($"/v2/models/{Model}/infer", Bodies.Inference(random, 1, 3, random.Next(20, 100), random.Next(20, 100)))),
        ("hang-up", 8, random => Post($"/v1/models/{Model}/image", Picture(random, 400))),
        ("garbage", 8, Garbage),
    ];

    private readonly Dictionary<string, Latencies> _latencies = Kinds.ToDictionary(kind => kind.Kind, _ => new Latencies(), StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _faults = [];

    public static async Task<int> RunAsync(string[] args)
    {
        double minutes = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 10;
        var command = new SoakCommand();
        await using ServerProcess service = await ServerProcess.StartServiceAsync();
        (string report, bool passed) = await command.SoakAsync(service, TimeSpan.FromMinutes(minutes));
        Console.WriteLine(report);
        if (args.Length > 1)
            await File.WriteAllTextAsync(args[1], report);

        return passed ? 0 : 1;
    }

    private async Task<(string Report, bool Passed)> SoakAsync(ServerProcess service, TimeSpan length)
    {
        using var end = new CancellationTokenSource(length);
        Task[] clients = [.. Enumerable.Range(0, Clients).Select(seed => SendAsync(service, new Random(seed), end.Token))];
        List<double> curve = [];
        while (!end.IsCancellationRequested && !service.HasExited)
        {
            await Task.Delay(length / 40);
            if (!service.HasExited)
                curve.Add(service.ResidentBytes / 1048576.0);
        }

        await Task.WhenAll(clients);

        // Warm is what comes after the first fifth; what grows is seen between the two halves of the rest.
        double[] warm = [.. curve.Skip(curve.Count / 5)];
        double first = warm.Take(warm.Length / 2).Max(), second = warm.Skip(warm.Length / 2).Max();
        int errors = _latencies.Values.Sum(kind => kind.CountOf(status => status >= 500));
        bool passed = errors == 0 && _faults.IsEmpty && !service.HasExited && second <= (1.1 * first) + 16;
        var report = new StringBuilder();
        report.Append(CultureInfo.InvariantCulture, $"# Soak: {length.TotalMinutes:0.#} minutes, {Clients} clients, {Environment.ProcessorCount} cores\n\n")
            .Append(CultureInfo.InvariantCulture, $"{_latencies.Values.Sum(kind => kind.Count)} requests, {errors} answered 5xx, {_faults.Count} without an answer. ")
            .Append(CultureInfo.InvariantCulture, $"Resident memory after the warm-up: at most {first:0} MiB in the first half, {second:0} MiB in the second; peak {service.PeakBytes / 1048576.0:0} MiB.\n\n")
            .Append("| request | count | p50 ms | p99 ms | answers |\n|---|---|---|---|---|\n");
        foreach ((string kind, Latencies times) in _latencies)
            report.Append(CultureInfo.InvariantCulture, $"| {kind} | {times.Count} | {times.Quantile(0.5):0.0} | {times.Quantile(0.99):0.0} | {times.Statuses} |\n");

        report.Append("\nResident memory, MiB, at equal distances:\n\n    ").AppendJoin(' ', curve.Select(value => value.ToString("0", CultureInfo.InvariantCulture))).Append('\n');
        foreach (string fault in _faults.Take(20))
            report.Append("\nFAILED ").Append(fault);

        return (report.ToString(), passed);
    }

    private async Task SendAsync(ServerProcess service, Random random, CancellationToken end)
    {
        using var client = new HttpClient { BaseAddress = service.Address, Timeout = TimeSpan.FromMinutes(5) };
        while (!end.IsCancellationRequested)
        {
            (string kind, _, Func<Random, HttpRequestMessage> make) = Choose(random);
            using HttpRequestMessage request = make(random);
            using var hangUp = new CancellationTokenSource();
            if (string.Equals(kind, "hang-up", StringComparison.Ordinal))
                hangUp.CancelAfter(random.Next(1, 200));

            long start = Stopwatch.GetTimestamp();
            int status = 0;
            try
            {
                using HttpResponseMessage response = await client.SendAsync(request, hangUp.Token);
                status = (int)response.StatusCode;
                if (status >= 500)
                    _faults.Enqueue($"{kind}: {status} {await response.Content.ReadAsStringAsync(CancellationToken.None)}");
            }
            catch (OperationCanceledException) when (hangUp.IsCancellationRequested)
            {
                // as it was meant
            }
            catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
            {
                _faults.Enqueue($"{kind}: {exception.Message}");
            }

            _latencies[kind].Add(status, Stopwatch.GetElapsedTime(start));
        }
    }

    private static (string Kind, int Weight, Func<Random, HttpRequestMessage> Request) Choose(Random random)
    {
        int number = random.Next(Kinds.Sum(kind => kind.Weight));
        return Kinds.First(kind => (number -= kind.Weight) < 0);
    }

    private static HttpRequestMessage Garbage(Random random)
    {
        byte[] body = new byte[random.Next(1, 100_000)];
        random.NextBytes(body);
        string[] paths = ["/v1/conv", "/v1/conv-transpose/shape", "/v1/images/conv", $"/v1/models/{Model}/image", $"/v2/models/{Model}/infer", "/v1/models/none/image"];
        string[] types = ["application/json", "application/x-npz", "multipart/form-data; boundary=b", "image/png", "application/octet-stream"];
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(types[random.Next(types.Length)]);
        return Post(paths[random.Next(paths.Length)], content);
    }

    private static HttpRequestMessage Post(string path, HttpContent content, string? accept = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        if (accept is not null)
            request.Headers.Accept.ParseAdd(accept);

        return request;
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static ByteArrayContent Picture(Random random, int largest)
    {
        var content = new ByteArrayContent(Bodies.Png(random, random.Next(16, largest), random.Next(16, largest)));
        content.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        return content;
    }
}
