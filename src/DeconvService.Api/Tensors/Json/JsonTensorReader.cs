using DeconvService.Api.Errors;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors.Json;

/// <summary>Reads a tensor out of a JSON text: <c>{"shape":[...],"data":[...]}</c> in either order, or a bare nested array.</summary>
/// <param name="buffers">The memory that it is read into.</param>
/// <param name="limits">How many elements it may have.</param>
internal sealed class JsonTensorReader(AlignedBufferPool buffers, TensorLimits limits)
{
    // A number and its comma take two bytes at the least.
    private const int SmallestNumber = 2;

    /// <summary>Reads the tensor that comes next.</summary>
    /// <param name="json">The text.</param>
    /// <param name="field">What the tensor is, for messages, such as <c>input</c>.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <exception cref="ServiceException">It cannot be read; the memory was given back.</exception>
    public async ValueTask<Tensor> ReadAsync(JsonCursor json, string field, CancellationToken cancellationToken)
    {
        switch (await json.PeekAsync(cancellationToken))
        {
            case '{':
                return await ReadObjectAsync(json, field, cancellationToken);
            case '[':
                using (var elements = new TensorBuilder(buffers, limits.TensorElements))
                    return elements.ToTensor(new TensorShape(await ReadArrayAsync(json, field, elements, null, cancellationToken)));
            case < 0:
                throw json.Unexpected(-1, "a tensor", field);
            default:
                await json.SkipValueAsync(field, cancellationToken);
                throw TensorFaults.Invalid(
                    field, $"{field} must be a tensor, {{\"shape\":[...],\"data\":[...]}} or a nested array of numbers", json.Bytes.Position);
        }
    }

    private async ValueTask<Tensor> ReadObjectAsync(JsonCursor json, string field, CancellationToken cancellationToken)
    {
        await json.ExpectAsync('{', field, cancellationToken);
        using var elements = new TensorBuilder(buffers, limits.TensorElements);
        TensorShape? shape = null;
        int[]? nesting = null;
        for (bool first = true; await json.ReadNameAsync(first, field, cancellationToken) is { } name; first = false)
        {
            string path = $"{field}.{name}";
            switch (name)
            {
                case "shape" when shape is null:
                    int length = await json.MeasureValueAsync(path, cancellationToken);
                    shape = ShapeParser.Parse(json.Bytes.Unread[..length], path, limits);
                    json.Bytes.Advance(length);
                    break;
                case "data" when nesting is null:
                    if (await json.PeekAsync(cancellationToken) is not '[' and >= 0)
                    {
                        await json.SkipValueAsync(path, cancellationToken);
                        throw TensorFaults.Invalid(path, $"{path} must be an array of numbers, flat or nested", json.Bytes.Position);
                    }

                    nesting = await ReadArrayAsync(json, path, elements, shape, cancellationToken);
                    break;
                case "shape" or "data":
                    throw TensorFaults.Invalid(path, $"{path} is given twice", json.Bytes.Position);
                default:
                    throw new ServiceException(FieldNames.Unknown(name, ["shape", "data"], field));
            }
        }

        return elements.ToTensor(Agree(field, shape, nesting, elements.Count));
    }

    // Returns the lengths of the lists, outermost first.
    private async ValueTask<int[]> ReadArrayAsync(
        JsonCursor json, string field, TensorBuilder elements, TensorShape? shape, CancellationToken cancellationToken)
    {
        await json.PeekAsync(cancellationToken);
        if (shape is { } known && json.Bytes.Remaining is { } bytes)
            elements.Reserve(Math.Min(known.Count, (bytes / SmallestNumber) + 1));

        var scanner = new JsonArrayScanner(field, elements, () => TensorFaults.TooManyElements(field, limits.TensorElements + 1, limits));
        while (true)
        {
            json.Bytes.Advance(scanner.Scan(json.Bytes.Unread, json.Bytes.Position));
            if (scanner.IsComplete)
                return scanner.Sizes.ToArray();

            if (elements.Count > shape?.Count)
                throw WrongCount(field, shape.Value, $"more than {shape.Value.Count}");

            if (!await json.Bytes.FillAsync(cancellationToken))
                throw json.Unexpected(-1, "the rest of an array", field);
        }
    }

    private static TensorShape Agree(string field, TensorShape? shape, int[]? nesting, int count)
    {
        if (shape is null || nesting is null)
        {
            var missing = new List<ServiceFault>(2);
            if (shape is null)
                missing.Add(TensorFaults.At(ServiceErrorKind.MissingField, $"{field}.shape is missing", $"{field}.shape"));
            if (nesting is null)
                missing.Add(TensorFaults.At(ServiceErrorKind.MissingField, $"{field}.data is missing", $"{field}.data"));

            throw new ServiceException(missing);
        }

        if (count != shape.Value.Count)
            throw WrongCount($"{field}.data", shape.Value, $"{count}");

        if (nesting.Length > 1 && !shape.Value.Sizes.SequenceEqual(nesting))
            throw TensorFaults.Invalid($"{field}.data", $"{field}.data is nested as [{string.Join(", ", nesting)}], but {field}.shape is {shape}");

        return shape.Value;
    }

    private static ServiceException WrongCount(string field, TensorShape shape, string found) => new(
        new ServiceFault(ServiceErrorKind.InvalidField, $"{field} has {found} numbers, but its shape {shape} needs {shape.Count}")
        {
            Facts = [new("field", field), new("expected", shape.Count), new("found", found)],
        });
}
