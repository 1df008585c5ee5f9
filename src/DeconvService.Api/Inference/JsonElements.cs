using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tensors.Json;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Inference;

/// <summary>Reads the JSON array <c>data</c> of an input, flat or nested.</summary>
/// <param name="buffers">The memory that it is read into.</param>
internal sealed class JsonElements(AlignedBufferPool buffers)
{
    private const int DeepestNesting = 64;

    // A number and its comma take two bytes at the least.
    private const int SmallestNumber = 2;

    /// <summary>Reads the array that comes next into the memory that the network wants it in.</summary>
    /// <param name="json">The text.</param>
    /// <param name="input">A resolved input.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <exception cref="ServiceException">It is broken, or has another number of elements than the shape says.</exception>
    public async ValueTask<InferenceTensor> ReadAsync(JsonCursor json, DeclaredInput input, CancellationToken cancellationToken)
    {
        if (input.Datatype!.IsBinaryOnly)
            throw InferenceFaults.Invalid($"input '{input.Name}' is {input.Datatype.Name}, which can only be sent as binary data (binary_data_size)");

        TensorShape shape = input.Shape!.Value;
        long length = InferenceTensor.LengthOf(shape.Count, input.IsFloating);
        using var elements = new TensorBuilder(buffers, Math.Max(length, 1));
        elements.Reserve(json.Bytes.Remaining is { } bytes ? Math.Min(length, InferenceTensor.LengthOf((bytes / SmallestNumber) + 1, input.IsFloating)) : 1);
        if (input.Datatype.IsFloating)
            await ReadFloatsAsync(json, input, elements, cancellationToken);
        else
            await ReadIntegersAsync(json, input, elements, cancellationToken);

        if (elements.Count != length)
            throw WrongCount(input, $"{elements.Count / InferenceTensor.LengthOf(1, input.IsFloating)}");

        return new InferenceTensor(shape, input.IsFloating, elements.ToBuffer());
    }

    /// <summary>Keeps the text of an array whose type is not known yet.</summary>
    /// <exception cref="ServiceException">It ends before its last bracket.</exception>
    public static async ValueTask<ArrayBufferWriter<byte>> KeepAsync(JsonCursor json, string field, CancellationToken cancellationToken)
    {
        var text = new ArrayBufferWriter<byte>();
        int depth = 0;
        bool inString = false;
        bool escaped = false;
        do
        {
            if (json.Bytes.Unread.IsEmpty && !await json.Bytes.FillAsync(cancellationToken))
                throw json.Unexpected(-1, "the rest of an array", field);

            int count = Measure(json.Bytes.Unread, ref depth, ref inString, ref escaped);
            text.Write(json.Bytes.Unread[..count]);
            json.Bytes.Advance(count);
        }
        while (depth > 0);
        return text;
    }

    /// <summary>A kept text, to be read again.</summary>
    public static JsonCursor Reopen(ArrayBufferWriter<byte> text) =>
        new(new ByteCursor(PipeReader.Create(new ReadOnlySequence<byte>(text.WrittenMemory)), text.WrittenCount));

    private static int Measure(ReadOnlySpan<byte> text, ref int depth, ref bool inString, ref bool escaped)
    {
        for (int i = 0; i < text.Length; i++)
        {
            byte b = text[i];
            if (escaped)
                escaped = false;
            else if (inString && b == '\\')
                escaped = true;
            else if (b == '"')
                inString = !inString;
            else if (!inString && b == '[')
                depth++;
            else if (!inString && b == ']' && --depth == 0)
                return i + 1;
        }

        return text.Length;
    }

    private static async ValueTask ReadFloatsAsync(JsonCursor json, DeclaredInput input, TensorBuilder elements, CancellationToken cancellationToken)
    {
        string field = $"{input.Path}.data";
        await json.PeekAsync(cancellationToken);
        var scanner = new JsonArrayScanner(field, elements, () => WrongCount(input, "more"));
        while (true)
        {
            json.Bytes.Advance(scanner.Scan(json.Bytes.Unread, json.Bytes.Position));
            if (scanner.IsComplete)
                return;

            if (!await json.Bytes.FillAsync(cancellationToken))
                throw json.Unexpected(-1, "the rest of an array", field);
        }
    }

    // Integers need 64 bits, and BOOL has words: value by value. They are few compared with floating-point tensors.
    private static async ValueTask ReadIntegersAsync(JsonCursor json, DeclaredInput input, TensorBuilder elements, CancellationToken cancellationToken)
    {
        string field = $"{input.Path}.data";
        int depth = 0;
        bool afterValue = false;
        do
        {
            int next = await json.PeekAsync(cancellationToken);
            if (next == ',' && afterValue)
            {
                json.Bytes.Advance(1);
                afterValue = false;
            }
            else if (next == '[' && !afterValue)
            {
                if (++depth > DeepestNesting)
                    throw InferenceFaults.Invalid($"{field} is nested deeper than {DeepestNesting} lists");

                json.Bytes.Advance(1);
            }
            else if (next == ']' && depth > 0)
            {
                depth--;
                json.Bytes.Advance(1);
                afterValue = true;
            }
            else if (!afterValue && depth > 0)
            {
                int length = await json.MeasureValueAsync(field, cancellationToken);
                Add(Parse(json.Bytes.Unread[..length], input, field), input, elements);
                json.Bytes.Advance(length);
                afterValue = true;
            }
            else
            {
                throw json.Unexpected(next, "',' or ']'", field);
            }
        }
        while (depth > 0);
    }

    private static Int128 Parse(ReadOnlySpan<byte> token, DeclaredInput input, string field)
    {
        Datatype datatype = input.Datatype!;
        var reader = new Utf8JsonReader(token);
        reader.Read();
        Int128 value;
        if (reader.TokenType is JsonTokenType.True or JsonTokenType.False && datatype.Type == Onnx.ElementType.Bool)
            value = reader.TokenType == JsonTokenType.True ? 1 : 0;
        else if (reader.TokenType == JsonTokenType.Number && reader.TryGetDecimal(out decimal number) && decimal.IsInteger(number))
            value = (Int128)number;
        else
            throw InferenceFaults.Invalid($"{field} has an element that is no {datatype.Name}: {TensorFaults.Shorten(System.Text.Encoding.UTF8.GetString(token))}");

        if (value < datatype.Minimum || value > datatype.Maximum)
            throw InferenceFaults.Invalid($"{field} has {value}, which is beyond {datatype.Name} ({datatype.Minimum} to {datatype.Maximum})");

        return value;
    }

    private static void Add(Int128 value, DeclaredInput input, TensorBuilder elements)
    {
        int length = (int)InferenceTensor.LengthOf(1, input.IsFloating);
        if (elements.Free.Length < length && !elements.TryGrow())
            throw WrongCount(input, "more");

        if (input.IsFloating)
            elements.Free[0] = (float)value;
        else
            MemoryMarshal.Cast<float, long>(elements.Free)[0] = unchecked((long)value);

        elements.Advance(length);
    }

    private static ServiceException WrongCount(DeclaredInput input, string found) =>
        InferenceFaults.Invalid($"input '{input.Name}' has {found} elements in {input.Path}.data, but its shape {input.Shape} needs {input.Shape!.Value.Count}");
}
