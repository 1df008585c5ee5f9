using System.Globalization;
using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tensors.Json;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;

namespace DeconvService.Api.Inference;

/// <summary>
/// Reads inference requests: a JSON object, and after it the binary tensors that it announces (the binary tensor data extension). Members may
/// come in any order, unknown ones are skipped. Thread-safe.
/// </summary>
/// <param name="buffers">The memory that tensors are read into.</param>
/// <param name="limits">How many elements a tensor may have.</param>
internal sealed class InferenceRequestReader(AlignedBufferPool buffers, TensorLimits limits)
{
    private readonly JsonElements _elements = new(buffers);
    private readonly BinaryElements _binary = new(buffers);

    /// <summary>Reads a request for a network.</summary>
    /// <returns>The request, which the caller disposes.</returns>
    /// <exception cref="ServiceException">The request is broken or does not fit the network; all memory was given back.</exception>
    public async Task<InferenceRequest> ReadAsync(HttpRequest request, CompiledModel network, CancellationToken cancellationToken)
    {
        long? jsonLength = JsonLengthOf(request);
        using var bytes = new ByteCursor(request.BodyReader, request.ContentLength);
        var draft = new InferenceDraft(network);
        try
        {
            await ReadJsonAsync(new JsonCursor(bytes), draft, jsonLength is not null, cancellationToken);
            await SkipToAsync(bytes, jsonLength, cancellationToken);
            if (jsonLength is not null)
                ThrowUnlessComplete(draft, request.ContentLength - jsonLength);

            foreach (DeclaredInput input in draft.Inputs.Where(input => input.BinaryBytes is not null))
                input.Tensor = await _binary.ReadAsync(bytes, input, cancellationToken);

            if (!bytes.Unread.IsEmpty || await bytes.FillAsync(cancellationToken))
                throw InferenceFaults.Invalid($"the body goes on after the last tensor, at byte {bytes.Position}");

            return draft.ToRequest();
        }
        catch
        {
            draft.Dispose();
            throw;
        }
    }

    private static long? JsonLengthOf(HttpRequest request)
    {
        string text = request.Headers[InferenceFaults.HeaderLength].ToString();
        if (text.Length == 0)
            return null;

        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long length))
            throw InferenceFaults.Invalid($"{InferenceFaults.HeaderLength} must be the number of bytes of the JSON object");

        if (length > request.ContentLength)
            throw InferenceFaults.Invalid($"{InferenceFaults.HeaderLength} is {length}, but the whole body has {request.ContentLength} bytes");

        return length;
    }

    private async ValueTask ReadJsonAsync(JsonCursor json, InferenceDraft draft, bool binaryFollows, CancellationToken cancellationToken)
    {
        await json.SkipByteOrderMarkAsync(cancellationToken);
        await json.ExpectAsync('{', "the request", cancellationToken);
        for (bool first = true; await json.ReadNameAsync(first, "the request", cancellationToken) is { } name; first = false)
        {
            switch (name)
            {
                case "id":
                    draft.Id = await ReadStringAsync(json, name, cancellationToken);
                    break;
                case "inputs":
                    await ReadListAsync(json, name, i => ReadInputAsync(json, draft, $"inputs[{i}]", binaryFollows, cancellationToken), cancellationToken);
                    break;
                case "outputs":
                    await ReadListAsync(json, name, i => ReadOutputAsync(json, draft, $"outputs[{i}]", cancellationToken), cancellationToken);
                    break;
                case "parameters":
                    InferenceParameters parameters = await ReadParametersAsync(json, name, cancellationToken);
                    (draft.BinaryOutputs, draft.Accuracy) = (parameters.BinaryOutput, parameters.Accuracy ?? Accuracy.Default);
                    break;
                default:
                    await json.SkipValueAsync(name, cancellationToken);
                    break;
            }
        }
    }

    private async ValueTask ReadInputAsync(JsonCursor json, InferenceDraft draft, string path, bool binaryFollows, CancellationToken cancellationToken)
    {
        var input = new DeclaredInput(path);
        System.Buffers.ArrayBufferWriter<byte>? kept = null;
        bool resolved = false;
        bool hasData = false;
        await json.ExpectAsync('{', path, cancellationToken);
        for (bool first = true; await json.ReadNameAsync(first, path, cancellationToken) is { } name; first = false)
        {
            switch (name)
            {
                case "name":
                    input.Name = await ReadStringAsync(json, $"{path}.name", cancellationToken);
                    break;
                case "datatype":
                    input.Datatype = DatatypeOf(await ReadStringAsync(json, $"{path}.datatype", cancellationToken), path);
                    break;
                case "shape":
                    input.Shape = await ReadShapeAsync(json, $"{path}.shape", cancellationToken);
                    break;
                case "parameters":
                    input.BinaryBytes = (await ReadParametersAsync(json, $"{path}.parameters", cancellationToken)).BinaryDataSize;
                    break;
                case "data":
                    if (hasData)
                        throw InferenceFaults.Invalid($"{path}.data is given twice");

                    hasData = true;
                    if (await json.PeekAsync(cancellationToken) != '[')
                        throw InferenceFaults.Invalid($"{path}.data must be an array");

                    // Its type is told by members that may come after it.
                    if (input is { Name: not null, Datatype: not null, Shape: not null })
                    {
                        draft.Add(input);
                        resolved = true;
                        input.Tensor = await _elements.ReadAsync(json, input, cancellationToken);
                    }
                    else
                    {
                        kept = await JsonElements.KeepAsync(json, $"{path}.data", cancellationToken);
                    }

                    break;
                default:
                    await json.SkipValueAsync($"{path}.{name}", cancellationToken);
                    break;
            }
        }

        if (!resolved)
            draft.Add(input);

        if (kept is not null)
            input.Tensor = await _elements.ReadAsync(JsonElements.Reopen(kept), input, cancellationToken);

        if (hasData == input.BinaryBytes is not null)
            throw InferenceFaults.Invalid($"{path} (input '{input.Name}') needs either data or the parameter binary_data_size, and not both");

        if (input.BinaryBytes is not null && !binaryFollows)
        {
            throw InferenceFaults.Invalid(
                $"input '{input.Name}' has binary_data_size, so the request needs the header {InferenceFaults.HeaderLength} with the number of bytes of its JSON object");
        }
    }

    private static async ValueTask ReadOutputAsync(JsonCursor json, InferenceDraft draft, string path, CancellationToken cancellationToken)
    {
        string? output = null;
        bool? binary = null;
        await json.ExpectAsync('{', path, cancellationToken);
        for (bool first = true; await json.ReadNameAsync(first, path, cancellationToken) is { } name; first = false)
        {
            if (name is "name")
                output = await ReadStringAsync(json, $"{path}.name", cancellationToken);
            else if (name is "parameters")
                binary = (await ReadParametersAsync(json, $"{path}.parameters", cancellationToken)).BinaryData;
            else
                await json.SkipValueAsync($"{path}.{name}", cancellationToken);
        }

        draft.Ask(output ?? throw InferenceFaults.Invalid($"{path}.name is missing"), binary);
    }

    private static async ValueTask ReadListAsync(JsonCursor json, string field, Func<int, ValueTask> readItem, CancellationToken cancellationToken)
    {
        await json.ExpectAsync('[', field, cancellationToken);
        if (await json.PeekAsync(cancellationToken) == ']')
        {
            json.Bytes.Advance(1);
            return;
        }

        for (int i = 0; ; i++)
        {
            await readItem(i);
            int next = await json.PeekAsync(cancellationToken);
            if (next is not (',' or ']'))
                throw json.Unexpected(next, "',' or ']'", field);

            json.Bytes.Advance(1);
            if (next == ']')
                return;
        }
    }

    private static async ValueTask<string> ReadStringAsync(JsonCursor json, string field, CancellationToken cancellationToken)
    {
        int length = await json.MeasureValueAsync(field, cancellationToken);
        string text = TextOf(json.Bytes.Unread[..length], field);
        json.Bytes.Advance(length);
        return text;
    }

    private static string TextOf(ReadOnlySpan<byte> value, string field)
    {
        var reader = new Utf8JsonReader(value);
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
            throw InferenceFaults.Invalid($"{field} must be a string");

        return JsonText.TryGet(ref reader, out string text)
            ? text
            : throw InferenceFaults.Invalid($"{field} is not UTF-8, or has half of a surrogate pair");
    }

    private async ValueTask<TensorShape> ReadShapeAsync(JsonCursor json, string field, CancellationToken cancellationToken)
    {
        int length = await json.MeasureValueAsync(field, cancellationToken);
        TensorShape shape = ShapeParser.Parse(json.Bytes.Unread[..length], field, limits);
        json.Bytes.Advance(length);
        return shape;
    }

    private static async ValueTask<InferenceParameters> ReadParametersAsync(JsonCursor json, string field, CancellationToken cancellationToken)
    {
        int length = await json.MeasureValueAsync(field, cancellationToken);
        InferenceParameters parameters = InferenceParameters.Parse(json.Bytes.Unread[..length], field);
        json.Bytes.Advance(length);
        return parameters;
    }

    private static Datatype DatatypeOf(string name, string path) => Datatype.Find(name)
        ?? throw InferenceFaults.Invalid($"{path}.datatype {TensorFaults.Shorten(name)} is not supported; there are {string.Join(", ", Datatype.Names)}");

    // What stands between the JSON object and the place where the header says it ends can only be white space.
    private static async ValueTask SkipToAsync(ByteCursor bytes, long? end, CancellationToken cancellationToken)
    {
        while (end is null || bytes.Position < end)
        {
            if (bytes.Unread.IsEmpty && !await bytes.FillAsync(cancellationToken))
            {
                if (end is null)
                    return;

                throw InferenceFaults.Invalid($"the body ends at byte {bytes.Position}, but {InferenceFaults.HeaderLength} is {end}");
            }

            if (bytes.Unread[0] is not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n'))
            {
                throw InferenceFaults.Invalid(end is null
                    ? $"the body goes on after the JSON object, at byte {bytes.Position}; with binary tensors the request needs the header {InferenceFaults.HeaderLength}"
                    : $"the JSON object ends at byte {bytes.Position}, but {InferenceFaults.HeaderLength} is {end}");
            }

            bytes.Advance(1);
        }

        if (bytes.Position > end)
            throw InferenceFaults.Invalid($"the JSON object ends at byte {bytes.Position}, but {InferenceFaults.HeaderLength} is {end}");
    }

    private static void ThrowUnlessComplete(InferenceDraft draft, long? follows)
    {
        long announced = draft.Inputs.Sum(input => input.BinaryBytes ?? 0);
        if (follows is not null && announced != follows)
            throw InferenceFaults.Invalid($"the binary_data_size of all inputs together is {announced}, but {follows} bytes follow the JSON object");
    }
}
