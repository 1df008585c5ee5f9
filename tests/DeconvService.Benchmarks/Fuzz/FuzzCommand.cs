using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using DeconvService.Benchmarks.Service;

namespace DeconvService.Benchmarks.Fuzz;

/// <summary>
/// <c>fuzz [seconds] [first number]</c>: changes good requests at random and sends them to the service. A finding is an answer 5xx, none at all,
/// one after more than <see cref="Patience"/>, a 4xx that is no error document, or memory over its budget. What found something is written
/// to the folder <c>fuzz-findings</c>; request number n is the same in every run.
/// </summary>
internal sealed class FuzzCommand(ServerProcess service, HttpClient client, FuzzCase[] seeds)
{
    private const int Clients = 4;
    private const long MemoryBytes = 1L << 30;
    private const int NotImplemented = 501; // the Open Inference Protocol, of what it knows and this service does not do
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ConcurrentDictionary<int, int> _statuses = [];
    private readonly ConcurrentQueue<(long Number, FuzzCase Case, string What)> _findings = [];
    private long _number;

    public static async Task<int> RunAsync(string[] args)
    {
        double seconds = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 60;
        long first = args.Length > 1 ? long.Parse(args[1], CultureInfo.InvariantCulture) : 0;
        string models = Directory.CreateTempSubdirectory("fuzz-models").FullName;
        File.Copy(Path.Combine(AppContext.BaseDirectory, "models", "upconv7-scale2x.onnx"), Path.Combine(models, "upconv7-scale2x.onnx"));
        await using ServerProcess service = await ServerProcess.StartServiceAsync(
            $"Limits__MemoryBytes={MemoryBytes}", "Limits__RequestSeconds=15", "Limits__TensorElements=4000000", "Limits__OutputElements=4000000",
            "Limits__ImageInputPixels=1000000", "Limits__ImageOutputPixels=4000000", $"Models__Directory={models}", "Management__Enabled=true", $"Management__ApiKey={FuzzSeeds.Key}");
        using var client = new HttpClient { BaseAddress = service.Address, Timeout = Patience };
        FuzzCase[] seeds = await FuzzSeeds.CreateAsync(client);
        var command = new FuzzCommand(service, client, seeds) { _number = first };
        int broken = await command.SendSeedsAsync();
        await command.SendChangedAsync(TimeSpan.FromSeconds(seconds));
        return command.Report(first) && broken == 0 ? 0 : 1;
    }

    // A seed that is refused reaches nothing, which would go unnoticed.
    private async Task<int> SendSeedsAsync()
    {
        int broken = 0;
        foreach (FuzzCase seed in seeds)
        {
            using HttpRequestMessage request = seed.ToRequest();
            using HttpResponseMessage response = await client.SendAsync(request);
            if (response.IsSuccessStatusCode)
                continue;

            broken++;
            Console.WriteLine($"The seed {seed.Method} {seed.Target} is answered {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
        }

        return broken;
    }

    private async Task SendChangedAsync(TimeSpan length)
    {
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            while (Stopwatch.GetElapsedTime(start) < length && !service.HasExited && _findings.Count < 100)
            {
                long number = Interlocked.Increment(ref _number);
                await SendAsync(number, Changed(new Random((int)number)));
            }
        }));
    }

    private FuzzCase Changed(Random random)
    {
        FuzzCase seed = seeds[random.Next(seeds.Length)], other = seeds[random.Next(seeds.Length)];
        bool query = seed.Body.Length == 0 || random.Next(8) == 0;
        if (!query)
        {
            byte[] body = Mutator.Change(random, seed.Body, other.Body);
            bool headers = random.Next(10) == 0;
            return seed with { Body = body, Headers = headers ? Changed(random, seed.Headers) : seed.Headers };
        }

        int at = seed.Target.IndexOf('?', StringComparison.Ordinal);
        string path = at < 0 ? seed.Target : seed.Target[..at], text = at < 0 ? "stride=1&padding=1&quality=5" : seed.Target[(at + 1)..];
        byte[] changed = Mutator.Change(random, Encoding.UTF8.GetBytes(text), Encoding.UTF8.GetBytes(other.Target));
        string escaped = string.Concat(changed.Take(3000).Select(value => value is > 32 and < 127 and not (byte)'#' ? ((char)value).ToString() : $"%{value:X2}"));
        return seed with { Target = $"{path}?{escaped}" };
    }

    private static IReadOnlyList<(string Name, string Value)> Changed(Random random, IReadOnlyList<(string Name, string Value)> headers) =>
    [
        .. headers.Select(header =>
        {
            byte[] value = Mutator.Change(random, Encoding.UTF8.GetBytes(header.Value), "application/json"u8.ToArray());
            return (header.Name, string.Concat(value.Take(200).Where(letter => letter is >= 32 and < 127).Select(letter => (char)letter)));
        }),
    ];

    private async Task SendAsync(long number, FuzzCase changed)
    {
        try
        {
            using HttpRequestMessage request = changed.ToRequest();
            using HttpResponseMessage response = await client.SendAsync(request);
            int status = (int)response.StatusCode;
            _statuses.AddOrUpdate(status, 1, (_, count) => count + 1);
            byte[] answer = await response.Content.ReadAsByteArrayAsync();
            if (status is >= 500 and not NotImplemented)
                Found(number, changed, $"{status}: {Encoding.UTF8.GetString(answer.AsSpan(0, Math.Min(answer.Length, 300)))}");
            else if (status >= 400 && !IsErrorDocument(answer))
                Found(number, changed, $"{status} without an error document");
        }
        catch (OperationCanceledException)
        {
            Found(number, changed, $"no answer within {Patience.TotalSeconds} s");
        }
        catch (Exception exception) when (exception is HttpRequestException or UriFormatException)
        {
            if (exception is HttpRequestException)
                Found(number, changed, exception.Message);
        }

        if (number % 200 == 0 && !service.HasExited && service.ResidentBytes > MemoryBytes)
            Found(number, changed, $"the service has {service.ResidentBytes} bytes in memory");
    }

    private static bool IsErrorDocument(byte[] answer)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            return document.RootElement.TryGetProperty("code", out _) || document.RootElement.TryGetProperty("error", out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private void Found(long number, FuzzCase changed, string what) => _findings.Enqueue((number, changed, what));

    private bool Report(long first)
    {
        Console.WriteLine($"{_number - first} requests: {string.Join(", ", _statuses.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} x {pair.Key}"))}");
        Console.WriteLine($"{_findings.Count} findings, resident memory {(service.HasExited ? 0 : service.PeakBytes / 1048576)} MiB at the most{(service.HasExited ? "; THE SERVICE ENDED" : "")}");
        foreach ((long number, FuzzCase changed, string what) in _findings.Take(100))
        {
            Directory.CreateDirectory("fuzz-findings");
            File.WriteAllBytes(Path.Combine("fuzz-findings", $"{number}.http"), changed.ToBytes());
            Console.WriteLine($"FOUND {number} {changed.Method} {changed.Target[..Math.Min(100, changed.Target.Length)]}: {what}");
        }

        return _findings.IsEmpty && !service.HasExited;
    }
}
