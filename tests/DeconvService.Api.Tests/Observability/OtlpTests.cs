using System.Net.Http.Headers;
using System.Text;
using DeconvService.Api.Tests.Hosting;
using DeconvService.Imaging.Tests;

namespace DeconvService.Api.Tests.Observability;

public sealed class OtlpTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // One of each kind of computation; in a process of its own, because the exporter reads environment variables.
    [PictureFact]
    public async Task Collector_GetsTheSpansOfEveryStageOfEveryComputation_AndTheMetrics()
    {
        await using OtlpReceiver collector = await OtlpReceiver.StartAsync();
        await using ServiceProcess service = await ServiceProcess.StartAsync(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_SERVICE_NAME", "the-service"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_METRIC_EXPORT_INTERVAL", "500"));
        byte[] picture = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "Pictures", "chelsea.png"), TestContext.Current.CancellationToken);
        string tensor = $"{{\"inputs\":[{{\"name\":\"input\",\"shape\":[1,3,20,20],\"datatype\":\"FP32\",\"data\":[{string.Join(',', Enumerable.Repeat("0.5", 1200))}]}}]}}";
        (string Path, byte[] Body, string Type)[] requests =
        [
            ("/v1/conv", """{"input":[[[1,2,3]]],"weight":[[[2]]]}"""u8.ToArray(), "application/json"),
            ("/v1/images/conv?kernel=gaussian&sigma=2", picture, "image/png"),
            ("/v1/models/upconv7-scale2x/image", picture, "image/png"),
            ("/v2/models/upconv7-scale2x/infer", Encoding.ASCII.GetBytes(tensor), "application/json"),
        ];
        string[] stages = ["decode", "encode", "plan", "queue", "run"];
        foreach ((string path, byte[] body, string type) in requests)
        {
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = new MediaTypeHeaderValue(type);
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
            string trace = Convert.ToHexString(Guid.NewGuid().ToByteArray());
            request.Headers.Add("traceparent", $"00-{trace.ToLowerInvariant()}-00f067aa0ba902b7-01");
            HttpResponseMessage response = await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.True(response.IsSuccessStatusCode, $"{path}: {response.StatusCode}");
            AssertServerTiming(path, response, stages);
            await AssertSpansAsync(collector, path, trace, stages);
        }

        Assert.Equal("the-service", collector.Resource["service.name"]);
        string[] metrics =
        [
            "http.server.request.duration", "http.server.active_requests", "deconv.queue.length", "deconv.queue.wait.duration", "deconv.compute.duration",
            "deconv.compute.multiply_adds", "deconv.requests.received", "deconv.responses.sent", "deconv.model.loads", "deconv.memory",
        ];
        await UntilAsync(() => metrics.All(collector.Metrics.ContainsKey), () => $"metrics: {string.Join(", ", collector.Metrics.Keys)}");
    }

    private static void AssertServerTiming(string path, HttpResponseMessage response, string[] stages)
    {
        string header = Assert.Single(response.Headers.GetValues("Server-Timing"));
        Assert.All(stages, stage => Assert.True(header.Contains($"{stage};dur=", StringComparison.Ordinal), $"{path}: {header}"));
    }

    // The stages are children of the request's span, which itself is a child of what the client named, and lie within it.
    private static async Task AssertSpansAsync(OtlpReceiver collector, string path, string trace, string[] stages)
    {
        OtlpSpan[] Spans() => [.. collector.Spans.Where(span => string.Equals(span.Trace, trace, StringComparison.Ordinal))];
        OtlpSpan? Request() => Spans().SingleOrDefault(span => string.Equals(span.Parent, "00F067AA0BA902B7", StringComparison.Ordinal));

        await UntilAsync(() => Request() is not null && stages.All(stage => Spans().Any(span => Is(span, stage))), () => $"{path}: {string.Join(", ", Spans().Select(span => span.Name))}");
        OtlpSpan request = Request()!;
        const ulong Slack = 20_000_000; // spans are written after the fact, by another clock
        foreach (OtlpSpan span in Spans().Where(span => span != request))
        {
            Assert.Equal(request.Id, span.Parent);
            Assert.True(span.Start <= span.End && span.Start + Slack >= request.Start && span.End <= request.End + Slack, $"{path}: {span} is not within {request}");
        }

        bool Is(OtlpSpan span, string stage) => string.Equals(span.Name, stage, StringComparison.Ordinal);
    }

    private static async Task UntilAsync(Func<bool> condition, Func<string> what)
    {
        for (long end = Environment.TickCount64 + (long)Patience.TotalMilliseconds; !condition();)
        {
            Assert.True(Environment.TickCount64 < end, what());
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}
