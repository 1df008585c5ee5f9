using System.Text.Json;
using DeconvService.Api.Errors;

namespace DeconvService.Api.Tensors.Json;

/// <summary>
/// Walks through a JSON text that comes through a pipe, value by value. Names and small values are left to <see cref="Utf8JsonReader"/>;
/// what is our own is the walk, and the arrays of numbers (<see cref="JsonArrayScanner"/>), which are most of the bytes. Not thread-safe.
/// </summary>
internal sealed class JsonCursor(ByteCursor bytes)
{
    // Longest name or value that is read in one piece.
    private const int LongestToken = 4096;

    /// <summary>The bytes it walks through.</summary>
    public ByteCursor Bytes => bytes;

    /// <summary>Skips a byte order mark at the very beginning (RFC 8259, section 8.1 lets a reader ignore it).</summary>
    public async ValueTask SkipByteOrderMarkAsync(CancellationToken cancellationToken)
    {
        if (!await HasAsync(1, cancellationToken) || bytes.Unread[0] != 0xEF)
            return;

        if (await HasAsync(3, cancellationToken) && bytes.Unread[1] == 0xBB && bytes.Unread[2] == 0xBF)
            bytes.Advance(3);
    }

    /// <summary>Skips white space and shows the next byte without stepping over it.</summary>
    /// <returns>The byte, or -1 at the end.</returns>
    public async ValueTask<int> PeekAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            int blank = bytes.Unread.IndexOfAnyExcept(" \t\r\n"u8);
            if (blank >= 0)
            {
                bytes.Advance(blank);
                return bytes.Unread[0];
            }

            bytes.Advance(bytes.Unread.Length);
            if (!await bytes.FillAsync(cancellationToken))
                return -1;
        }
    }

    /// <summary>Skips white space and steps over one character.</summary>
    /// <param name="character">The character that has to come.</param>
    /// <param name="where">Where it is looked for, for the message.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    public async ValueTask ExpectAsync(char character, string where, CancellationToken cancellationToken)
    {
        int found = await PeekAsync(cancellationToken);
        if (found != character)
            throw Unexpected(found, $"'{character}'", where);

        bytes.Advance(1);
    }

    /// <summary>Steps into an object, or to its next member.</summary>
    /// <param name="first">Whether the object was just entered.</param>
    /// <param name="where">What the object is, for the message.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <returns>The member's name, the value comes next; or null at the object's end.</returns>
    public async ValueTask<string?> ReadNameAsync(bool first, string where, CancellationToken cancellationToken)
    {
        int next = await PeekAsync(cancellationToken);
        if (next == '}')
        {
            bytes.Advance(1);
            return null;
        }

        if (!first)
        {
            await ExpectAsync(',', where, cancellationToken);
            next = await PeekAsync(cancellationToken);
        }

        if (next != '"')
            throw Unexpected(next, "a field name in double quotes", where);

        int length = await MeasureValueAsync(where, cancellationToken);
        string name = StringOf(bytes.Unread[..length]);
        bytes.Advance(length);
        await ExpectAsync(':', where, cancellationToken);
        return name;
    }

    /// <summary>Brings a small value whole into <see cref="ByteCursor.Unread"/> without stepping over it.</summary>
    /// <returns>How many bytes it takes.</returns>
    /// <exception cref="ServiceException">It is broken or too long.</exception>
    public async ValueTask<int> MeasureValueAsync(string field, CancellationToken cancellationToken)
    {
        if (await PeekAsync(cancellationToken) < 0)
            throw Unexpected(-1, "a value", field);

        while (true)
        {
            if (TryMeasure(field, out int length))
                return length;

            if (bytes.Unread.Length > LongestToken)
                throw TensorFaults.Invalid(field, $"{field} is longer than {LongestToken} bytes", bytes.Position);

            if (!await bytes.FillAsync(cancellationToken))
                throw Unexpected(-1, "the rest of a value", field);
        }
    }

    /// <summary>Steps over a value of any size without keeping it.</summary>
    public async ValueTask SkipValueAsync(string field, CancellationToken cancellationToken)
    {
        if (await PeekAsync(cancellationToken) < 0)
            throw Unexpected(-1, "a value", field);

        JsonReaderState state = default;
        while (!TrySkip(field, ref state))
        {
            if (bytes.Unread.Length > LongestToken)
                throw TensorFaults.Invalid(field, $"{field} has a string or number longer than {LongestToken} bytes", bytes.Position);

            if (!await bytes.FillAsync(cancellationToken))
                throw Unexpected(-1, "the rest of a value", field);
        }
    }

    /// <summary>Makes sure that nothing but white space follows.</summary>
    public async ValueTask ExpectEndAsync(CancellationToken cancellationToken)
    {
        int found = await PeekAsync(cancellationToken);
        if (found >= 0)
            throw Unexpected(found, "nothing more", "the end of the JSON text");
    }

    /// <summary>The exception for a byte that cannot stand here.</summary>
    public ServiceException Unexpected(int found, string expected, string where) => found < 0
        ? TensorFaults.Malformed($"the JSON text ends where {expected} should follow, in {where}", where, bytes.Position)
        : TensorFaults.Malformed($"{Describe(found)} stands where {expected} should, in {where}", where, bytes.Position);

    /// <summary>A byte as messages show it.</summary>
    public static string Describe(int found) => found is > 0x20 and < 0x7F ? $"'{(char)found}'" : $"the byte 0x{found:X2}";

    private async ValueTask<bool> HasAsync(int count, CancellationToken cancellationToken)
    {
        while (bytes.Unread.Length < count)
        {
            if (!await bytes.FillAsync(cancellationToken))
                return false;
        }

        return true;
    }

    private bool TryMeasure(string field, out int length)
    {
        length = 0;
        var reader = new Utf8JsonReader(bytes.Unread, isFinalBlock: false, state: default);
        try
        {
            if (!reader.Read() || !reader.TrySkip())
                return false;
        }
        catch (JsonException exception)
        {
            throw Broken(field, exception, reader.BytesConsumed);
        }

        length = (int)reader.BytesConsumed;
        return true;
    }

    private bool TrySkip(string field, ref JsonReaderState state)
    {
        var reader = new Utf8JsonReader(bytes.Unread, isFinalBlock: false, state);
        bool ended = false;
        try
        {
            while (!ended && reader.Read())
                ended = reader.CurrentDepth == 0 && reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject);
        }
        catch (JsonException exception)
        {
            throw Broken(field, exception, reader.BytesConsumed);
        }

        state = reader.CurrentState;
        bytes.Advance((int)reader.BytesConsumed);
        return ended;
    }

    private string StringOf(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        return JsonText.TryGet(ref reader, out string text)
            ? text
            : throw TensorFaults.Malformed("a field name is not UTF-8, or has half of a surrogate pair", offset: bytes.Position);
    }

    // The library's message ends in its own line and byte, which count from the value's beginning: ours counts from the body's.
    private ServiceException Broken(string field, JsonException exception, long consumed)
    {
        int place = exception.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string message = place < 0 ? exception.Message : exception.Message[..place];
        return TensorFaults.Malformed($"broken JSON in {field}: {message}", field, bytes.Position + consumed);
    }
}
