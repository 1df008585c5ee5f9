using System.Globalization;
using System.Net;
using System.Text;
using DeconvService.Api.Tests.Models;
using DeconvService.Engine.Tensors;
using Microsoft.Extensions.DependencyInjection;

namespace DeconvService.Api.Tests.Inference;

/// <summary>Inference requests that cannot be served: each says why, and none is an internal error.</summary>
public sealed class InferenceFaultTests(ProtocolApp app) : IClassFixture<ProtocolApp>
{
    private readonly ProtocolApp _app = app;

    [Theory]
    [InlineData("{", "ends")]
    [InlineData("[]", "'{'")]
    [InlineData("{}", "missing: 'x'")]
    [InlineData("""{"inputs":{}}""", "inputs")]
    [InlineData("""{"parameters":{"\ud800inary_data_output":true},"inputs":[]}""", "surrogate")]
    [InlineData("""{"inputs":[{"name":"x"}]}""", "datatype is missing")]
    [InlineData("""{"inputs":[{"name":"x","datatype":"FP32","data":[]}]}""", "shape is missing")]
    [InlineData("""{"inputs":[{"name":"z","shape":[2],"datatype":"FP32","data":[1,2]}]}""", "no input 'z'; its inputs are x")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"BYTES","data":["a","b"]}]}""", "BYTES")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1,2,3]}]}""", "needs 2")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1]}]}""", "has 1 elements")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"INT8","data":[1,200]}]}""", "beyond INT8")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"INT8","data":[1,2.5]}]}""", "no INT8")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"FP16","data":[1,2]}]}""", "binary")]
    [InlineData("""{"inputs":[{"name":"x","shape":[-2],"datatype":"FP32","data":[1,2]}]}""", "negative")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]}""", "unexpected shape")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1,NaN]}]}""", "NaN")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":"ab"}]}""", "array")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1,2],"parameters":{"binary_data_size":8}}]}""", "not both")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"FP32"}]}""", "binary_data_size")]
    [InlineData("""{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}""", ProtocolApp.HeaderLength)]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]},{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]}""", "twice")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"q"}]}""", "no output 'q'; its outputs are y")]
    [InlineData("""{"id":5,"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]}""", "id must be a string")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]}trailing""", ProtocolApp.HeaderLength)]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[3e38]}],"parameters":{"binary_data_output":"yes"}}""", "true or false")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}],"parameters":{"accuracy":"great"}}""", "parameters.accuracy must be default, exact or fast")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}],"parameters":{"accuracy":1}}""", "parameters.accuracy must be default, exact or fast")]
    public async Task Infer_WhatIsWrong_IsSaid(string json, string said) =>
        await ProtocolApp.AssertErrorAsync(await _app.Models.App.PostJsonAsync("/v2/models/echo/infer", json), HttpStatusCode.BadRequest, said);

    [Theory]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","parameters":{"shared_memory_region":"r"}}]}""")]
    [InlineData("""{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"y","parameters":{"classification":3}}]}""")]
    public async Task Infer_WhatIsNotServed_IsNotImplemented(string json) =>
        await ProtocolApp.AssertErrorAsync(await _app.Models.App.PostJsonAsync("/v2/models/echo/infer", json), HttpStatusCode.NotImplemented, "not served");

    [Theory]
    [InlineData(8, 8, null, "bytes follow")] // the data are there, but the header says that the JSON goes on
    [InlineData(8, 9, 0, "bytes follow")]
    [InlineData(12, 12, 0, "needs 8")]
    [InlineData(8, 4, 0, "bytes follow")]
    [InlineData(8, 8, 3, "ends at byte")]
    [InlineData(8, 8, -3, "ends at byte")]
    [InlineData(8, 8, 1000, "whole body")]
    public async Task Infer_SizesThatDisagree_AreSaid(int announced, int sent, int? headerOff, string said)
    {
        string json = $$$"""{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":{{{announced}}}}}]}""";
        int? length = headerOff is { } off ? json.Length + off : json.Length + sent;
        if (headerOff is null)
            said = "ends at byte";

        await ProtocolApp.AssertErrorAsync(await _app.PostAsync("echo", json, new byte[sent], length), HttpStatusCode.BadRequest, said);
    }

    [Fact]
    public async Task Infer_ResultThatJsonCannotSay_PointsToBinary()
    {
        byte[] infinity = [0, 0, 0x80, 0x7F];
        const string Json = """{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}""";
        await ProtocolApp.AssertErrorAsync(await _app.PostAsync("echo", Json, infinity), HttpStatusCode.BadRequest, "binary_data");
        byte[] half = [0, 0x3C];
        const string Half = """{"inputs":[{"name":"x","shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}}]}""";
        await ProtocolApp.AssertErrorAsync(await _app.PostAsync("half", Half, half), HttpStatusCode.BadRequest, "binary_data");
    }

    [Fact]
    public async Task Infer_RequestsChangedAtRandom_AreAnsweredAsTheyDeserve()
    {
        const string Json = """{"id":"1","inputs":[{"name":"input0","shape":[2,2],"datatype":"UINT32","parameters":{"binary_data_size":16}},{"name":"input1","shape":[3],"datatype":"BOOL","data":[true,false,true]}],"outputs":[{"name":"output0","parameters":{"binary_data":true}}]}""";
        byte[] body = [.. Encoding.UTF8.GetBytes(Json), .. new byte[16]];
        var random = new Random(11);
        int good = 0;
        for (int i = 0; i < 400; i++)
        {
            byte[] changed = [.. body];
            for (int change = random.Next(1, 4); change > 0; change--)
                changed[random.Next(changed.Length)] = (byte)(random.Next(2) == 0 ? random.Next(256) : "[]{}\",:-0129eE.tf"[random.Next(17)]);

            int keep = random.Next(8) == 0 ? random.Next(changed.Length) : changed.Length;
            int length = random.Next(8) == 0 ? random.Next(-1, 400) : Json.Length;
            var request = new HttpRequestMessage(HttpMethod.Post, "/v2/models/mymodel/infer") { Content = ModelsApp.Bytes(changed[..keep], "application/octet-stream") };
            request.Headers.TryAddWithoutValidation(ProtocolApp.HeaderLength, length.ToString(CultureInfo.InvariantCulture));
            HttpResponseMessage response = await _app.Models.App.SendAsync(request);
            if (response.StatusCode == HttpStatusCode.OK)
                good++;
            else
                await ProtocolApp.AssertErrorAsync(response, response.StatusCode is HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.NotImplemented ? response.StatusCode : HttpStatusCode.BadRequest, "");
        }

        Assert.InRange(good, 1, 399);
        Assert.Equal(0, _app.Models.App.Services.GetRequiredService<AlignedBufferPool>().LentBytes); // this network has no packed weights
    }
}
