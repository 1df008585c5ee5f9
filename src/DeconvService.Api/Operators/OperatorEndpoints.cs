using DeconvService.Api.Negotiation;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Operators;

/// <summary>The handlers of <c>/v1/conv</c> and <c>/v1/conv-transpose</c>.</summary>
internal sealed class OperatorEndpoints(OperatorRequestReader reader, ConvRunner runner)
{
    /// <summary>Reads tensors and parameters, computes, and writes the output as <c>Accept</c> asks.</summary>
    public async Task ComputeAsync(HttpContext context, ConvKind kind, CancellationToken cancellationToken)
    {
        var timing = ServerTiming.Of(context);
        TensorEncoding encoding = ChooseEncoding(context);

        timing.Start("decode");
        using OperatorRequest request = await reader.ReadAsync(context.Request, kind, cancellationToken);
        ConvShape shape = request.CreateShape();
        RequestFacts facts = RequestFacts.Of(context);
        facts.Shapes = $"{shape.Input} * {shape.Weight} -> {shape.Output}";

        using ConvResult result = await runner.RunAsync(shape, request.Input, request.Weight, request.Bias, timing, cancellationToken);
        facts.Algorithm = result.Algorithm;

        timing.Start("encode");
        context.Response.ContentType = TensorWriter.MediaTypeOf(encoding);
        context.Response.ContentLength = TensorWriter.LengthOf(result.Output, encoding);
        context.Response.Headers["Deconv-Algorithm"] = result.Algorithm;
        await TensorWriter.WriteAsync(context.Response.BodyWriter, result.Output, encoding, cancellationToken);
    }

    /// <summary>Works out sizes and costs; allocates no tensor.</summary>
    public async Task<ShapeAnswer> ShapeAsync(HttpContext context, ConvKind kind, CancellationToken cancellationToken)
    {
        context.ChooseMediaType(TensorMediaTypes.Json);
        ShapeRequest request = await reader.ReadShapeAsync(context.Request, kind, cancellationToken);
        return ShapeAnswer.Of(request.CreateShape());
    }

    private static TensorEncoding ChooseEncoding(HttpContext context) =>
        context.ChooseMediaType(TensorMediaTypes.Json, TensorMediaTypes.Npy, TensorMediaTypes.Npz) switch
        {
            TensorMediaTypes.Npy => TensorEncoding.Npy,
            TensorMediaTypes.Npz => TensorEncoding.Npz,
            _ => TensorEncoding.Json,
        };
}
