using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text.Json;
using DeconvService.Api.Tests.Models;

namespace DeconvService.Api.Tests.Inference;

/// <summary>Inference requests, from the examples of the specifications on.</summary>
public sealed class InferenceTests(ProtocolApp app) : IClassFixture<ProtocolApp>
{
    private readonly ProtocolApp _app = app;

    [Fact]
    public async Task Infer_SpecificationsJsonExample_Works()
    {
        JsonElement answer = await _app.InferAsync("mymodel", """
            {
              "id" : "42",
              "inputs" : [
                { "name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32", "data" : [ 1, 2, 3, 4 ] },
                { "name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "data" : [ true, false, true ] }
              ],
              "outputs" : [ { "name" : "output0" } ]
            }
            """);
        Assert.Equal("""{"model_name":"mymodel","model_version":"1","id":"42","outputs":[{"name":"output0","datatype":"FP32","shape":[3,2],"data":[4,6,0,0,4,6]}]}""", answer.GetRawText());
    }

    [Fact]
    public async Task Infer_SpecificationsBinaryExample_Works()
    {
        const string Json = """
            {
              "model_name" : "mymodel",
              "inputs" : [
                { "name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32", "parameters" : { "binary_data_size" : 16 } },
                { "name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "parameters" : { "binary_data_size" : 3 } }
              ],
              "outputs" : [ { "name" : "output0", "parameters" : { "binary_data" : true } } ]
            }
            """;
        byte[] binary = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 1];
        HttpResponseMessage response = await _app.PostAsync("mymodel", Json, binary);
        Assert.Equal("application/octet-stream", response.Content.Headers.ContentType?.MediaType);
        (JsonElement answer, byte[] data) = await ProtocolApp.SplitAsync(response);
        Assert.Equal(24, answer.GetProperty("outputs")[0].GetProperty("parameters").GetProperty("binary_data_size").GetInt32());
        Assert.Equal([4, 6, 0, 0, 4, 6], ProtocolApp.Floats(data));
    }

    [Theory]
    [InlineData("default", true)]
    [InlineData("Fast", true)]
    [InlineData("exact", false)]
    public async Task Infer_Accuracy_DecidesWhetherFastAlgorithmsRun(string accuracy, bool fast)
    {
        byte[] data = new byte[sizeof(float) * 64 * 32 * 32];
        string json = $$$"""
            {"parameters":{"binary_data_output":true,"accuracy":"{{{accuracy}}}"},
             "inputs":[{"name":"x","shape":[1,64,32,32],"datatype":"FP32","parameters":{"binary_data_size":{{{data.Length}}}}}]}
            """;
        HttpResponseMessage response = await _app.PostAsync("wide", json, data);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(fast, response.Headers.GetValues("Deconv-Algorithm").Single().Contains("winograd", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Infer_MembersInAnyOrder_NestedData_UnknownKeys_AreTaken()
    {
        JsonElement answer = await _app.InferAsync("echo", """
            {"custom":{"a":[1,{"b":null}]},"parameters":{"priority":1,"sequence":{"x":[]}},"outputs":[],
             "inputs":[{"data":[[1.5,-2],[3e1,4]],"extra":"[","datatype":"FP32","shape":[4],"name":"x","parameters":{"other":true}}],"id":"é\n"}
            """);
        Assert.Equal("é\n", answer.GetProperty("id").GetString());
        Assert.Equal("[1.5,-2,30,4]", answer.GetProperty("outputs")[0].GetProperty("data").GetRawText());
        Assert.Equal("y", answer.GetProperty("outputs")[0].GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("echo", "FP64", "[0.1,2]", "[0.1,2]")]
    [InlineData("echo", "UINT8", "[0,255]", "[0,255]")]
    [InlineData("echo", "INT64", "[-3,16777216]", "[-3,16777216]")]
    [InlineData("echo", "BOOL", "[true,false]", "[1,0]")]
    [InlineData("long", "INT64", "[9223372036854775807,-9223372036854775808]", "[9223372036854775807,-9223372036854775808]")]
    [InlineData("long", "INT32", "[-2147483648,2e0]", "[-2147483648,2]")]
    [InlineData("long", "UINT16", "[[65535],[0]]", "[65535,0]")]
    [InlineData("flags", "BOOL", "[true,0]", "[true,false]")]
    public async Task Infer_Datatypes_AreConverted(string model, string datatype, string data, string expected)
    {
        JsonElement answer = await _app.InferAsync(model, $$$"""{"inputs":[{"name":"x","shape":[2],"datatype":"{{{datatype}}}","data":{{{data}}}}]}""");
        Assert.Equal(expected, answer.GetProperty("outputs")[0].GetProperty("data").GetRawText());

        // The members in the order of a client that sorts them.
        answer = await _app.InferAsync(model, $$$"""{"inputs":[{"data":{{{data}}},"datatype":"{{{datatype}}}","name":"x","shape":[2]}]}""");
        Assert.Equal(expected, answer.GetProperty("outputs")[0].GetProperty("data").GetRawText());
    }

    [Theory]
    [InlineData("echo", "FP16", new byte[] { 0x00, 0x3C, 0x00, 0xC0 }, "[1,-2]")]
    [InlineData("echo", "BF16", new byte[] { 0x80, 0x3F, 0x00, 0xC0 }, "[1,-2]")]
    [InlineData("echo", "FP64", new byte[] { 0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0xC0 }, "[1,-2]")]
    [InlineData("echo", "INT8", new byte[] { 1, 0xFE }, "[1,-2]")]
    [InlineData("echo", "UINT64", new byte[] { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80 }, "[1,9.223372E+18]")]
    [InlineData("echo", "BOOL", new byte[] { 1, 0 }, "[1,0]")]
    [InlineData("long", "INT16", new byte[] { 1, 0, 0xFE, 0xFF }, "[1,-2]")]
    [InlineData("flags", "BOOL", new byte[] { 1, 0 }, "[true,false]")]
    public async Task Infer_BinaryDatatypes_AreConverted(string model, string datatype, byte[] data, string expected)
    {
        HttpResponseMessage response = await _app.PostAsync(
            model, $$$"""{"inputs":[{"name":"x","shape":[2],"datatype":"{{{datatype}}}","parameters":{"binary_data_size":{{{data.Length}}}}}]}""", data);
        JsonElement answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal(expected, answer.GetProperty("outputs")[0].GetProperty("data").GetRawText());
    }

    [Theory]
    [InlineData("half", new byte[] { 0x00, 0x3C, 0x00, 0xC0 }, "FP16")]
    [InlineData("long", new byte[] { 1, 0, 0, 0, 0, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, "INT64")]
    [InlineData("flags", new byte[] { 1, 0 }, "BOOL")]
    public async Task Infer_BinaryDataOutput_GivesTheTypesOwnBytes(string model, byte[] data, string datatype)
    {
        HttpResponseMessage response = await _app.PostAsync(
            model,
            $$$"""{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[2],"datatype":"{{{datatype}}}","parameters":{"binary_data_size":{{{data.Length}}}}}]}""",
            data);
        (JsonElement answer, byte[] output) = await ProtocolApp.SplitAsync(response);
        Assert.Equal(datatype, answer.GetProperty("outputs")[0].GetProperty("datatype").GetString());
        Assert.Equal(data, output);
    }

    [Fact]
    public async Task Infer_OneOutputBinaryOneJson_BothComeInTheOrderAsked()
    {
        HttpResponseMessage response = await _app.PostAsync("two", """
            {"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,-1]}],
             "parameters":{"binary_data_output":true},"outputs":[{"name":"b","parameters":{"binary_data":false}},{"name":"a"}]}
            """);
        (JsonElement answer, byte[] data) = await ProtocolApp.SplitAsync(response);
        JsonElement outputs = answer.GetProperty("outputs");
        Assert.Equal(["b", "a"], outputs.EnumerateArray().Select(output => output.GetProperty("name").GetString()));
        Assert.Equal("[1,0]", outputs[0].GetProperty("data").GetRawText());
        Assert.Equal([1, -1], ProtocolApp.Floats(data));
    }

    [Fact]
    public async Task Infer_PictureLargerThanATile_GoesThroughInTiles_AndGivesTheSame()
    {
        const int Side = 350;
        byte[] picture = new byte[3 * Side * Side * 4];
        for (int i = 0; i < picture.Length / 4; i++)
            BinaryPrimitives.WriteSingleLittleEndian(picture.AsSpan(i * 4), (i * 7919 % 256) / 255f);

        string json = $$$"""
            {"parameters":{"binary_data_output":true,"accuracy":"exact"},"inputs":[{"name":"x","shape":[1,3,{{{Side}}},{{{Side}}}],"datatype":"FP32","parameters":{"binary_data_size":{{{picture.Length}}}}}]}
            """;
        var answers = new List<(string Shape, byte[] Data)>();
        foreach (string tileBytes in (string[])["1048576", "1073741824"])
        {
            await using ModelsApp service = await ModelsApp.StartAsync([("Models:TileBytes", tileBytes)], ("net.onnx", TestNetwork.Border()));
            (JsonElement answer, byte[] data) = await ProtocolApp.SplitAsync(await ProtocolApp.PostAsync(service, "net", json, picture));
            answers.Add((answer.GetProperty("outputs")[0].GetProperty("shape").GetRawText(), data));
        }

        Assert.Equal($"[1,3,{2 * (Side - 6)},{2 * (Side - 6)}]", answers[0].Shape);
        Assert.Equal(answers[1].Shape, answers[0].Shape);
        Assert.Equal(answers[1].Data, answers[0].Data);
    }

    [Fact]
    public async Task Infer_LargeTensor_GoesThroughWhole()
    {
        const int Count = 300_000;
        byte[] data = new byte[Count * 4];
        for (int i = 0; i < Count; i++)
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(i * 4), i * 0.25f);

        string json = $$$"""{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[{{{Count}}}],"datatype":"FP32","parameters":{"binary_data_size":{{{data.Length}}}}}]}""";
        (_, byte[] output) = await ProtocolApp.SplitAsync(await _app.PostAsync("echo", json, data));
        Assert.Equal(data, output);

        JsonElement answer = await _app.InferAsync("echo", $$"""{"inputs":[{"name":"x","shape":[{{Count}}],"datatype":"FP32","data":[{{string.Join(',', ProtocolApp.Floats(data).Select(value => value.ToString(CultureInfo.InvariantCulture)))}}]}]}""");
        Assert.Equal(ProtocolApp.Floats(data), answer.GetProperty("outputs")[0].GetProperty("data").Deserialize<float[]>());
    }

    [Fact]
    public async Task Infer_EmptyTensor_IsEmpty()
    {
        JsonElement answer = await _app.InferAsync("echo", """{"inputs":[{"name":"x","shape":[0],"datatype":"FP32","data":[]}]}""");
        Assert.Equal("[]", answer.GetProperty("outputs")[0].GetProperty("data").GetRawText());
    }

    [Fact]
    public async Task Infer_Version_IsChosen()
    {
        const string Json = """{"inputs":[{"name":"x","shape":[1,3,6,6],"datatype":"FP32","data":[%]}]}""";
        string json = Json.Replace("%", string.Join(',', Enumerable.Repeat("0.5", 108)), StringComparison.Ordinal);
        Assert.Equal("2", (await _app.InferAsync("net", json)).GetProperty("model_version").GetString());
        HttpResponseMessage response = await _app.Models.App.PostJsonAsync("/v2/models/net/versions/2/infer", json);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.NotEmpty(response.Headers.GetValues("Deconv-Algorithm").Single());
        Assert.Contains("run;dur=", response.Headers.GetValues("Server-Timing").Single(), StringComparison.Ordinal);
        await ProtocolApp.AssertErrorAsync(await _app.Models.App.PostJsonAsync("/v2/models/net/versions/3/infer", json), HttpStatusCode.NotFound, "version '3'");
    }
}
