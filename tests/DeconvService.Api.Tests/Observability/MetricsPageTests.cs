using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using DeconvService.Api.Tests.Hosting;

namespace DeconvService.Api.Tests.Observability;

/// <summary>What <c>GET /metrics</c> says after some requests: all that is promised, in the format and with the names that Prometheus wants.</summary>
public sealed partial class MetricsPageTests
{
    [Fact]
    public async Task Page_AfterRequests_HasEveryPromisedNumber()
    {
        await using ServiceApp app = ServiceApp.OnKestrel(("Auth:ApiKeys:0", "key"));
        using HttpClient client = app.CreateClient();
        await client.GetAsync("/v1/images/kernels", TestContext.Current.CancellationToken); // no key: rejected
        client.DefaultRequestHeaders.Add("X-Api-Key", "key");
        using var body = new StringContent("""{"input":[[[1,2,3]]],"weight":[[[2]]]}""", System.Text.Encoding.UTF8, "application/json");
        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync("/v1/conv", body, TestContext.Current.CancellationToken)).StatusCode);
        string page = await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        string[] promised =
        [
            "http_server_request_duration_seconds_count{http_request_method=\"POST\",http_response_status_code=\"200\",http_route=\"/v1/conv\"",
            "http_server_active_requests{", "deconv_queue_length{for=\"cores\"} 0", "deconv_queue_wait_duration_seconds_bucket{for=\"cores\",le=",
            "deconv_compute_duration_seconds_bucket{operator=\"conv\",algorithm=", "deconv_compute_multiply_adds_total{operator=\"conv\",algorithm=",
            "deconv_requests_received_bytes_total ", "deconv_responses_sent_bytes_total ", "deconv_model_loads_total{outcome=\"success\"}",
            "deconv_memory_bytes{kind=\"limit\"}", "process_resident_memory_bytes ", "deconv_requests_rejected_total{reason=\"unauthorized\"} 1",
            "deconv_stage_duration_seconds_count{stage=\"decode\"}",
        ];
        Assert.All(promised, start => Assert.True(page.Contains($"\n{start}", StringComparison.Ordinal) || SortedLabels(page, start), $"{start} is not in\n{page}"));
        AssertFormat(page);
    }

    // The labels of the framework's own metrics stand in no promised order.
    private static bool SortedLabels(string page, string start)
    {
        string name = start.Split('{')[0];
        string[] labels = start[name.Length..].TrimStart('{').Split(',');
        return page.Split('\n').Any(line => line.StartsWith(name + "{", StringComparison.Ordinal) && labels.All(label => line.Contains(label, StringComparison.Ordinal)));
    }

    // The rules of promtool's lint: https://prometheus.io/docs/practices/naming/
    private static void AssertFormat(string page)
    {
        Assert.EndsWith("\n", page, StringComparison.Ordinal);
        string name = "", type = "";
        HashSet<string> seen = [], series = [];
        foreach (string line in page.TrimEnd('\n').Split('\n'))
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                name = line.Split(' ')[2];
                Assert.True(seen.Add(name), $"{name} comes twice");
                Assert.True(line.Split(' ').Length > 3, line);
                continue;
            }

            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                Assert.Equal(name, line.Split(' ')[2]);
                type = line.Split(' ')[3];
                Assert.Contains(type, new[] { "counter", "gauge", "histogram" });
                Assert.Equal(string.Equals(type, "counter", StringComparison.Ordinal), name.EndsWith("_total", StringComparison.Ordinal));
                Assert.DoesNotMatch("_(count|sum|bucket|info|milliseconds|ms|kilobytes|mb)$", name);
                continue;
            }

            Match sample = Sample().Match(line);
            Assert.True(sample.Success, line);
            string suffix = sample.Groups["name"].Value[name.Length..];
            Assert.Contains(suffix, string.Equals(type, "histogram", StringComparison.Ordinal) ? new[] { "_bucket", "_sum", "_count" } : [""]);
            Assert.True(double.TryParse(sample.Groups["value"].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out _), line);
            Assert.True(series.Add(line[..^sample.Groups["value"].Length]), $"twice: {line}");
        }
    }

    [GeneratedRegex("""^(?<name>[a-z_][a-z0-9_]*)(\{([a-z_][a-z0-9_]*="([^"\\]|\\.)*",?)+\})? (?<value>\S+)$""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Sample();
}
