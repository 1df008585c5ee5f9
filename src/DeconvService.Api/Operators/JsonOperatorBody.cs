using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tensors.Json;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Operators;

/// <summary>Reads the JSON object of a request to an operator or to a shape calculator.</summary>
/// <param name="buffers">The memory that tensors are read into.</param>
/// <param name="limits">How many elements a tensor may have.</param>
internal sealed class JsonOperatorBody(AlignedBufferPool buffers, TensorLimits limits)
{
    private const string Where = "the request's object";

    private readonly JsonTensorReader _tensors = new(buffers, limits);

    /// <summary>Reads tensors and parameters in whatever order they come.</summary>
    /// <exception cref="ServiceException">The text is broken, or a tensor in it.</exception>
    public async ValueTask ReadAsync(HttpRequest request, OperatorRequestBuilder builder, CancellationToken cancellationToken)
    {
        using var bytes = new ByteCursor(request.BodyReader, request.ContentLength);
        var json = new JsonCursor(bytes);
        await StartAsync(json, cancellationToken);
        for (bool first = true; await json.ReadNameAsync(first, Where, cancellationToken) is { } name; first = false)
        {
            if (!builder.Parameters.TryTake(name))
                await json.SkipValueAsync(TensorFaults.Shorten(name), cancellationToken);
            else if (!OperatorRequestBuilder.IsTensor(name))
                await ReadParameterAsync(json, name, builder.Parameters, cancellationToken);
            else if (await json.PeekAsync(cancellationToken) == 'n')
                await json.SkipValueAsync(name, cancellationToken); // null: none
            else
                builder.Set(name, await _tensors.ReadAsync(json, name, cancellationToken));
        }

        await json.ExpectEndAsync(cancellationToken);
    }

    /// <summary>Reads sizes and parameters in whatever order they come.</summary>
    /// <exception cref="ServiceException">The text is broken.</exception>
    public static async ValueTask ReadShapeAsync(HttpRequest request, ShapeRequestBuilder builder, CancellationToken cancellationToken)
    {
        using var bytes = new ByteCursor(request.BodyReader, request.ContentLength);
        var json = new JsonCursor(bytes);
        await StartAsync(json, cancellationToken);
        for (bool first = true; await json.ReadNameAsync(first, Where, cancellationToken) is { } name; first = false)
        {
            if (!builder.Parameters.TryTake(name))
            {
                await json.SkipValueAsync(TensorFaults.Shorten(name), cancellationToken);
            }
            else if (!ShapeRequestBuilder.IsShape(name))
            {
                await ReadParameterAsync(json, name, builder.Parameters, cancellationToken);
            }
            else
            {
                int length = await json.MeasureValueAsync(name, cancellationToken);
                builder.Set(name, json.Bytes.Unread[..length]);
                json.Bytes.Advance(length);
            }
        }

        await json.ExpectEndAsync(cancellationToken);
    }

    private static async ValueTask StartAsync(JsonCursor json, CancellationToken cancellationToken)
    {
        await json.SkipByteOrderMarkAsync(cancellationToken);
        await json.ExpectAsync('{', Where, cancellationToken);
    }

    private static async ValueTask ReadParameterAsync(
        JsonCursor json, string name, ParameterReader parameters, CancellationToken cancellationToken)
    {
        int length = await json.MeasureValueAsync(name, cancellationToken);
        parameters.Set(name, json.Bytes.Unread[..length]);
        json.Bytes.Advance(length);
    }
}
