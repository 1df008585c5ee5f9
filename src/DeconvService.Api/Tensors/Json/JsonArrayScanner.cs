using System.Globalization;
using System.Text;
using DeconvService.Api.Errors;

namespace DeconvService.Api.Tensors.Json;

/// <summary>
/// Reads one JSON array of numbers, flat or nested, from pieces of UTF-8 that may be cut anywhere, and reads its shape off the nesting.
/// All lists at one depth must have the same length. Not thread-safe.
/// </summary>
/// <param name="field">What the array is, for messages, such as <c>input.data</c>.</param>
/// <param name="elements">Takes the numbers.</param>
/// <param name="overflow">Makes the exception for more numbers than <paramref name="elements"/> may hold.</param>
internal sealed class JsonArrayScanner(string field, TensorBuilder elements, Func<ServiceException> overflow)
{
    /// <summary>Most axes of a tensor: batch, channels and six more.</summary>
    public const int MaximumRank = 8;

    private readonly int[] _counts = new int[MaximumRank];
    private readonly int[] _sizes = [-1, -1, -1, -1, -1, -1, -1, -1];
    private Next _next = Next.Array;
    private int _depth;
    private int _rank;

    private enum Next
    {
        /// <summary>The array itself.</summary>
        Array,

        /// <summary>An element, or the end of an empty list.</summary>
        ElementOrEnd,

        /// <summary>An element: a comma stood before.</summary>
        Element,

        /// <summary>A comma or the end of the list.</summary>
        CommaOrEnd,

        /// <summary>Nothing: the array has ended.</summary>
        Nothing,
    }

    /// <summary>Whether the array has ended.</summary>
    public bool IsComplete => _next == Next.Nothing;

    /// <summary>Lengths of the lists, outermost first. Only when complete.</summary>
    public ReadOnlySpan<int> Sizes => _sizes.AsSpan(0, _rank);

    /// <summary>Reads on.</summary>
    /// <param name="text">The next bytes, beginning with those that the last call left over.</param>
    /// <param name="position">Offset of the first of them in the body.</param>
    /// <returns>How many bytes were read: all up to the array's end, or to a number that is not complete.</returns>
    /// <exception cref="ServiceException">The text is broken, the nesting is ragged, or something else than a number stands in it.</exception>
    public int Scan(ReadOnlySpan<byte> text, long position)
    {
        int i = 0;
        while (i < text.Length && _next != Next.Nothing)
        {
            byte b = text[i];
            if (b is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            {
                i++;
            }
            else if (_next == Next.CommaOrEnd && b == ',')
            {
                _next = Next.Element;
                i++;
            }
            else if (b == ']' && _next is (Next.CommaOrEnd or Next.ElementOrEnd))
            {
                Close(position + i);
                i++;
            }
            else if (_next == Next.CommaOrEnd)
            {
                throw Malformed($"{JsonCursor.Describe(b)} stands where ',' or ']' should", position + i);
            }
            else if (b == '[')
            {
                Open(position + i);
                i++;
            }
            else if (b == '-' || (uint)b - '0' <= 9)
            {
                int read = ScanNumbers(text[i..], position + i);
                if (read == 0)
                    return i;

                i += read;
            }
            else
            {
                throw NoNumber(b, position + i);
            }
        }

        return i;
    }

    // Reads number, comma, number, comma ... as far as it goes: the loop in which nearly all the time is spent.
    private int ScanNumbers(ReadOnlySpan<byte> text, long position)
    {
        if (_rank == 0)
            _rank = _depth;
        else if (_depth != _rank)
            throw Ragged(_depth, "is a number, but a list stood at this depth before", position);

        int read = 0;
        int count = 0;
        Span<float> free = elements.Free;
        while (true)
        {
            JsonFloatStatus status = JsonFloat.TryRead(text[read..], out float value, out int length);
            if (status != JsonFloatStatus.Ok)
            {
                Store(count);
                if (status == JsonFloatStatus.Incomplete && text.Length - read <= JsonFloat.LongestNumber)
                    return read;

                throw BadNumber(status, text[read..], length, position + read);
            }

            if (count == free.Length)
            {
                Store(count);
                count = 0;
                if (!elements.TryGrow())
                    throw overflow();

                free = elements.Free;
            }

            free[count++] = value;
            read += length;
            _next = Next.CommaOrEnd;
            if (read + 1 >= text.Length || text[read] != ',')
                break;

            // The comma is read with the number that follows it at once; anything else goes the long way.
            byte next = text[read + 1];
            if (next == ' ' && read + 2 < text.Length)
            {
                read++;
                next = text[read + 1];
            }

            if (next != '-' && (uint)next - '0' > 9)
            {
                read++;
                _next = Next.Element;
                break;
            }

            read++;
            _next = Next.Element;
        }

        Store(count);
        return read;
    }

    private void Store(int count)
    {
        elements.Advance(count);
        _counts[_depth - 1] += count;
    }

    private void Open(long position)
    {
        if (_rank > 0 && _depth == _rank)
            throw Ragged(_depth, "is a list, but a number stood at this depth before", position);

        if (_depth == MaximumRank)
            throw TensorFaults.Invalid(field, $"{field} is nested deeper than {MaximumRank} lists, the most axes of a tensor", position);

        _counts[_depth++] = 0;
        _next = Next.ElementOrEnd;
    }

    private void Close(long position)
    {
        if (_rank == 0)
            _rank = _depth;
        else if (_depth < _rank && _counts[_depth - 1] == 0)
            throw Ragged(_depth - 1, "is an empty list, but others at this depth are not", position);

        int count = _counts[_depth - 1];
        ref int size = ref _sizes[_depth - 1];
        if (size < 0)
            size = count;
        else if (size != count)
            throw Ragged(_depth - 1, $"has {count} elements, but the lists before it at this depth have {size}", position);

        _depth--;
        if (_depth > 0)
            _counts[_depth - 1]++;

        _next = _depth == 0 ? Next.Nothing : Next.CommaOrEnd;
    }

    // The place of the element that is being read, such as input.data[3][7].
    private string Path(int depth)
    {
        var path = new StringBuilder(field);
        for (int axis = 0; axis < depth; axis++)
            path.Append(CultureInfo.InvariantCulture, $"[{_counts[axis]}]");

        return path.ToString();
    }

    private ServiceException Malformed(string detail, long position) =>
        TensorFaults.Malformed($"{detail}, at {Path(_depth)}", Path(_depth), position);

    private ServiceException Ragged(int depth, string detail, long position) =>
        TensorFaults.Invalid(Path(depth), $"the nesting is ragged: {Path(depth)} {detail}", position);

    private ServiceException BadNumber(JsonFloatStatus status, ReadOnlySpan<byte> text, int length, long position) => status switch
    {
        JsonFloatStatus.OutOfRange => TensorFaults.Invalid(
            Path(_depth), $"{Path(_depth)} is {TensorFaults.Shorten(Encoding.ASCII.GetString(text[..length]))}, beyond float32 (3.4e38)", position),
        JsonFloatStatus.Incomplete => Malformed($"a number is longer than {JsonFloat.LongestNumber} characters", position),
        _ when text[0] == '-' && length < text.Length && text[length] == 'I' => NoNumber(text[length], position),
        _ => Malformed($"{JsonCursor.Describe(text[length])} cannot stand in a JSON number", position + length),
    };

    private ServiceException NoNumber(byte found, long position) => found switch
    {
        (byte)'N' or (byte)'I' => Malformed("NaN and Infinity are not JSON: send such values as .npy", position),
        (byte)'"' => WrongKind("a string", position),
        (byte)'n' => WrongKind("null", position),
        (byte)'t' or (byte)'f' => WrongKind("true or false", position),
        (byte)'{' => WrongKind("an object", position),
        _ => Malformed($"{JsonCursor.Describe(found)} stands where a number should", position),
    };

    private ServiceException WrongKind(string found, long position) =>
        TensorFaults.Invalid(Path(_depth), $"{Path(_depth)} must be a number, but is {found}", position);
}
