using System.Globalization;
using System.Net.Http.Headers;
using DeconvService.Benchmarks.Service;

namespace DeconvService.Benchmarks.Soak;

/// <summary>
/// <c>crowd [MiB] [requests]</c>: 120 requests of 17 MB at once under a budget of 512 MiB. Resident memory may never be over it, and every
/// request is answered 200, or 429 when its patience ended.
/// </summary>
internal static class CrowdCommand
{
    public static async Task<int> RunAsync(string[] args)
    {
        long budget = (args.Length > 0 ? long.Parse(args[0], CultureInfo.InvariantCulture) : 512) << 20;
        int requests = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 120;
        var random = new Random(1);
        using MultipartFormDataContent form = Bodies.Form(
            [("input", Bodies.Npy(random, 1, 64, 256, 256)), ("weight", Bodies.Npy(random, 16, 64, 3, 3))], ("padding", "1"));
        byte[] body = await form.ReadAsByteArrayAsync();
        await using ServerProcess service = await ServerProcess.StartServiceAsync($"Limits__MemoryBytes={budget}");
        using var client = new HttpClient { BaseAddress = service.Address, Timeout = TimeSpan.FromMinutes(5) };
        var times = new Latencies();
        await Task.WhenAll(Enumerable.Range(0, requests).Select(async _ =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/conv") { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(form.Headers.ContentType!.ToString());
            request.Headers.Accept.ParseAdd("application/x-npy");
            using HttpResponseMessage response = await client.SendAsync(request);
            times.Add((int)response.StatusCode, TimeSpan.Zero);
        }));
        bool passed = service.PeakBytes <= budget && times.CountOf(status => status is not (200 or 429)) == 0;
        Console.WriteLine($"{requests} requests of {body.Length / 1e6:0.0} MB at once: {times.Statuses}; resident memory {service.PeakBytes / 1048576.0:0} MiB at the most, budget {budget >> 20} MiB");
        return passed ? 0 : 1;
    }
}
