using System.Globalization;
using System.Text;

namespace DeconvService.Benchmarks.Fuzz;

/// <summary>Changes bytes at random, as a broken client or a hostile one would.</summary>
internal static class Mutator
{
    private const int LargestBody = 4 << 20;

    // What parsers stumble over: the ends of number ranges, depths, names with a meaning, half of an escape.
    private static readonly byte[][] Tokens =
    [
        .. new[]
        {
            "0", "-1", "1", "2147483647", "2147483648", "-2147483648", "4294967296", "9223372036854775807", "9223372036854775808", "1e999", "-1e-999",
            "1e38", "3.5e38", "NaN", "Infinity", "null", "true", "\"\"", "[]", "{}", "[[", "]]", ",", ":", "\"", "\\u", "\\ud800", "\\", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
            "\"shape\":[0]", "\"shape\":[65536,65536,65536]", "\"data\":[]", "\"stride\":0", "\"padding\":-1", "\"groups\":1000000", "\"dilation\":2147483647", "\"outputSize\":[1]",
            "'descr': '|O'", "'<f8'", "'>u2'", "'|b1'", "'fortran_order': True", "(1000000000, 1000000000)", "()", "\x93NUMPY", "PK\x03\x04", "PK\x05\x06", "PK\x01\x02",
            "--a-boundary-of-the-benchmark", "--a-boundary-of-the-benchmark--", "\r\n", "\r\n\r\n", "name=\"input\"", "name=\"weight\"", "filename=\"../../x\"", "Content-Type: image/png",
            "FP32", "FP16", "BYTES", "binary_data_size", "IHDR", "IDAT", "Conv", "Reshape", "Loop", "%00", "%", "&", "=", "\0", "\uFFFD", "same", "valid", "reflect",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    /// <summary>Changes a copy: a few changes, sometimes one.</summary>
    /// <param name="random">Decides all of it.</param>
    /// <param name="bytes">What is changed.</param>
    /// <param name="other">Something else to take pieces from.</param>
    public static byte[] Change(Random random, byte[] bytes, byte[] other)
    {
        byte[] result = bytes;
        for (int i = random.Next(1, 5); i > 0; i--)
            result = ChangeOnce(random, result, other);

        return result.Length <= LargestBody ? result : result[..LargestBody];
    }

    private static byte[] ChangeOnce(Random random, byte[] bytes, byte[] other)
    {
        int at = Near(random, bytes.Length), length = random.Next(1, 1 + Math.Min(64, Math.Max(1, bytes.Length - at)));
        int end = Math.Min(bytes.Length, at + length);
        switch (random.Next(10))
        {
            case 0 when bytes.Length > at: // a bit
                byte[] flipped = [.. bytes];
                flipped[at] ^= (byte)(1 << random.Next(8));
                return flipped;
            case 1 when bytes.Length > at: // a byte with a meaning
                byte[] set = [.. bytes];
                set[at] = (byte)(random.Next(4) switch { 0 => 0, 1 => 0xFF, 2 => 0x80, _ => random.Next(256) });
                return set;
            case 2: // cut off
                return bytes[..random.Next(bytes.Length + 1)];
            case 3: // a piece is missing
                return [.. bytes[..at], .. bytes[end..]];
            case 4: // a piece twice
                return [.. bytes[..end], .. bytes[at..]];
            case 5: // many times
                return [.. bytes[..at], .. Enumerable.Repeat(bytes[at..end], random.Next(2, 200)).SelectMany(piece => piece), .. bytes[at..]];
            case 6: // a piece of something else
                int from = random.Next(other.Length + 1);
                return [.. bytes[..at], .. other[from..Math.Min(other.Length, from + random.Next(1, 200))], .. bytes[end..]];
            case 7: // another number where a number stands
                return ChangeNumber(random, bytes, at);
            case 8: // four bytes that are a length or an offset
                byte[] lengths = [.. bytes];
                uint value = random.Next(4) switch { 0 => uint.MaxValue, 1 => 0x7FFFFFFF, 2 => (uint)random.Next(256), _ => (uint)random.Next() };
                for (int i = at; i < Math.Min(at + 4, lengths.Length); i++, value >>= 8)
                    lengths[i] = (byte)value;

                return lengths;
            default:
                return [.. bytes[..at], .. Tokens[random.Next(Tokens.Length)], .. bytes[(random.Next(2) == 0 ? at : end)..]];
        }
    }

    // Headers stand at the beginning (and a zip's directory at the end): most changes go there.
    private static int Near(Random random, int length) => random.Next(4) switch
    {
        0 or 1 => random.Next(Math.Min(length, 300) + 1),
        2 => length - random.Next(Math.Min(length, 100) + 1),
        _ => random.Next(length + 1),
    };

    private static byte[] ChangeNumber(Random random, byte[] bytes, int at)
    {
        int start = Array.FindIndex(bytes, at, value => value is >= (byte)'0' and <= (byte)'9');
        if (start < 0)
            return bytes;

        int end = start;
        while (end < bytes.Length && bytes[end] is >= (byte)'0' and <= (byte)'9')
            end++;

        string number = random.Next(5) switch
        {
            0 => "0",
            1 => "-" + random.Next(10).ToString(CultureInfo.InvariantCulture),
            2 => random.Next(100).ToString(CultureInfo.InvariantCulture),
            3 => random.NextInt64().ToString(CultureInfo.InvariantCulture),
            _ => new string('9', random.Next(1, 40)),
        };
        return [.. bytes[..start], .. Encoding.ASCII.GetBytes(number), .. bytes[end..]];
    }
}
