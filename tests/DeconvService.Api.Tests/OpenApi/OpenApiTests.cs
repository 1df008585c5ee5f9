using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using DeconvService.Api.Tests.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DeconvService.Api.Tests.OpenApi;

/// <summary>The document promises nothing that the service does not keep. A feature adds its tag here when it is described.</summary>
public sealed class OpenApiTests : IAsyncLifetime
{
    public static TheoryData<string> Tags => ["Operators", "Images", "Health"];

    private readonly ServiceApp _app = new();
    private JsonElement _document;

    public async ValueTask InitializeAsync()
    {
        HttpResponseMessage response = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        _document = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Fact]
    public void Document_HasEveryEndpoint()
    {
        IEnumerable<string> served = _app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.RoutePattern.RawText?.StartsWith("/openapi", StringComparison.Ordinal) == false)
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods
                .Where(method => method != "HEAD")
                .Select(method => $"{method} {endpoint.RoutePattern.RawText!.TrimEnd('/')}"));
        Assert.Equal(served.Order(), Operations().Select(operation => operation.Name).Order());
    }

    [Theory, MemberData(nameof(Tags))]
    public void Operations_AreDescribed(string tag)
    {
        foreach ((string name, string _, string _, JsonElement operation) in Operations(tag))
        {
            Assert.True(operation.TryGetProperty("summary", out JsonElement summary) && summary.GetString() is { Length: > 0 }, name);
            Assert.True(operation.TryGetProperty("operationId", out _), name);
            foreach (JsonProperty response in operation.GetProperty("responses").EnumerateObject())
            {
                Assert.True(response.Value.GetProperty("description").GetString() is { Length: > 0 }, $"{name} {response.Name}");
                if (response.Name.CompareTo("400") < 0)
                    continue;

                JsonElement schema = response.Value.GetProperty("content").GetProperty("application/problem+json").GetProperty("schema");
                Assert.Equal("#/components/schemas/Problem", schema.GetProperty("$ref").GetString());
            }
        }
    }

    [Theory, MemberData(nameof(Tags))]
    public void Properties_AreDescribed(string tag)
    {
        var missing = new List<string>();
        foreach ((string name, string _, string _, JsonElement operation) in Operations(tag))
            AddUndescribed(operation, name, missing);

        Assert.Empty(missing);
    }

    [Theory]
    [InlineData("/v1/conv")]
    [InlineData("/v1/conv-transpose")]
    public void Operators_NameEveryStatusAndMediaType(string path)
    {
        JsonElement operation = _document.GetProperty("paths").GetProperty(path).GetProperty("post");
        Assert.Equal(
            ["200", "400", "406", "408", "413", "415", "422", "429", "500", "503"],
            operation.GetProperty("responses").EnumerateObject().Select(response => response.Name).Order());
        Assert.Equal(
            ["application/json", "application/x-npz", "multipart/form-data"],
            operation.GetProperty("requestBody").GetProperty("content").EnumerateObject().Select(content => content.Name).Order());
        Assert.Equal(
            ["application/json", "application/x-npy", "application/x-npz"],
            operation.GetProperty("responses").GetProperty("200").GetProperty("content").EnumerateObject().Select(content => content.Name).Order());
    }

    [Theory, MemberData(nameof(Tags))]
    public async Task Examples_AllSucceed(string tag)
    {
        int tried = 0;
        foreach ((string name, string path, string method, JsonElement operation) in Operations(tag))
        {
            if (!operation.TryGetProperty("requestBody", out JsonElement body))
            {
                if (method == "get" && !path.Contains('{'))
                {
                    HttpResponseMessage answer = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Get, path));
                    Assert.True(answer.IsSuccessStatusCode, name);
                    tried++;
                }

                continue;
            }

            foreach (JsonProperty content in body.GetProperty("content").EnumerateObject())
            {
                foreach (HttpContent example in await ExamplesAsync(content, path))
                {
                    string query = content.Name == "multipart/form-data" ? "" : QueryOf(operation);
                    HttpResponseMessage answer = await _app.SendAsync(new HttpRequestMessage(new HttpMethod(method), path + query) { Content = example });
                    string text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
                    Assert.True(answer.IsSuccessStatusCode, $"{name} {content.Name}: {text}");
                    if (content.Name == "application/json")
                        AssertSameAsExample(operation, text);

                    tried++;
                }
            }
        }

        Assert.True(tried >= 2, $"only {tried} examples");
    }

    [Theory]
    [InlineData("/swagger/index.html", "text/html")]
    [InlineData("/", "text/html")]
    [InlineData("/examples/x.npy", "application/octet-stream")]
    [InlineData("/examples/w.npy", "application/octet-stream")]
    [InlineData("/examples/seed.npz", "application/octet-stream")]
    public async Task Pages_AreServed(string path, string mediaType)
    {
        HttpResponseMessage response = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Get, path));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(mediaType, response.Content.Headers.ContentType?.MediaType);
    }

    // Where the document shows an answer's JSON, it is the answer to the request's example.
    private static void AssertSameAsExample(JsonElement operation, string answer)
    {
        JsonElement content = operation.GetProperty("responses").GetProperty("200").GetProperty("content").GetProperty("application/json");
        if (content.TryGetProperty("example", out JsonElement example))
            Assert.Equal(JsonSerializer.Serialize(example), JsonSerializer.Serialize(JsonDocument.Parse(answer).RootElement));
    }

    // The examples of the parameters, as the page fills them in.
    private static string QueryOf(JsonElement operation) => operation.TryGetProperty("parameters", out JsonElement parameters)
        ? "?" + string.Join('&', parameters.EnumerateArray()
            .Where(parameter => parameter.GetProperty("in").GetString() == "query" && parameter.TryGetProperty("example", out _))
            .Select(parameter => $"{parameter.GetProperty("name").GetString()}={parameter.GetProperty("example")}"))
        : "";

    private async Task<List<HttpContent>> ExamplesAsync(JsonProperty content, string path)
    {
        var examples = new List<HttpContent>();
        if (content.Value.TryGetProperty("example", out JsonElement single))
            examples.Add(new StringContent(single.GetRawText(), Encoding.UTF8, content.Name));

        if (content.Value.TryGetProperty("examples", out JsonElement many))
        {
            foreach (JsonElement example in many.EnumerateObject().Select(property => property.Value))
            {
                if (example.TryGetProperty("value", out JsonElement value))
                    examples.Add(new StringContent(value.GetRawText(), Encoding.UTF8, content.Name));
                else
                    examples.Add(await FileAsync(example.GetProperty("externalValue").GetString()!, content.Name));
            }
        }

        // A form's files are chosen by the user: the ones that the page offers.
        if (content.Name == "multipart/form-data" && path.StartsWith("/v1/images/", StringComparison.Ordinal))
        {
            string kernel = path.EndsWith("/conv", StringComparison.Ordinal) ? "sharpen" : "bilinear";
            examples.Add(new MultipartFormDataContent { { await FileAsync("/examples/coffee.jpg", "image/jpeg"), "image", "coffee.jpg" }, { new StringContent(kernel), "kernel" } });
        }
        else if (content.Name == "multipart/form-data")
        {
            examples.Add(new MultipartFormDataContent
            {
                { await FileAsync("/examples/x.npy", "application/octet-stream"), "input", "x.npy" },
                { await FileAsync("/examples/w.npy", "application/octet-stream"), "weight", "w.npy" },
            });
        }

        Assert.True(examples.Count > 0, $"no example for {content.Name}");
        return examples;
    }

    private async Task<HttpContent> FileAsync(string path, string mediaType)
    {
        HttpResponseMessage response = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Get, path));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var content = new ByteArrayContent(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        return content;
    }

    private IEnumerable<(string Name, string Path, string Method, JsonElement Operation)> Operations(string? tag = null) =>
        from path in _document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        where tag is null || operation.Value.GetProperty("tags")[0].GetString() == tag
        select ($"{operation.Name.ToUpperInvariant()} {path.Name}", path.Name, operation.Name, operation.Value);

    private void AddUndescribed(JsonElement element, string path, List<string> missing)
    {
        if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty("$ref", out JsonElement reference))
        {
            string schema = reference.GetString()!.Split('/')[^1];
            AddUndescribed(_document.GetProperty("components").GetProperty("schemas").GetProperty(schema), schema, missing);
        }

        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in element.EnumerateArray())
                AddUndescribed(item, $"{path}[]", missing);
        }

        if (element.ValueKind != JsonValueKind.Object)
            return;

        if (element.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String && type.GetString() == "object"
            && element.TryGetProperty("properties", out JsonElement properties))
        {
            missing.AddRange(properties.EnumerateObject()
                .Where(property => !property.Value.TryGetProperty("description", out _))
                .Select(property => $"{path}.{property.Name}"));
        }

        foreach (JsonProperty member in element.EnumerateObject().Where(member => member.Name is not ("example" or "examples")))
            AddUndescribed(member.Value, $"{path}.{member.Name}", missing);
    }
}
