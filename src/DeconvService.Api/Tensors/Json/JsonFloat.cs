using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace DeconvService.Api.Tensors.Json;

/// <summary>What was found where a JSON number was expected.</summary>
internal enum JsonFloatStatus
{
    /// <summary>A number.</summary>
    Ok,

    /// <summary>The bytes end before the number does.</summary>
    Incomplete,

    /// <summary>No number as JSON writes them.</summary>
    Malformed,

    /// <summary>A number beyond float32.</summary>
    OutOfRange,
}

/// <summary>Reads JSON numbers (RFC 8259, section 6) as the nearest float32, ties to even, as <see cref="float.Parse(string)"/> does.</summary>
/// <remarks>
/// Up to 19 digits m and a decimal exponent e are read as integers, and <c>d = m * 10^e</c> is computed in float64. Converting m, the power
/// and the product or quotient each round by at most 2^-53 of the value, so d is less than 4 units of its own last place off the true value.
/// Rounding d to float32 is right unless a midpoint between two float32 lies between d and the true value, that is, unless the 29 bits of d
/// that float32 lacks are within 4 of 100...0. Those (one in 60 million at random, and exact midpoints such as 16777217), subnormal results, and
/// numbers of more than 19 digits go to the runtime's exact parser. The idea is that of Clinger, "How to read floating point numbers
/// accurately" (1990), with an error bound in place of exact arithmetic.
/// </remarks>
internal static class JsonFloat
{
    /// <summary>No number has more characters than this; longer ones are refused.</summary>
    public const int LongestNumber = 1024;

    private const int MostDigits = 19;
    private const int LargestPower = 64;
    private const double SmallestNormal = 1.17549435082228750797e-38;
    private const double Largest = 3.4028234663852886e38;

    // 10^0 ... 10^64, each correctly rounded by the compiler's parser.
    private static readonly double[] Powers = [.. Enumerable.Range(0, LargestPower + 1)
        .Select(power => double.Parse($"1e{power}", CultureInfo.InvariantCulture))];

    /// <summary>Reads the number at the beginning of <paramref name="text"/>.</summary>
    /// <param name="text">The bytes from the number's first on. It ends where a byte follows that cannot belong to it.</param>
    /// <param name="value">The number.</param>
    /// <param name="length">How many bytes it takes; with <see cref="JsonFloatStatus.Malformed"/> the place of the wrong byte.</param>
    public static JsonFloatStatus TryRead(ReadOnlySpan<byte> text, out float value, out int length)
    {
        value = 0;
        int i = 0;
        bool negative = text.Length > 0 && text[0] == '-';
        if (negative)
            i = 1;

        ulong mantissa = 0;
        int first = i;
        ScanDigits(text, ref i, ref mantissa);
        int digits = i - first;
        if (digits == 0 || (digits > 1 && text[first] == '0'))
            return NoDigit(text, digits == 0 ? i : first + 1, out length);

        if (text[first] == '0')
            digits = 0;

        int exponent = 0;
        if ((uint)i < (uint)text.Length && text[i] == '.')
        {
            int point = ++i;
            if (digits == 0)
            {
                while ((uint)i < (uint)text.Length && text[i] == '0')
                    i++;
            }

            int significant = i;
            ScanDigits(text, ref i, ref mantissa);
            if (i == point)
                return NoDigit(text, i, out length);

            digits += i - significant;
            exponent = point - i;
        }

        if ((uint)i < (uint)text.Length && (text[i] | 0x20) == 'e')
        {
            i++;
            if (!TryReadExponent(text, ref i, ref exponent))
                return NoDigit(text, i, out length);
        }

        length = i;
        if (i >= text.Length)
            return JsonFloatStatus.Incomplete;

        if (digits > MostDigits || !TryCompute(mantissa, exponent, out value))
            return TryReadExactly(text[..i], out value);

        if (negative)
            value = -value;

        return JsonFloatStatus.Ok;
    }

    // Overflows past 19 digits; the caller counts them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ScanDigits(ReadOnlySpan<byte> text, ref int i, ref ulong value)
    {
        while (i + sizeof(ulong) <= text.Length)
        {
            ulong eight = BinaryPrimitives.ReadUInt64LittleEndian(text[i..]);
            if (!AreDigits(eight))
                break;

            value = (value * 100_000_000) + ValueOf(eight);
            i += sizeof(ulong);
        }

        while ((uint)i < (uint)text.Length)
        {
            uint digit = (uint)text[i] - '0';
            if (digit > 9)
                break;

            value = (value * 10) + digit;
            i++;
        }
    }

    // Every byte is 0x30..0x39: its high half is 3 and stays 3 when 6 is added.
    private static bool AreDigits(ulong eight) =>
        ((eight & 0xF0F0F0F0F0F0F0F0) | (((eight + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) == 0x3333333333333333;

    // Adds neighbours in three steps, to 4 numbers of 2 digits, 2 of 4, 1 of 8; the first digit stands in the lowest byte.
    private static ulong ValueOf(ulong eight)
    {
        eight -= 0x3030303030303030;
        eight = (eight * 10) + (eight >> 8);
        return (((eight & 0x000000FF000000FF) * (100 + (1_000_000UL << 32)))
            + (((eight >> 16) & 0x000000FF000000FF) * (1 + (10_000UL << 32)))) >> 32;
    }

    private static bool TryReadExponent(ReadOnlySpan<byte> text, ref int i, ref int exponent)
    {
        bool negative = (uint)i < (uint)text.Length && text[i] == '-';
        if ((uint)i < (uint)text.Length && (text[i] == '-' || text[i] == '+'))
            i++;

        int first = i;
        int power = 0;
        while ((uint)i < (uint)text.Length && (uint)text[i] - '0' <= 9)
        {
            // Far beyond float32 already: whatever follows makes no difference.
            power = Math.Min((power * 10) + (text[i] - '0'), 1_000_000);
            i++;
        }

        exponent += negative ? -power : power;
        return i > first;
    }

    private static bool TryCompute(ulong mantissa, int exponent, out float value)
    {
        value = 0;
        if (mantissa == 0)
            return true;

        if (Math.Abs(exponent) > LargestPower)
            return false;

        double d = exponent < 0 ? mantissa / Powers[-exponent] : mantissa * Powers[exponent];
        uint dropped = (uint)BitConverter.DoubleToUInt64Bits(d) & 0x1FFFFFFF;
        if (dropped - (0x10000000 - 4) <= 8 || d < SmallestNormal || d > Largest)
            return false;

        value = (float)d;
        return true;
    }

    private static JsonFloatStatus TryReadExactly(ReadOnlySpan<byte> number, out float value) =>
        float.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && float.IsFinite(value)
            ? JsonFloatStatus.Ok
            : JsonFloatStatus.OutOfRange;

    private static JsonFloatStatus NoDigit(ReadOnlySpan<byte> text, int place, out int length)
    {
        length = place;
        return place >= text.Length ? JsonFloatStatus.Incomplete : JsonFloatStatus.Malformed;
    }
}
