using System.Net;
using DeconvService.Api.Tests.Hosting;
using Xunit;

namespace DeconvService.Api.Tests.Security;

public sealed class SecurityTests
{
    private const string Key = "a key of the tests";

    [Theory]
    [InlineData("/")]
    [InlineData("/health/live")]
    [InlineData("/metrics")]
    [InlineData("/nowhere")]
    public async Task EveryAnswer_ErrorsToo_HasTheHeadersAndNoBanner(string path)
    {
        using var app = new ServiceApp();
        HttpResponseMessage response = await app.CreateClient().GetAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        Assert.Contains("frame-ancestors 'none'", Assert.Single(response.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe-inline", Assert.Single(response.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.Empty(response.Headers.Server);
    }

    [Theory]
    [InlineData("/metrics")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/v1/models")]
    [InlineData("/nowhere")]
    public async Task Keys_MissingOrWrong_Are401(string path)
    {
        using var app = new ServiceApp(("Auth:ApiKeys:0", Key), ("Auth:ApiKeys:1", "another"));
        foreach (string? given in new[] { null, "", "wrong", Key + " ", Key[..^1] })
        {
            HttpResponseMessage response = await GetAsync(app, path, given);
            await response.ReadProblemAsync(HttpStatusCode.Unauthorized, "unauthorized");
            Assert.Equal("ApiKey", Assert.Single(response.Headers.WwwAuthenticate).Scheme);
        }
    }

    [Theory]
    [InlineData(Key)]
    [InlineData("another")]
    public async Task Keys_AnyOfThem_LetsThrough(string given)
    {
        using var app = new ServiceApp(("Auth:ApiKeys:0", Key), ("Auth:ApiKeys:1", "another"));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(app, "/metrics", given)).StatusCode);
    }

    [Fact]
    public async Task Keys_KeyOfManagement_LetsThrough()
    {
        using var app = new ServiceApp(("Auth:ApiKeys:0", Key), ("Management:Enabled", "true"), ("Management:ApiKey", "management"));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(app, "/metrics", "management")).StatusCode);
    }

    [Theory]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    public async Task Keys_HealthChecks_NeedNone(string path)
    {
        using var app = new ServiceApp(("Auth:ApiKeys:0", Key));
        HttpStatusCode status = (await GetAsync(app, path, null)).StatusCode;
        Assert.True(status is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, $"{status}"); // it may still be loading
    }

    [Fact]
    public async Task Keys_Whatever_NeverInTheLog()
    {
        using var app = new ServiceApp(("Auth:ApiKeys:0", Key));
        await GetAsync(app, "/metrics", Key);
        await GetAsync(app, "/metrics", "a wrong key");
        Assert.DoesNotContain(app.Log.Lines, line => line.Text.Contains(Key, StringComparison.Ordinal) || line.Text.Contains("a wrong key", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("https://example.org", "https://example.org")]
    [InlineData("https://elsewhere.org", null)]
    public async Task Cors_Preflight_AnswersListedOriginsOnlyAndNeedsNoKey(string origin, string? expected)
    {
        using var app = new ServiceApp(("Cors:Origins:0", "https://example.org"), ("Auth:ApiKeys:0", Key));
        using var request = new HttpRequestMessage(HttpMethod.Options, "/v1/conv");
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", "content-type,x-api-key");
        HttpResponseMessage response = await app.SendAsync(request);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal(expected, response.Headers.TryGetValues("Access-Control-Allow-Origin", out IEnumerable<string>? values) ? values.Single() : null);
    }

    [Fact]
    public async Task Headers_TooLongOrTooMany_AreRefused()
    {
        using var app = ServiceApp.OnKestrel();
        foreach (string headers in new[] { $"A: {new string('a', 40 << 10)}\r\n", string.Concat(Enumerable.Range(0, 70).Select(i => $"A{i}: a\r\n")) })
        {
            using var connection = new RawConnection(app.Port);
            await connection.SendAsync($"GET /health/live HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
            Assert.Equal(431, (await connection.ReceiveAsync()).Status);
        }
    }

    private static Task<HttpResponseMessage> GetAsync(ServiceApp app, string path, string? key)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (key is not null)
            request.Headers.TryAddWithoutValidation("X-Api-Key", key);

        return app.SendAsync(request);
    }
}
