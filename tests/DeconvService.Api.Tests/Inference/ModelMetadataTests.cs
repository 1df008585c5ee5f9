using System.Net;
using System.Text.Json;

namespace DeconvService.Api.Tests.Inference;

/// <summary>What the protocol tells about the server and its networks.</summary>
public sealed class ModelMetadataTests : IAsyncLifetime
{
    private readonly ProtocolApp _app = new();

    public ValueTask InitializeAsync() => _app.InitializeAsync();

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Fact]
    public async Task Metadata_TellsServerAndModels()
    {
        JsonElement server = await _app.GetAsync("/v2");
        Assert.Equal("""["binary_tensor_data","model_repository","model_configuration","statistics"]""", server.GetProperty("extensions").GetRawText());
        Assert.True((await _app.GetAsync("/v2/health/live")).GetProperty("live").GetBoolean());
        Assert.True((await _app.GetAsync("/v2/health/ready")).GetProperty("ready").GetBoolean());

        Assert.Equal(
            """{"name":"net","versions":["1","2"],"platform":"onnx_onnxv1","inputs":[{"name":"x","datatype":"FP32","shape":[-1,3,-1,-1]}],"outputs":[{"name":"n4","datatype":"FP32","shape":[-1,3,-1,-1]}]}""",
            (await _app.GetAsync("/v2/models/net")).GetRawText());
        Assert.Equal("[1,3,-1,-1]", (await _app.GetAsync("/v2/models/net/versions/1")).GetProperty("inputs")[0].GetProperty("shape").GetRawText());
        Assert.Equal("""{"name":"net","ready":true}""", (await _app.GetAsync("/v2/models/net/ready")).GetRawText());
        JsonElement configuration = await _app.GetAsync("/v2/models/net/versions/2/config");
        Assert.Equal("""{"name":"x","data_type":"TYPE_FP32","dims":[-1,3,-1,-1]}""", configuration.GetProperty("input")[0].GetRawText());
        Assert.Equal(0, configuration.GetProperty("max_batch_size").GetInt32());
        foreach (string path in (string[])["/v2/models/none", "/v2/models/none/ready", "/v2/models/none/config", "/v2/models/none/stats", "/v2/models/net/versions/9", "/v2/nothing"])
            await ProtocolApp.AssertErrorAsync(await _app.Models.GetAsync(path), HttpStatusCode.NotFound, "");

        await ProtocolApp.AssertErrorAsync(await _app.Models.GetAsync("/v2/models/net/infer"), HttpStatusCode.MethodNotAllowed, "POST");
    }

    [Fact]
    public async Task Statistics_CountRequests()
    {
        await _app.InferAsync("echo", """{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1,2]}]}""");
        await _app.Models.App.PostJsonAsync("/v2/models/echo/infer", "{}");
        JsonElement statistics = (await _app.GetAsync("/v2/models/echo/stats")).GetProperty("model_stats")[0];
        Assert.Equal(2, statistics.GetProperty("inference_count").GetInt32());
        Assert.Equal(1, statistics.GetProperty("execution_count").GetInt32());
        JsonElement steps = statistics.GetProperty("inference_stats");
        Assert.Equal(1, steps.GetProperty("success").GetProperty("count").GetInt32());
        Assert.Equal(1, steps.GetProperty("fail").GetProperty("count").GetInt32());
        Assert.True(steps.GetProperty("compute_infer").GetProperty("ns").GetInt64() > 0);
        Assert.Equal(2, statistics.GetProperty("batch_stats")[0].GetProperty("batch_size").GetInt32());
        Assert.Equal(9, (await _app.GetAsync("/v2/models/stats")).GetProperty("model_stats").GetArrayLength());
        Assert.Equal(2, (await _app.GetAsync("/v2/models/net/stats")).GetProperty("model_stats").GetArrayLength());
        Assert.Equal(1, (await _app.GetAsync("/v2/models/net/versions/1/stats")).GetProperty("model_stats").GetArrayLength());
    }
}
