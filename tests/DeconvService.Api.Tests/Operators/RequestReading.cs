using System.IO.Pipelines;
using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Operators;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tests.Tensors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DeconvService.Api.Tests.Operators;

/// <summary>Reads requests without a server, and sees to it that no pooled memory is left behind.</summary>
internal sealed class RequestReading : IDisposable
{
    private readonly AlignedBufferPool _pool = new(maximumKeptBytes: 0);
    private readonly OperatorRequestReader _reader;

    public RequestReading(TensorLimits? limits = null, IImageTensorReader? images = null) =>
        _reader = new OperatorRequestReader(_pool, limits ?? new TensorLimits(), images);

    /// <summary>What a request came to, its tensors copied.</summary>
    public sealed record Result(
        int[] InputShape, float[] Input, int[] WeightShape, float[] Weight, float[]? Bias, ConvParameters Parameters, IReadOnlyList<ServiceFault> Faults);

    /// <summary>A request with a body in one piece.</summary>
    public static HttpRequest Request(byte[] body, string? contentType, string query = "", PipeReader? pipe = null, bool withLength = true)
    {
        var context = new DefaultHttpContext();
        context.Request.ContentType = contentType;
        context.Request.ContentLength = withLength ? body.Length : null;
        context.Request.QueryString = new QueryString(query);
        context.Request.Body = pipe?.AsStream() ?? new MemoryStream(body);
        if (pipe is not null)
            context.Features.Set<IRequestBodyPipeFeature>(new GivenPipe(pipe));

        return context.Request;
    }

    /// <summary>A JSON request.</summary>
    public static HttpRequest Json(string body) => Request(Encoding.UTF8.GetBytes(body), TensorMediaTypes.Json);

    /// <summary>Reads a request; all memory must have come back, whatever happens.</summary>
    public async Task<Result> ReadAsync(HttpRequest request, ConvKind kind = ConvKind.Convolution)
    {
        try
        {
            using OperatorRequest read = await _reader.ReadAsync(request, kind, TestContext.Current.CancellationToken);
            return new Result(
                read.Input.Shape.Sizes.ToArray(),
                read.Input.Data.ToArray(),
                read.Weight.Shape.Sizes.ToArray(),
                read.Weight.Data.ToArray(),
                read.Bias?.Data.ToArray(),
                read.Parameters,
                read.ParameterFaults);
        }
        finally
        {
            Assert.Equal(0, _pool.LentBytes);
        }
    }

    /// <summary>Reads a JSON request.</summary>
    public Task<Result> ReadAsync(string json, ConvKind kind = ConvKind.Convolution) => ReadAsync(Json(json), kind);

    /// <summary>The faults of a request that cannot be read, or has faulty parameters.</summary>
    public async Task<IReadOnlyList<ServiceFault>> FaultsAsync(HttpRequest request, ConvKind kind = ConvKind.Convolution)
    {
        try
        {
            Result result = await ReadAsync(request, kind);
            Assert.NotEmpty(result.Faults);
            return result.Faults;
        }
        catch (ServiceException exception)
        {
            return exception.Faults;
        }
    }

    /// <summary>The faults of a JSON request.</summary>
    public Task<IReadOnlyList<ServiceFault>> FaultsAsync(string json, ConvKind kind = ConvKind.Convolution) => FaultsAsync(Json(json), kind);

    /// <summary>Reads a request to a shape calculator.</summary>
    public async Task<ShapeRequest> ReadShapeAsync(HttpRequest request, ConvKind kind = ConvKind.Convolution) =>
        await _reader.ReadShapeAsync(request, kind, TestContext.Current.CancellationToken);

    public void Dispose() => _pool.Dispose();

    private sealed class GivenPipe(PipeReader pipe) : IRequestBodyPipeFeature
    {
        public PipeReader Reader => pipe;
    }
}
