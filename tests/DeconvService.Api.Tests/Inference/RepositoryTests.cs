using System.Net;
using System.Text.Json;
using DeconvService.Onnx;

namespace DeconvService.Api.Tests.Inference;

/// <summary>The model repository extension.</summary>
public sealed class RepositoryTests : IAsyncLifetime
{
    private readonly ProtocolApp _app = new();

    public ValueTask InitializeAsync() => _app.InitializeAsync();

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Fact]
    public async Task Repository_IndexLoadUnload_FollowTheFiles()
    {
        _app.Models.Write("later.onnx", ProtocolApp.Echo(ElementType.Float32));
        _app.Models.Write("broken.onnx", [1, 2, 3]);
        Assert.Equal(("UNAVAILABLE", "not loaded"), await _app.StateAsync("later"));
        Assert.Equal(HttpStatusCode.OK, (await _app.ManageAsync("later/load")).StatusCode);
        Assert.Equal(("READY", ""), await _app.StateAsync("later"));
        Assert.Equal(HttpStatusCode.OK, (await _app.ManageAsync("later/unload", """{"parameters":{"unload_dependents":true}}""")).StatusCode);
        Assert.Equal(("UNAVAILABLE", "unloaded"), await _app.StateAsync("later"));
        await ProtocolApp.AssertErrorAsync(await _app.Models.GetAsync("/v2/models/later/ready"), HttpStatusCode.ServiceUnavailable, "unloaded");
        await ProtocolApp.AssertErrorAsync(await _app.ManageAsync("none/load"), HttpStatusCode.NotFound, "'none'");
        await ProtocolApp.AssertErrorAsync(await _app.ManageAsync("later/load", """{"parameters":{"config":"{}"}}"""), HttpStatusCode.NotImplemented, "config");
        Assert.Equal(HttpStatusCode.OK, (await _app.Models.GetAsync("/v2/health/ready")).StatusCode);

        await ProtocolApp.AssertErrorAsync(await _app.ManageAsync("broken/load"), HttpStatusCode.BadRequest, "ONNX");
        Assert.Equal("UNAVAILABLE", (await _app.StateAsync("broken")).State);
        await ProtocolApp.AssertErrorAsync(await _app.Models.GetAsync("/v2/health/ready"), HttpStatusCode.ServiceUnavailable, "broken");
        Assert.Equal(HttpStatusCode.OK, (await _app.Models.GetAsync("/health/ready")).StatusCode);
        JsonElement ready = await _app.IndexAsync("""{"ready":true}""");
        Assert.All(ready.EnumerateArray(), entry => Assert.Equal("READY", entry.GetProperty("state").GetString()));
        Assert.Equal(9, ready.GetArrayLength());
    }
}
