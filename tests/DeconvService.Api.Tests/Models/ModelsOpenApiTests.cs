using System.Net;
using System.Text;
using System.Text.Json;
using DeconvService.Api.Tests.Hosting;

namespace DeconvService.Api.Tests.Models;

/// <summary>What the document says of networks and of the Open Inference Protocol is so.</summary>
public sealed class ModelsOpenApiTests : IAsyncLifetime
{
    private readonly ServiceApp _app = ServiceApp.OnKestrel(("Management:Enabled", "true"), ("Management:ApiKey", ModelsApp.Key));
    private JsonElement _document;

    public static TheoryData<string, int> Tags => new() { { "Models", 6 }, { "Open Inference Protocol", 17 } };

    public async ValueTask InitializeAsync()
    {
        while ((await GetAsync("/health/ready")).StatusCode != HttpStatusCode.OK)
            await Task.Delay(10, TestContext.Current.CancellationToken);

        _document = JsonDocument.Parse(await (await GetAsync("/openapi/v1.json")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Theory, MemberData(nameof(Tags))]
    public void Operations_AreDescribedWithEveryStatusAndForm(string tag, int count)
    {
        (string Name, string Path, string Method, JsonElement Operation)[] operations = [.. Operations(tag)];
        Assert.Equal(count, operations.Length);
        foreach ((string name, string path, _, JsonElement operation) in operations)
        {
            Assert.True(operation.GetProperty("summary").GetString() is { Length: > 0 }, name);
            JsonProperty[] responses = [.. operation.GetProperty("responses").EnumerateObject()];
            Assert.Contains(responses, response => response.Name is "500");
            Assert.Contains(responses, response => response.Name is "200" or "201" or "204");
            foreach (JsonProperty response in responses)
            {
                Assert.True(response.Value.GetProperty("description").GetString() is { Length: > 5 }, $"{name} {response.Name}");
                if (string.CompareOrdinal(response.Name, "400") >= 0)
                {
                    string form = path.StartsWith("/v2", StringComparison.Ordinal) ? "application/json" : "application/problem+json";
                    Assert.True(response.Value.GetProperty("content").TryGetProperty(form, out _), $"{name} {response.Name}");
                }
            }

            if (operation.TryGetProperty("parameters", out JsonElement parameters))
                Assert.All(parameters.EnumerateArray(), parameter => Assert.True(parameter.TryGetProperty("description", out _), $"{name} {parameter}"));
        }
    }

    [Theory, MemberData(nameof(Tags))]
    public async Task Examples_Work(string tag, int count)
    {
        int tried = 0;
        foreach ((string name, string template, string method, JsonElement operation) in Operations(tag).OrderBy(operation => operation.Name.Contains("unload", StringComparison.Ordinal)))
        {
            if (method is "delete" or "put" || template.Contains("progress", StringComparison.Ordinal))
                continue;

            string path = template.Replace("{name}", "upconv7-scale2x", StringComparison.Ordinal).Replace("{version}", "1", StringComparison.Ordinal);
            var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = await BodyAsync(operation) };
            request.Headers.Add("X-Api-Key", ModelsApp.Key);
            HttpResponseMessage response = await _app.SendAsync(request);
            Assert.True(response.IsSuccessStatusCode, $"{name}: {await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)}");
            tried++;
        }

        Assert.InRange(tried, count - 3, count);
    }

    private async Task<HttpContent?> BodyAsync(JsonElement operation)
    {
        if (!operation.TryGetProperty("requestBody", out JsonElement body))
            return null;

        JsonProperty content = body.GetProperty("content").EnumerateObject()
            .First(candidate => candidate.Value.TryGetProperty("example", out _) || candidate.Value.TryGetProperty("examples", out _));
        if (content.Value.TryGetProperty("example", out JsonElement example))
            return new StringContent(example.GetRawText(), Encoding.UTF8, content.Name);

        string file = content.Value.GetProperty("examples").EnumerateObject().First().Value.GetProperty("externalValue").GetString()!;
        return ModelsApp.Bytes(await (await GetAsync(file)).Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken), content.Name);
    }

    private Task<HttpResponseMessage> GetAsync(string path) => _app.SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

    private IEnumerable<(string Name, string Path, string Method, JsonElement Operation)> Operations(string tag) =>
        from path in _document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        where operation.Value.GetProperty("tags")[0].GetString() == tag
        select ($"{operation.Name.ToUpperInvariant()} {path.Name}", path.Name, operation.Name, operation.Value);
}
