using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DeconvService.Api.Tests.Models;
using DeconvService.Onnx;

namespace DeconvService.Api.Tests.Inference;

/// <summary>The service with small networks, and a client of the Open Inference Protocol.</summary>
public sealed class ProtocolApp : IAsyncLifetime
{
    public const string HeaderLength = "Inference-Header-Content-Length";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    internal ModelsApp Models { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Models = await ModelsApp.StartAsync(
        ("mymodel.onnx", Specification()),
        ("echo.onnx", Echo(ElementType.Float32)),
        ("half.onnx", Echo(ElementType.Float16)),
        ("long.onnx", Echo(ElementType.Int64)),
        ("flags.onnx", Echo(ElementType.Bool)),
        ("two.onnx", Two()),
        ("wide.onnx", Wide()),
        ("net/1/model.onnx", TestNetwork.Border()),
        ("net/2/model.onnx", TestNetwork.Padded()));

    public ValueTask DisposeAsync() => Models.DisposeAsync();

    public async Task<JsonElement> InferAsync(string model, string json)
    {
        HttpResponseMessage response = await Models.App.PostJsonAsync($"/v2/models/{model}/infer", json);
        string text = await response.Content.ReadAsStringAsync(Cancelled);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        return JsonDocument.Parse(text).RootElement;
    }

    public Task<HttpResponseMessage> PostAsync(string model, string json, byte[]? binary = null, int? jsonLength = null) =>
        PostAsync(Models, model, json, binary, jsonLength);

    internal static Task<HttpResponseMessage> PostAsync(ModelsApp models, string model, string json, byte[]? binary = null, int? jsonLength = null)
    {
        byte[] text = Encoding.UTF8.GetBytes(json);
        var request = new HttpRequestMessage(HttpMethod.Post, $"/v2/models/{model}/infer") { Content = ModelsApp.Bytes([.. text, .. binary ?? []], "application/octet-stream") };
        request.Headers.Add(HeaderLength, (jsonLength ?? text.Length).ToString(CultureInfo.InvariantCulture));
        return models.App.SendAsync(request);
    }

    public static async Task<(JsonElement Json, byte[] Binary)> SplitAsync(HttpResponseMessage response)
    {
        byte[] body = await response.Content.ReadAsByteArrayAsync(Cancelled);
        Assert.True(response.StatusCode == HttpStatusCode.OK, Encoding.UTF8.GetString(body));
        Assert.Equal(body.Length, response.Content.Headers.ContentLength);
        int length = int.Parse(response.Headers.GetValues(HeaderLength).Single(), CultureInfo.InvariantCulture);
        return (JsonDocument.Parse(body.AsMemory(0, length)).RootElement, body[length..]);
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        HttpResponseMessage response = await Models.GetAsync(path);
        string text = await response.Content.ReadAsStringAsync(Cancelled);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return JsonDocument.Parse(text).RootElement;
    }

    public Task<HttpResponseMessage> ManageAsync(string path, string? body = null) =>
        Models.SendAsync(new HttpRequestMessage(HttpMethod.Post, $"/v2/repository/models/{path}") { Content = body is null ? null : new StringContent(body) });

    public async Task<JsonElement> IndexAsync(string body)
    {
        HttpResponseMessage response = await Models.App.PostJsonAsync("/v2/repository/index", body);
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancelled)).RootElement;
    }

    public async Task<(string State, string Reason)> StateAsync(string name)
    {
        JsonElement entry = (await IndexAsync("{}")).EnumerateArray().Single(candidate => candidate.GetProperty("name").GetString() == name);
        return (entry.GetProperty("state").GetString()!, entry.GetProperty("reason").GetString()!);
    }

    public static async Task AssertErrorAsync(HttpResponseMessage response, HttpStatusCode status, string said)
    {
        string text = await response.Content.ReadAsStringAsync(Cancelled);
        Assert.True(status == response.StatusCode, $"{response.StatusCode}: {text}");
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        JsonObject error = JsonNode.Parse(text)!.AsObject();
        Assert.Equal(["error"], error.Select(member => member.Key));
        Assert.Contains(said, error["error"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    public static float[] Floats(byte[] bytes) =>
        [.. Enumerable.Range(0, bytes.Length / 4).Select(i => BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * 4)))];

    // output0[i, j] = input1[i] * (input0[0, j] + input0[1, j])

    public static byte[] Specification()
    {
        var network = new TestNetwork();
        string left = network.Node("Cast", [network.Input("input0", ElementType.UInt32, 2, 2)], TestNetwork.Integer("to", 1));
        string right = network.Node("Cast", [network.Input("input1", ElementType.Bool, 3)], TestNetwork.Integer("to", 1));
        string sum = network.Node("ReduceSum", [left, network.Constant(0)], TestNetwork.Integer("keepdims", 1));
        string column = network.Node("Reshape", [right, network.Constant(3, 1)]);
        network.Node("MatMul", [column, sum]);
        return network.Named("output0").Output("output0", ElementType.Float32, 3, 2).ToFile();
    }

    public static byte[] Echo(ElementType type)
    {
        var network = new TestNetwork();
        network.Node("Identity", [network.Input("x", type, -1)]);
        return network.Named("y").Output("y", type, -1).ToFile();
    }

    public static byte[] Two()
    {
        var network = new TestNetwork();
        string x = network.Input("x", ElementType.Float32, 1, -1);
        network.Node("Identity", [x]);
        network.Named("a").Relu(x);
        return network.Named("b").Output("a", ElementType.Float32, 1, -1).Output("b", ElementType.Float32, 1, -1).ToFile();
    }

    // A layer that fast algorithms are made for.
    private static byte[] Wide()
    {
        var network = new TestNetwork();
        string x = network.Input("x", ElementType.Float32, 1, 64, -1, -1);
        return network.Output(network.Conv(x, 64, 64, kernel: 3, padding: 1), ElementType.Float32, 1, 64, -1, -1).ToFile();
    }
}
