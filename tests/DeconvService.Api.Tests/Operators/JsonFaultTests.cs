using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;
using Microsoft.AspNetCore.Http;

namespace DeconvService.Api.Tests.Operators;

/// <summary>What a client is told of a JSON request that cannot be read.</summary>
public sealed class JsonFaultTests : IDisposable
{
    private const string Weight = "\"weight\":[[[[1]]]]";

    private readonly RequestReading _reading = new(new TensorLimits { TensorElements = 100 });

    public void Dispose() => _reading.Dispose();

    [Theory]
    [InlineData("""{"shape":[1,1,1,2],"data":[1,2,3]}""", ServiceErrorKind.InvalidField, "input.data")]
    [InlineData("""{"shape":[1,1,1,2],"data":[1]}""", ServiceErrorKind.InvalidField, "input.data")]
    [InlineData("""{"data":[1],"shape":[1,1,1,2]}""", ServiceErrorKind.InvalidField, "input.data")]
    [InlineData("""{"data":[[1,2]],"shape":[2,1]}""", ServiceErrorKind.InvalidField, "input.data")]
    [InlineData("""{"data":[1]}""", ServiceErrorKind.MissingField, "input.shape")]
    [InlineData("""{"shape":[1]}""", ServiceErrorKind.MissingField, "input.data")]
    [InlineData("""{"shape":[1],"shape":[1],"data":[1]}""", ServiceErrorKind.InvalidField, "input.shape")]
    [InlineData("""{"shape":[1],"data":[1],"data":[1]}""", ServiceErrorKind.InvalidField, "input.data")]
    [InlineData("""{"shape":[1],"date":[1]}""", ServiceErrorKind.UnknownField, "input.date")]
    [InlineData("""{"shape":[1,-2],"data":[]}""", ServiceErrorKind.InvalidField, "input.shape[1]")]
    [InlineData("""{"shape":[1,1.5],"data":[]}""", ServiceErrorKind.InvalidField, "input.shape[1]")]
    [InlineData("""{"shape":[1,"2"],"data":[]}""", ServiceErrorKind.InvalidField, "input.shape[1]")]
    [InlineData("""{"shape":7,"data":[]}""", ServiceErrorKind.InvalidField, "input.shape")]
    [InlineData("""{"shape":[1,1,1,1,1,1,1,1,1],"data":[1]}""", ServiceErrorKind.InvalidField, "input.shape")]
    [InlineData("""{"shape":[1],"data":5}""", ServiceErrorKind.InvalidField, "input.data")]
    [InlineData("[[1,2],[3]]", ServiceErrorKind.InvalidField, "input[1]")]
    [InlineData("[[1,2],3]", ServiceErrorKind.InvalidField, "input[1]")]
    [InlineData("[1,[2]]", ServiceErrorKind.InvalidField, "input[1]")]
    [InlineData("[[],[1]]", ServiceErrorKind.InvalidField, "input[1]")]
    [InlineData("[[[1]],[]]", ServiceErrorKind.InvalidField, "input[1]")]
    [InlineData("[[1,2],[3,\"4\"]]", ServiceErrorKind.InvalidField, "input[1][1]")]
    [InlineData("[[1,2],[3,null]]", ServiceErrorKind.InvalidField, "input[1][1]")]
    [InlineData("[[1,2],[true,4]]", ServiceErrorKind.InvalidField, "input[1][0]")]
    [InlineData("[[1,2],[{},4]]", ServiceErrorKind.InvalidField, "input[1][0]")]
    [InlineData("[[1,2],[1e400,4]]", ServiceErrorKind.InvalidField, "input[1][0]")]
    [InlineData("[[1,2],[NaN,4]]", ServiceErrorKind.Malformed, "input[1][0]")]
    [InlineData("[[1,2],[-Infinity,4]]", ServiceErrorKind.Malformed, "input[1][0]")]
    [InlineData("[1,2,]", ServiceErrorKind.Malformed, "input[2]")]
    [InlineData("[1 2]", ServiceErrorKind.Malformed, "input[1]")]
    [InlineData("[1,/*x*/2]", ServiceErrorKind.Malformed, "input[1]")]
    [InlineData("[01]", ServiceErrorKind.Malformed, "input[0]")]
    [InlineData("[,1]", ServiceErrorKind.Malformed, "input[0]")]
    [InlineData("[[[[[[[[[1]]]]]]]]]", ServiceErrorKind.InvalidField, "input")]
    [InlineData("\"x\"", ServiceErrorKind.InvalidField, "input")]
    [InlineData("5", ServiceErrorKind.InvalidField, "input")]
    [InlineData("null", ServiceErrorKind.MissingField, "input")]
    public async Task ReadAsync_BrokenTensor_NamesThePlace(string tensor, ServiceErrorKind kind, string field)
    {
        ServiceFault fault = (await _reading.FaultsAsync($"{{\"input\":{tensor},{Weight}}}"))[0];
        Assert.Equal((kind, field), (fault.Kind, FactOf(fault, "field")));
    }

    [Theory]
    [InlineData("""{"shape":[10,11],"data":[]}""", 110L)]
    [InlineData("""{"shape":[9999999999,9999999999],"data":[]}""", long.MaxValue)]
    public async Task ReadAsync_ShapeOverTheLimit_SaysLimitValueAndSetting(string tensor, long value)
    {
        ServiceFault fault = (await _reading.FaultsAsync($"{{\"input\":{tensor},{Weight}}}"))[0];
        Assert.Equal(ServiceErrorKind.TooLarge, fault.Kind);
        Assert.Equal(100L, FactOf(fault, "limit"));
        Assert.Equal(value, FactOf(fault, "value"));
        Assert.Equal("Limits:TensorElements", FactOf(fault, "setting"));
    }

    [Fact]
    public async Task ReadAsync_MoreNumbersThanTheLimit_IsTooLarge()
    {
        string numbers = string.Join(',', Enumerable.Repeat("1", 101));
        Assert.Equal(ServiceErrorKind.TooLarge, (await _reading.FaultsAsync($"{{\"input\":[{numbers}],{Weight}}}"))[0].Kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{}}")]
    [InlineData("{'input':1}")]
    [InlineData("{\"input\" [1]}")]
    [InlineData("// comment\n{}")]
    [InlineData("{\"weight\":[1] \"bias\":[1]}")]
    [InlineData("{\"stride\":[1,}")]
    [InlineData("{\"stride\":tru}")]
    [InlineData("{\"\\ud800\":1}")]
    [InlineData("{\"x\":[1,{\"y\":]}")]
    public async Task ReadAsync_BrokenJson_IsMalformed(string body) =>
        Assert.Equal(ServiceErrorKind.Malformed, (await _reading.FaultsAsync(body))[0].Kind);

    [Fact]
    public async Task ReadAsync_NameThatIsNotUtf8_IsMalformed()
    {
        byte[] body = [.. "{\"in"u8, 0xFF, .. "\":1}"u8];
        Assert.Equal(ServiceErrorKind.Malformed, (await _reading.FaultsAsync(RequestReading.Request(body, TensorMediaTypes.Json)))[0].Kind);
    }

    [Fact]
    public async Task ReadAsync_ByteOrderMark_IsIgnored()
    {
        byte[] body = [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes($"{{\"input\":[[[[1]]]],{Weight}}}")];
        RequestReading.Result result = await _reading.ReadAsync(RequestReading.Request(body, TensorMediaTypes.Json));
        Assert.Equal([1f], result.Input);
    }

    [Fact]
    public async Task ReadAsync_BrokenNumber_SaysItsByte()
    {
        const string body = "{\"input\":[[1, 2x";
        ServiceFault fault = (await _reading.FaultsAsync(body))[0];
        Assert.Equal((long)body.IndexOf('x', StringComparison.Ordinal), FactOf(fault, "offset"));
    }

    [Fact]
    public async Task ReadAsync_SeveralFaults_AreReportedTogether()
    {
        IReadOnlyList<ServiceFault> faults = await _reading.FaultsAsync(
            $"{{\"input\":[[[[1]]]],{Weight},\"strides\":{{\"a\":[1,2]}},\"dilation\":\"2\",\"groups\":1.5,\"padding\":\"full\",\"groups\":2}}");
        Assert.Equal(
            [ServiceErrorKind.UnknownField, ServiceErrorKind.InvalidField, ServiceErrorKind.InvalidField, ServiceErrorKind.InvalidField, ServiceErrorKind.InvalidField],
            faults.Select(fault => fault.Kind));
        Assert.Equal("stride", FactOf(faults[0], "nearest"));
    }

    [Fact]
    public async Task ReadAsync_MissingTensors_AreNamedWithTheFaultsOfParameters()
    {
        IReadOnlyList<ServiceFault> faults = await _reading.FaultsAsync("""{"strid":1}""");
        Assert.Equal([ServiceErrorKind.MissingField, ServiceErrorKind.MissingField, ServiceErrorKind.UnknownField], faults.Select(fault => fault.Kind));
    }

    [Theory]
    [InlineData("fit", ConvKind.Transposed, "conv")]
    [InlineData("paddingMode", ConvKind.Transposed, "conv")]
    [InlineData("outputPadding", ConvKind.Convolution, "conv-transpose")]
    [InlineData("outputSize", ConvKind.Convolution, "conv-transpose")]
    public async Task ReadAsync_ParameterOfTheOtherOperator_IsExplained(string name, ConvKind kind, string other)
    {
        ServiceFault fault = Assert.Single(await _reading.FaultsAsync($"{{\"input\":[[[[1]]]],{Weight},\"{name}\":1}}", kind));
        Assert.Equal(ServiceErrorKind.UnknownField, fault.Kind);
        Assert.Equal(other, FactOf(fault, "operator"));
    }

    [Fact]
    public async Task ReadAsync_MillionsOfUnknownFields_EndsEarly()
    {
        string fields = string.Concat(Enumerable.Range(0, 1000).Select(i => $"\"f{i}\":0,"));
        Assert.Equal(20, (await _reading.FaultsAsync($"{{{fields}\"input\":[1]}}")).Count);
    }

    [Fact]
    public async Task ReadAsync_BiasThatIsNoList_IsRefused()
    {
        ServiceFault fault = Assert.Single(await _reading.FaultsAsync($"{{\"input\":[[[[1]]]],{Weight},\"bias\":[[1]]}}"));
        Assert.Equal("bias", FactOf(fault, "field"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("application/x-npy")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("no media type")]
    public async Task ReadAsync_OtherMediaType_ListsWhatIsAccepted(string? contentType)
    {
        ServiceFault fault = Assert.Single(await _reading.FaultsAsync(RequestReading.Request("{}"u8.ToArray(), contentType)));
        Assert.Equal(ServiceErrorKind.UnsupportedMediaType, fault.Kind);
        Assert.Equal(["application/json", "multipart/form-data", "application/x-npz"], (string[])FactOf(fault, "accepted")!);
    }

    [Fact]
    public async Task ReadAsync_ParameterInTheQueryOfAJsonRequest_IsRefused()
    {
        HttpRequest request = RequestReading.Json($"{{\"input\":[[[[1]]]],{Weight}}}");
        request.QueryString = new QueryString("?stride=2");
        Assert.Equal("stride", FactOf(Assert.Single(await _reading.FaultsAsync(request)), "field"));
    }

    private static object? FactOf(ServiceFault fault, string name) => fault.Facts.FirstOrDefault(fact => fact.Key == name).Value;
}
