using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using DeconvService.Api.Tests.Hosting;
using Xunit;

namespace DeconvService.Api.Tests.Models;

public sealed class ModelEndpointsTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_TellsWhatEachNetworkIs()
    {
        await using ModelsApp app = await ModelsApp.StartAsync(
            ("border.onnx", TestNetwork.Border()),
            ("many/1/model.onnx", TestNetwork.Padded()),
            ("many/10/model.onnx", TestNetwork.Border()),
            ("many/9/model.onnx", TestNetwork.Padded()),
            ("broken.onnx", "not a network"u8.ToArray()));

        JsonElement list = await app.App.CreateClient().GetFromJsonAsync<JsonElement>("/v1/models", Cancelled);
        JsonElement[] models = [.. list.GetProperty("models").EnumerateArray()];
        Assert.Equal(["border", "broken", "many"], models.Select(model => model.GetProperty("name").GetString()));

        JsonElement border = models[0];
        Assert.Equal("READY", border.GetProperty("state").GetString());
        Assert.Equal("1", border.GetProperty("version").GetString());
        Assert.Equal("""{"name":"x","datatype":"FP32","shape":[1,3,-1,-1]}""", border.GetProperty("inputs")[0].GetRawText());
        Assert.Equal(2, border.GetProperty("scale").GetDouble());
        Assert.Equal(1, border.GetProperty("multiple").GetInt32());
        Assert.Equal((3 * 4 * 9) + 4 + (4 * 5 * 9) + 5 + (5 * 3 * 16) + 3, border.GetProperty("parameters").GetInt64());
        Assert.InRange(border.GetProperty("halo").GetInt32(), 2, 5);

        Assert.Equal("UNAVAILABLE", models[1].GetProperty("state").GetString());
        Assert.NotEmpty(models[1].GetProperty("reason").GetString()!);

        // Ten is newer than nine.
        Assert.Equal("10", models[2].GetProperty("version").GetString());
    }

    [Fact]
    public async Task Describe_InputSizeGiven_TellsShapesOfLayers()
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("net.onnx", TestNetwork.Border()));
        HttpClient client = app.App.CreateClient();

        JsonElement sized = await client.GetFromJsonAsync<JsonElement>("/v1/models/net?input=1,3,32,20", Cancelled);
        JsonElement first = sized.GetProperty("layers")[0];
        Assert.StartsWith("Conv", first.GetProperty("operator").GetString(), StringComparison.Ordinal);
        Assert.Equal("[1,3,32,20]", first.GetProperty("inputShape").GetRawText());
        Assert.Equal("[1,4,30,18]", first.GetProperty("outputShape").GetRawText());
        Assert.Equal(3 * 4 * 9 * 30 * 18, first.GetProperty("multiplyAdds").GetInt64());
        Assert.Equal((3 * 4 * 9) + 4, first.GetProperty("parameters").GetInt64());
        Assert.NotEmpty(first.GetProperty("algorithm").GetString()!);

        JsonElement open = await client.GetFromJsonAsync<JsonElement>("/v1/models/net", Cancelled);
        Assert.Equal(sized.GetProperty("layers").GetArrayLength(), open.GetProperty("layers").GetArrayLength());
        Assert.Equal(JsonValueKind.Null, open.GetProperty("layers")[0].GetProperty("inputShape").ValueKind);
    }

    [Theory]
    [InlineData("1,3,-1,4", "invalid-field")]
    [InlineData("1,3,x", "invalid-field")]
    [InlineData("1,2,3,4,5,6,7,8,9", "invalid-field")]
    [InlineData("1,4,32,32", "invalid-shape")]
    [InlineData("1,3,2,2", "invalid-shape")]
    public async Task Describe_InputSizeWrong_IsAFault(string input, string code)
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("net.onnx", TestNetwork.Border()));
        HttpResponseMessage response = await app.GetAsync($"/v1/models/net?input={input}");
        await response.ReadProblemAsync(HttpStatusCode.UnprocessableEntity, code);
    }

    [Fact]
    public async Task Describe_UnknownName_ListsWhatThereIs()
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("net.onnx", TestNetwork.Border()));
        JsonElement problem = await (await app.GetAsync("/v1/models/other")).ReadProblemAsync(HttpStatusCode.NotFound, "not-found");
        Assert.Equal("""["net"]""", problem.GetProperty("available").GetRawText());
    }

    [Fact]
    public async Task PutAndDelete_ComeAndGo()
    {
        await using ModelsApp app = await ModelsApp.StartAsync();
        HttpResponseMessage created = await app.PutAsync("a.b-c_1", TestNetwork.Border());
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Equal("/v1/models/a.b-c_1", created.Headers.Location?.OriginalString);
        Assert.Equal(TestNetwork.Border(), await File.ReadAllBytesAsync(Path.Combine(app.Directory, "a.b-c_1.onnx"), Cancelled));
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync("/v1/models/a.b-c_1")).StatusCode);

        HttpResponseMessage replaced = await app.PutAsync("a.b-c_1", TestNetwork.Padded());
        Assert.Equal(HttpStatusCode.OK, replaced.StatusCode);
        Assert.Equal(1, (await replaced.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("scale").GetDouble());

        Assert.Equal(HttpStatusCode.NoContent, (await app.DeleteAsync("a.b-c_1")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await app.GetAsync("/v1/models/a.b-c_1")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await app.DeleteAsync("a.b-c_1")).StatusCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(app.Directory));
    }

    [Fact]
    public async Task Put_NameWithVersions_ReplacesTheNewest()
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("many/2/model.onnx", TestNetwork.Border()), ("many/1/model.onnx", TestNetwork.Border()));
        Assert.Equal(HttpStatusCode.OK, (await app.PutAsync("many", TestNetwork.Padded())).StatusCode);
        Assert.Equal(TestNetwork.Padded(), await File.ReadAllBytesAsync(Path.Combine(app.Directory, "many/2/model.onnx"), Cancelled));
        Assert.Equal(TestNetwork.Border(), await File.ReadAllBytesAsync(Path.Combine(app.Directory, "many/1/model.onnx"), Cancelled));

        Assert.Equal(HttpStatusCode.NoContent, (await app.DeleteAsync("many")).StatusCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(app.Directory));
    }

    [Fact]
    public async Task Put_UnsupportedOperators_IsRefusedWithTheirList()
    {
        await using ModelsApp app = await ModelsApp.StartAsync();
        JsonElement problem = await (await app.PutAsync("net", TestNetwork.Unsupported()))
            .ReadProblemAsync(HttpStatusCode.UnprocessableEntity, "unsupported-operators");
        Assert.Equal("""["Defenestrate","Frobnicate"]""", problem.GetProperty("operators").GetRawText());
        Assert.Empty(Directory.EnumerateFileSystemEntries(app.Directory));
    }

    [Fact]
    public async Task Put_BrokenFile_LeavesTheOldNetworkServing()
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("net.onnx", TestNetwork.Border()));
        byte[] half = TestNetwork.Padded()[..200];
        foreach (byte[] broken in (byte[][])[half, [], "GIF89a"u8.ToArray()])
            await (await app.PutAsync("net", broken)).ReadProblemAsync(HttpStatusCode.UnprocessableEntity, "invalid-model");

        Assert.Equal(TestNetwork.Border(), await File.ReadAllBytesAsync(Path.Combine(app.Directory, "net.onnx"), Cancelled));
        Assert.Equal(["net.onnx"], Directory.EnumerateFileSystemEntries(app.Directory).Select(Path.GetFileName));
        JsonElement model = await app.App.CreateClient().GetFromJsonAsync<JsonElement>("/v1/models/net", Cancelled);
        Assert.Equal(2, model.GetProperty("scale").GetDouble());
    }

    [Theory]
    [InlineData("%2e%2e%2fescape")]
    [InlineData("..%2fescape")]
    [InlineData(".hidden")]
    [InlineData("-dash")]
    [InlineData("a%00b")]
    [InlineData("a%20b")]
    [InlineData("a%5cb")]
    [InlineData("name%0a")]
    public async Task Put_NameThatIsNone_WritesNothing(string name)
    {
        await using ModelsApp app = await ModelsApp.StartAsync();
        using var raw = new RawConnection(app.App.Port);
        byte[] file = TestNetwork.Border();
        await raw.SendAsync($"PUT /v1/models/{name} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {ModelsApp.Key}\r\nContent-Length: {file.Length}\r\n\r\n");
        await raw.SendAsync(file);
        (int status, _, string body) = await raw.ReceiveAsync();
        Assert.True(status is 400 or 404 or 422, body);
        Assert.Empty(Directory.EnumerateFileSystemEntries(app.Directory));
        Assert.False(File.Exists(Path.Combine(app.Directory, "..", "escape.onnx")));
    }

    [Fact]
    public async Task Put_BodyOverTheLimit_IsTooLargeAndLeavesNothing()
    {
        await using ModelsApp app = await ModelsApp.StartAsync([("Limits:RequestBytes", "2000")]);
        await (await app.PutAsync("net", new byte[3000])).ReadProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Empty(Directory.EnumerateFileSystemEntries(app.Directory));
    }

    [Fact]
    public async Task Put_MediaTypeOfSomethingElse_IsRefused()
    {
        await using ModelsApp app = await ModelsApp.StartAsync();
        var request = new HttpRequestMessage(HttpMethod.Put, "/v1/models/net") { Content = new StringContent("{}", Encoding.UTF8, "application/json") };
        await (await app.SendAsync(request)).ReadProblemAsync(HttpStatusCode.UnsupportedMediaType, "unsupported-media-type");
    }

    [Fact]
    public async Task ShippedNetwork_IsServedByDefault()
    {
        await using var app = new ServiceApp();
        HttpResponseMessage response;
        do
        {
            response = await app.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/v1/models/upconv7-scale2x"));
        }
        while (!(await response.Content.ReadAsStringAsync(Cancelled)).Contains("READY", StringComparison.Ordinal));

        JsonElement model = await response.Content.ReadFromJsonAsync<JsonElement>(Cancelled);
        Assert.Equal(7, model.GetProperty("halo").GetInt32());
        Assert.Equal(2, model.GetProperty("scale").GetDouble());
    }
}
