using System.Net;
using System.Text.Json;
using DeconvService.Api.Models;
using DeconvService.Api.Security;
using DeconvService.Api.Tests.Hosting;
using Xunit;

namespace DeconvService.Api.Tests.Models;

public sealed class ManagementTests
{
    public static TheoryData<string, string> Calls => new()
    {
        { "PUT", "/v1/models/net" },
        { "DELETE", "/v1/models/net" },
        { "POST", "/v2/repository/models/net/load" },
        { "POST", "/v2/repository/models/net/unload" },
    };

    [Theory, MemberData(nameof(Calls))]
    public async Task Call_ManagementOff_IsForbidden(string method, string path)
    {
        await using var app = new ServiceApp();
        HttpResponseMessage response = await SendAsync(app, method, path, ModelsApp.Key);
        await AssertErrorAsync(response, HttpStatusCode.Forbidden, "Management:Enabled");
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task Call_KeyMissingOrWrong_IsUnauthorized(string method, string path)
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("net.onnx", TestNetwork.Border()));
        foreach (string? key in (string?[])[null, "", "Secret", "secretsecret", "s"])
            await AssertErrorAsync(await SendAsync(app.App, method, path, key), HttpStatusCode.Unauthorized, ApiKey.Header);

        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync("/v2/models/net/ready")).StatusCode);
    }

    private static Task<HttpResponseMessage> SendAsync(ServiceApp app, string method, string path, string? key)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (key is not null)
            request.Headers.TryAddWithoutValidation(ApiKey.Header, key);

        return app.SendAsync(request);
    }

    private static async Task AssertErrorAsync(HttpResponseMessage response, HttpStatusCode status, string named)
    {
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(status == response.StatusCode, $"{response.StatusCode}: {text}");
        Assert.Contains(named, text, StringComparison.Ordinal);
        if (response.RequestMessage!.RequestUri!.AbsolutePath.StartsWith("/v2", StringComparison.Ordinal))
            Assert.Equal(["error"], JsonDocument.Parse(text).RootElement.EnumerateObject().Select(member => member.Name));
        else
            ServiceAppExtensions.AssertProblem(text, (int)status);
    }
}
