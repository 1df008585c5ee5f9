using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using DeconvService.Api.Tests.Hosting;
using Xunit;

namespace DeconvService.Api.Tests.Operators;

/// <summary>The operators through the whole host.</summary>
public sealed class OperatorEndpointsTests : IAsyncLifetime
{
    private const string Doubling = """{"input":[[[[1,2],[3,4]]]],"weight":[[[[1,1],[1,1]]]],"stride":2}""";
    private const string DoesNotFit = """{"input":{"shape":[1,1,7,8],"data":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]},"weight":[[[[1,1,1],[1,1,1],[1,1,1]]]],"stride":2}""";

    private readonly ServiceApp _app = new();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Fact]
    public async Task SeedsExample_Gives75Then95Then115()
    {
        byte[] input = await FileAsync("x.npy"), weight = await FileAsync("w.npy");
        foreach (int size in (int[])[75, 95, 115])
        {
            var form = new MultipartFormDataContent
            {
                { new ByteArrayContent(input), "input", "x.npy" },
                { new ByteArrayContent(weight), "weight", "w.npy" },
                { new StringContent("20"), "padding" },
            };
            HttpResponseMessage response = await _app.SendAsync(
                new HttpRequestMessage(HttpMethod.Post, "/v1/conv") { Content = form }, "application/x-npy");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            input = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            Assert.Equal(input.Length, response.Content.Headers.ContentLength);
            Assert.Contains($"(1, 1, {size}, {size})", System.Text.Encoding.Latin1.GetString(input, 0, 128));
        }
    }

    [Fact]
    public async Task EmptyPartsOfAForm_AreAsIfTheyWereNotThere()
    {
        var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(await FileAsync("x.npy")), "input", "x.npy" },
            { new ByteArrayContent(await FileAsync("w.npy")), "weight", "w.npy" },
            { new ByteArrayContent([]), "bias" },
            { new StringContent(""), "outputSize" },
            { new StringContent(""), "stride" },
        };
        HttpResponseMessage response = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/conv-transpose") { Content = form });
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Transposed_ComputesByHand()
    {
        HttpResponseMessage response = await _app.PostJsonAsync("/v1/conv-transpose", Doubling);
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal("""{"output":{"shape":[1,1,4,4],"data":[1,1,2,2,1,1,2,2,3,3,4,4,3,3,4,4]}}""", text);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
    }

    [Theory]
    [InlineData(null, "application/json")]
    [InlineData("*/*", "application/json")]
    [InlineData("application/x-npy", "application/x-npy")]
    [InlineData("application/x-npz", "application/x-npz")]
    [InlineData("image/*, application/x-npy;q=0.1", "application/x-npy")]
    public async Task Accept_ChoosesTheEncoding(string? accept, string mediaType)
    {
        HttpResponseMessage response = await _app.PostJsonAsync("/v1/conv-transpose", Doubling, accept);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(mediaType, response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("Accept", response.Headers.Vary);
    }

    [Fact]
    public async Task Answer_SaysHowLongAndHow()
    {
        HttpResponseMessage response = await _app.PostJsonAsync("/v1/conv-transpose", Doubling);
        Assert.Matches(
            @"^decode;dur=[\d.]+, queue;dur=[\d.]+, plan;dur=[\d.]+, run;dur=[\d.]+, encode;dur=[\d.]+$",
            Assert.Single(response.Headers.GetValues("Server-Timing")));
        Assert.NotEmpty(Assert.Single(response.Headers.GetValues("Deconv-Algorithm")));
    }

    [Fact]
    public async Task Log_HasOneLineWithoutData()
    {
        await _app.PostJsonAsync("/v1/conv-transpose", Doubling);
        RecordedLine line = Assert.Single(_app.Log.Requests);
        Assert.Equal("POST", line.Values["Method"]);
        Assert.Equal("/v1/conv-transpose", line.Values["Path"]);
        Assert.Equal(200, line.Values["Status"]);
        Assert.Equal("[1, 1, 2, 2] * [1, 1, 2, 2] -> [1, 1, 4, 4]", line.Values["Shapes"]);
        Assert.NotEmpty((string)line.Values["Algorithm"]!);
        Assert.Matches("^[0-9a-f]{32}$", (string)line.Values["TraceId"]!);
        Assert.True(line.Values["Milliseconds"] is > 0.0);
    }

    [Theory]
    [InlineData("Development")]
    [InlineData("Production")]
    public async Task StrideDoesNotFit_HasNumbersAndSuggestions(string environment)
    {
        await using var app = new ServiceApp(environment);
        HttpResponseMessage response = await app.PostJsonAsync("/v1/conv", DoesNotFit);
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.UnprocessableEntity, "stride-does-not-fit");
        Assert.Equal("width", problem.GetProperty("axis").GetString());
        Assert.Equal(8, problem.GetProperty("input").GetInt32());
        Assert.Equal(1, problem.GetProperty("remainder").GetInt32());
        Assert.True(problem.GetProperty("suggestions").GetArrayLength() > 0);
    }

    [Theory]
    [InlineData("Development")]
    [InlineData("Production")]
    public async Task BadBodies_AreProblems(string environment)
    {
        await using var app = new ServiceApp(environment);
        (string Json, int Status, string Code)[] cases =
        [
            ("", 400, "malformed"),
            ("{", 400, "malformed"),
            ("""{"input":[1,2""", 400, "malformed"),
            ("""{"input":[[[1]]],"weight":[[[1]]],"strid":2}""", 422, "unknown-field"),
            ("""{"weight":[[[1]]]}""", 422, "missing-field"),
            ("""{"input":[[["a"]]],"weight":[[[1]]]}""", 422, "invalid-field"),
            ("""{"input":[[[1]]],"weight":[[[1]]],"stride":"2x"}""", 422, "invalid-field"),
        ];
        foreach ((string json, int status, string code) in cases)
        {
            HttpResponseMessage response = await app.PostJsonAsync("/v1/conv", json);
            await response.ReadProblemAsync((HttpStatusCode)status, code);
        }
    }

    [Fact]
    public async Task UnmetAccept_Is406AndListsTheTypes()
    {
        HttpResponseMessage response = await _app.PostJsonAsync("/v1/conv", Doubling, "image/png");
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.NotAcceptable, "not-acceptable");
        Assert.Equal(
            ["application/json", "application/x-npy", "application/x-npz"],
            problem.GetProperty("available").EnumerateArray().Select(type => type.GetString()!));
    }

    [Fact]
    public async Task OtherMediaType_Is415AndListsTheTypes()
    {
        var content = new StringContent("hello");
        content.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        HttpResponseMessage response = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/conv") { Content = content });
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.UnsupportedMediaType, "unsupported-media-type");
        Assert.Contains("application/x-npz", problem.GetRawText());
    }

    [Fact]
    public async Task NaN_IsNotRepresentableInJsonButInNpy()
    {
        const string Infinite = """{"input":[[[3e38]]],"weight":[[[3e38]]]}""";
        HttpResponseMessage response = await _app.PostJsonAsync("/v1/conv", Infinite);
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.UnprocessableEntity, "not-representable");
        Assert.Contains("application/x-npy", problem.GetRawText());
        Assert.Equal(HttpStatusCode.OK, (await _app.PostJsonAsync("/v1/conv", Infinite, "application/x-npy")).StatusCode);
    }

    [Fact]
    public async Task Limits_AreNamedIn413()
    {
        await using var app = new ServiceApp(("Limits:TensorElements", "100"), ("Limits:OutputElements", "200"));
        HttpResponseMessage response = await app.PostJsonAsync("/v1/conv", """{"input":{"shape":[1,1,101],"data":[]},"weight":[[[1]]]}""");
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Equal("Limits:TensorElements", problem.GetProperty("setting").GetString());

        response = await app.PostJsonAsync("/v1/conv-transpose", """{"input":[[[1,1]]],"weight":[[[1]]],"stride":1000}""");
        problem = await response.ReadProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Equal("Limits:OutputElements", problem.GetProperty("setting").GetString());
        Assert.Equal(200, problem.GetProperty("limit").GetInt64());
        Assert.Equal(1001, problem.GetProperty("value").GetInt64());
    }

    [Fact]
    public async Task Memory_IsBoundedBeforeItIsTaken()
    {
        await using var app = new ServiceApp(("Limits:MemoryBytes", "16777216"));
        HttpResponseMessage response = await app.PostJsonAsync("/v1/conv-transpose", """{"input":[[[1,1]]],"weight":[[[1]]],"stride":100000000}""");
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Equal("Limits:MemoryBytes", problem.GetProperty("setting").GetString());
    }

    [Fact]
    public async Task Shape_GivesTheSeedsSizes()
    {
        HttpResponseMessage response = await _app.PostJsonAsync(
            "/v1/conv/shape", """{"inputShape":[1,1,55,55],"weightShape":[1,1,21,21],"padding":20}""");
        JsonElement answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal("[1,1,75,75]", answer.GetProperty("outputShape").GetRawText());
        Assert.Equal(75 * 75 * 4, answer.GetProperty("outputBytes").GetInt64());
        Assert.Equal(441, answer.GetProperty("parameters").GetInt64());
        Assert.Equal(75L * 75 * 441, answer.GetProperty("multiplyAdds").GetInt64());
        JsonElement height = answer.GetProperty("axes")[0];
        Assert.Equal("height", height.GetProperty("name").GetString());
        Assert.Equal("[20,20]", height.GetProperty("padding").GetRawText());
        Assert.Equal("(55 + 20 + 20 - 21)/1 + 1 = 75", height.GetProperty("formula").GetString());
    }

    [Fact]
    public async Task Shape_HasNoLimits()
    {
        HttpResponseMessage response = await _app.PostJsonAsync(
            "/v1/conv-transpose/shape", """{"inputShape":[64,512,4096,4096],"weightShape":[512,512,4,4],"stride":2,"padding":1}""");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains("[64,512,8192,8192]", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("/v1/conv/shape", """{"inputShape":[1,1,227],"weightShape":[1,1,11],"stride":5}""", "stride-does-not-fit")]
    [InlineData("/v1/conv/shape", """{"inputShape":[1,1,227]}""", "missing-field")]
    public async Task Shape_ThatDoesNotWork_AnswersTheOperators422(string path, string json, string code)
    {
        HttpResponseMessage response = await _app.PostJsonAsync(path, json);
        await response.ReadProblemAsync(HttpStatusCode.UnprocessableEntity, code);
    }

    private async Task<byte[]> FileAsync(string name)
    {
        HttpResponseMessage response = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Get, $"/examples/{name}"));
        return await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
    }
}
