using System.IO.Pipelines;
using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tests.Tensors;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Tests.Operators;

public sealed class JsonOperatorRequestTests : IDisposable
{
    private const string Small = """{"input":{"shape":[1,1,2,2],"data":[1.5,-2,3e2,0.25]},"weight":[[[[1]]]],"bias":[0.5],"stride":[1,2],"padding":"same"}""";

    private readonly RequestReading _reading = new();

    public void Dispose() => _reading.Dispose();

    [Fact]
    public async Task ReadAsync_SmallRequest_GivesTensorsAndParameters()
    {
        RequestReading.Result result = await _reading.ReadAsync(Small);

        AssertSmall(result);
        Assert.Empty(result.Faults);
    }

    [Fact]
    public async Task ReadAsync_BodyCutAnywhere_GivesTheSame()
    {
        byte[] body = Encoding.UTF8.GetBytes(Small);
        for (int cut = 0; cut <= body.Length; cut++)
        {
            for (int second = cut; second <= Math.Min(body.Length, cut + 3); second++)
                AssertSmall(await ReadAsync(body, Pieces.Segments(body, cut, second)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public async Task ReadAsync_BodyInSmallReads_GivesTheSame(int pieceBytes)
    {
        byte[] body = Encoding.UTF8.GetBytes(Small);
        AssertSmall(await ReadAsync(body, Pieces.Reads(body, pieceBytes)));
    }

    [Fact]
    public async Task ReadAsync_BodyTruncatedAnywhere_IsMalformed()
    {
        for (int length = 0; length < Small.Length; length++)
        {
            IReadOnlyList<ServiceFault> faults = await _reading.FaultsAsync(Small[..length]);
            Assert.Equal(ServiceErrorKind.Malformed, faults[0].Kind);
        }
    }

    private static void AssertSmall(RequestReading.Result result)
    {
        Assert.Equal([1, 1, 2, 2], result.InputShape);
        Assert.Equal([1.5f, -2, 300, 0.25f], result.Input);
        Assert.Equal([1, 1, 1, 1], result.WeightShape);
        Assert.Equal([1f], result.Weight);
        Assert.Equal([0.5f], result.Bias!);
        Assert.Equal(new int[] { 1, 2 }, result.Parameters.Stride);
        Assert.Equal(ConvPadding.SameUpper, result.Parameters.Padding);
    }

    private Task<RequestReading.Result> ReadAsync(byte[] body, PipeReader pipe) =>
        _reading.ReadAsync(RequestReading.Request(body, TensorMediaTypes.Json, pipe: pipe));
}
