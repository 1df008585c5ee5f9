using System.Buffers;
using System.Text;
using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tensors.Json;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Operators;

/// <summary>Gathers the parameters of one request, whatever their encoding, and every fault in them. Not thread-safe.</summary>
/// <param name="kind">The operator.</param>
/// <param name="others">The fields that are no parameters: the names of tensors or of shapes.</param>
internal sealed class ParameterReader(ConvKind kind, IReadOnlyList<string> others)
{
    // Names that do not exist can come by the million; this many are listed.
    private const int MostFaults = 20;

    private static readonly SearchValues<char> WordCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");

    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly List<ServiceFault> _faults = [];
    private readonly string[] _parameters = [.. ParameterNames.Of(kind)];

    /// <summary>The parameters that were read; the others have their defaults.</summary>
    public ConvParameters Parameters { get; private set; } = new() { Kind = kind };

    /// <summary>What is wrong so far.</summary>
    public IReadOnlyList<ServiceFault> Faults => _faults;

    /// <summary>Decides about a name before its value is read, and notes the fault of one that is unknown or comes again.</summary>
    /// <returns>Whether the value shall be read.</returns>
    /// <exception cref="ServiceException">There are too many faults to go on.</exception>
    public bool TryTake(string name)
    {
        if (!_parameters.Contains(name, StringComparer.Ordinal) && !others.Contains(name, StringComparer.Ordinal))
            Add(ParameterNames.Unknown(name, kind, [.. others, .. _parameters]));
        else if (!_seen.Add(name))
            Add(TensorFaults.At(ServiceErrorKind.InvalidField, $"{name} is given twice", name));
        else
            return true;

        return false;
    }

    /// <summary>Notes a fault.</summary>
    /// <exception cref="ServiceException">There are too many faults to go on.</exception>
    public void Add(ServiceFault fault)
    {
        _faults.Add(fault);
        if (_faults.Count >= MostFaults)
            throw new ServiceException(_faults);
    }

    /// <summary>Reads a parameter as forms and query strings write it: as in JSON, the quotes of a word and the brackets of a list left out or not.</summary>
    public void SetText(string name, string text) => Set(name, ToJson(text));

    /// <summary>Reads a parameter from one JSON value. Null stands for the default.</summary>
    public void Set(string name, ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            if (reader.TokenType != JsonTokenType.Null)
                Parameters = Apply(Parameters, name, ref reader);

            // A value of a form may have something behind it: this throws then.
            reader.Skip();
            reader.Read();
        }
        catch (FormatException exception)
        {
            Add(TensorFaults.At(ServiceErrorKind.InvalidField, $"{name} {exception.Message}", name));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            Add(TensorFaults.At(ServiceErrorKind.InvalidField, $"{name} is not written as in JSON", name));
        }
    }

    /// <summary>The JSON that a form's or query's text stands for.</summary>
    public static byte[] ToJson(string text)
    {
        string trimmed = text.Trim();
        if (trimmed is "null")
            return "null"u8.ToArray();

        if (trimmed.Length > 0 && char.IsAsciiLetter(trimmed[0]) && !trimmed.AsSpan().ContainsAnyExcept(WordCharacters))
            return Encoding.UTF8.GetBytes($"\"{trimmed}\"");

        // 1,3,55,55 is a list; so are pairs, [0,1],[0,1].
        bool list = trimmed.Contains(',', StringComparison.Ordinal) && !IsOneList(trimmed);
        return Encoding.UTF8.GetBytes(list ? $"[{trimmed}]" : trimmed);
    }

    private static bool IsOneList(string text)
    {
        int depth = 0;
        for (int i = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '[' => 1, ']' => -1, _ => 0 };
            if (depth == 0 && i < text.Length - 1)
                return false;
        }

        return true;
    }

    // Throws FormatException with the end of the sentence "stride ..." for a value that cannot be.
    private static ConvParameters Apply(ConvParameters parameters, string name, ref Utf8JsonReader reader) => name switch
    {
        "stride" => parameters with { Stride = ReadPerAxis(ref reader) },
        "padding" => parameters with { Padding = ReadPadding(ref reader) },
        "dilation" => parameters with { Dilation = ReadPerAxis(ref reader) },
        "groups" => parameters with { Groups = ReadNumber(ref reader) },
        "accuracy" => parameters with { Accuracy = ReadWord<Accuracy>(ref reader) },
        "paddingMode" => parameters with { PaddingMode = ReadWord<PaddingMode>(ref reader) },
        "fit" => parameters with { Fit = ReadWord<ConvFit>(ref reader) },
        "outputPadding" => parameters with { OutputPadding = ReadPerAxis(ref reader) },
        "outputSize" => parameters with { OutputSize = ReadPerAxis(ref reader) },
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "no parameter"),
    };

    private static int ReadNumber(ref Utf8JsonReader reader)
    {
        if (!JsonInteger.TryRead(ref reader, out long value))
            throw new FormatException($"must be a whole number, but is {Describe(ref reader)}");

        return ToInt(value);
    }

    private static int ToInt(long value) => value is >= int.MinValue and <= int.MaxValue
        ? (int)value
        : throw new FormatException($"is {value}, which is out of range");

    private static PerAxis ReadPerAxis(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return JsonInteger.TryRead(ref reader, out long all)
                ? ToInt(all)
                : throw new FormatException($"must be a whole number for all axes or a list of one for each, but is {Describe(ref reader)}");
        }

        return ReadList(ref reader, "must be a list of whole numbers");
    }

    // Stands on '[' and ends on ']'.
    private static int[] ReadList(ref Utf8JsonReader reader, string expected)
    {
        var values = new List<int>(3);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!JsonInteger.TryRead(ref reader, out long value))
                throw new FormatException($"{expected}, but its element {values.Count} is {Describe(ref reader)}");

            values.Add(ToInt(value));
        }

        return [.. values];
    }

    private static ConvPadding ReadPadding(ref Utf8JsonReader reader)
    {
        const string expected = "must be a whole number, a list of one for each axis or of [begin, end] pairs, or one of valid, same, same-upper, same-lower";
        if (reader.TokenType == JsonTokenType.String)
        {
            return reader.GetString() switch
            {
                "valid" => ConvPadding.Valid,
                "same" or "same-upper" => ConvPadding.SameUpper,
                "same-lower" => ConvPadding.SameLower,
                _ => throw new FormatException($"{expected}, but is {Describe(ref reader)}"),
            };
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return JsonInteger.TryRead(ref reader, out long all)
                ? ToInt(all)
                : throw new FormatException($"{expected}, but is {Describe(ref reader)}");
        }

        // A look ahead decides between numbers and pairs.
        Utf8JsonReader ahead = reader;
        return ahead.Read() && ahead.TokenType == JsonTokenType.StartArray
            ? ReadPairs(ref reader, expected)
            : ConvPadding.Symmetric(ReadList(ref reader, expected));
    }

    private static ConvPadding ReadPairs(ref Utf8JsonReader reader, string expected)
    {
        var begin = new List<int>(3);
        var end = new List<int>(3);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartArray)
                throw new FormatException($"{expected}, but its element {begin.Count} is {Describe(ref reader)} where others are pairs");

            int[] pair = ReadList(ref reader, expected);
            if (pair.Length != 2)
                throw new FormatException($"{expected}, but its element {begin.Count} has {pair.Length} numbers instead of 2");

            begin.Add(pair[0]);
            end.Add(pair[1]);
        }

        return ConvPadding.Pairs(begin.ToArray(), end.ToArray());
    }

    // The words of an enum on the wire are its members' names, the first letter small.
    private static T ReadWord<T>(ref Utf8JsonReader reader)
        where T : struct, Enum
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            string word = reader.GetString()!;
            foreach (T value in Enum.GetValues<T>())
            {
                if (string.Equals(WordOf(value), word, StringComparison.Ordinal))
                    return value;
            }
        }

        throw new FormatException($"must be one of {string.Join(", ", Enum.GetValues<T>().Select(WordOf))}, but is {Describe(ref reader)}");
    }

    private static string WordOf<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName($"{value}");

    private static string Describe(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => $"\"{TensorFaults.Shorten(reader.GetString()!)}\"",
        JsonTokenType.Number => TensorFaults.Shorten(Encoding.UTF8.GetString(reader.ValueSpan)),
        JsonTokenType.StartArray => "a list",
        JsonTokenType.StartObject => "an object",
        JsonTokenType.Null => "null",
        _ => "true or false",
    };
}
