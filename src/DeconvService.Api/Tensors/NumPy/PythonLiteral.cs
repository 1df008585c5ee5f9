using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors.Json;

namespace DeconvService.Api.Tensors.NumPy;

/// <summary>Reads the few Python literals that a <c>.npy</c> header is made of: strings without escapes, True, False, tuples of whole numbers.</summary>
/// <param name="text">The header's text.</param>
/// <param name="field">What the array is, for messages.</param>
internal ref struct PythonLiteral(ReadOnlySpan<byte> text, string field)
{
    private readonly ReadOnlySpan<byte> _text = text;
    private int _place;

    /// <summary>Skips white space and shows the next character, <c>'\0'</c> at the end.</summary>
    public char Peek()
    {
        while (_place < _text.Length && _text[_place] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            _place++;

        return _place < _text.Length ? (char)_text[_place] : '\0';
    }

    /// <summary>Steps over a character if it comes next.</summary>
    public bool TryTake(char character)
    {
        if (Peek() != character)
            return false;

        _place++;
        return true;
    }

    /// <summary>Steps over a character that has to come next.</summary>
    public void Expect(char character)
    {
        if (!TryTake(character))
            throw Broken($"'{character}'");
    }

    /// <summary>Makes sure that nothing but white space follows.</summary>
    public void ExpectEnd()
    {
        Peek();
        if (_place < _text.Length)
            throw Broken("the end");
    }

    /// <summary>Reads a string in single or double quotes.</summary>
    public string ReadString()
    {
        char quote = Peek();
        if (quote is not ('\'' or '"'))
            throw Broken("a string");

        ReadOnlySpan<byte> rest = _text[(_place + 1)..];
        int end = rest.IndexOf((byte)quote);
        if (end < 0 || rest[..end].Contains((byte)'\\'))
            throw Broken("a string without escapes");

        _place += end + 2;
        return Encoding.UTF8.GetString(rest[..end]);
    }

    /// <summary>Reads True or False.</summary>
    public bool ReadBool()
    {
        Peek();
        bool value = _text[_place..].StartsWith("True"u8);
        if (!value && !_text[_place..].StartsWith("False"u8))
            throw Broken("True or False");

        _place += value ? 4 : 5;
        return value;
    }

    /// <summary>Reads a tuple of whole numbers, <c>()</c>, <c>(3,)</c> or <c>(2, 3)</c>; also <c>2L</c>, as Python 2 wrote them.</summary>
    public List<long> ReadTuple()
    {
        var numbers = new List<long>(JsonArrayScanner.MaximumRank);
        bool comma = true;
        Expect('(');
        while (!TryTake(')'))
        {
            if (!comma)
                throw Broken("','");

            numbers.Add(ReadInteger());
            comma = TryTake(',');
        }

        if (numbers.Count == 1 && !comma)
            throw Broken("a comma after the only size, as in (3,)");

        return numbers;
    }

    /// <summary>The exception for what cannot stand here.</summary>
    public readonly ServiceException Broken(string expected) =>
        TensorFaults.Malformed($"the .npy header of {field} is broken at its character {_place}: {expected} should stand there", field);

    private long ReadInteger()
    {
        bool negative = TryTake('-');
        int first = _place;
        long value = 0;
        while (_place < _text.Length && (uint)_text[_place] - '0' <= 9)
        {
            // More digits than fit: stays at the largest, which every limit refuses.
            value = value > (long.MaxValue - 9) / 10 ? long.MaxValue : (value * 10) + (_text[_place] - '0');
            _place++;
        }

        if (_place == first)
            throw Broken("a whole number");

        if (_place < _text.Length && _text[_place] == 'L')
            _place++;

        return negative ? -value : value;
    }
}
