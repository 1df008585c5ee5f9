using System.Globalization;
using System.IO.Pipelines;
using System.Text;

namespace DeconvService.Api.Tensors.Json;

/// <summary>Writes <c>{"output":{"shape":[...],"data":[...]}}</c>, each number as the shortest text that reads back to the same float32.</summary>
internal static class JsonTensorWriter
{
    private const int FlushBytes = 64 << 10;

    // The longest float32 and its comma: -1.17549435E-38,
    private const int LongestNumber = 24;

    /// <summary>Writes and flushes the whole text. All elements are finite.</summary>
    public static async ValueTask WriteAsync(PipeWriter writer, Tensor tensor, CancellationToken cancellationToken)
    {
        string start = $"{{\"{TensorWriter.OutputName}\":{{\"shape\":[{string.Join(',', tensor.Shape.Sizes.ToArray())}],\"data\":[";
        Write(writer, Encoding.ASCII.GetBytes(start));
        for (int written = 0; written < tensor.Data.Length;)
        {
            written += WriteNumbers(writer, tensor.Data[written..], first: written == 0);
            FlushResult result = await writer.FlushAsync(cancellationToken);
            if (result.IsCompleted)
                return;
        }

        Write(writer, "]}}"u8);
        await writer.FlushAsync(cancellationToken);
    }

    // As many numbers as make a good flush.
    internal static int WriteNumbers(PipeWriter writer, ReadOnlySpan<float> numbers, bool first)
    {
        int written = 0;
        for (int bytes = 0; bytes < FlushBytes && written < numbers.Length;)
        {
            Span<byte> text = writer.GetSpan(LongestNumber);
            int length = 0;
            while (written < numbers.Length && text.Length - length >= LongestNumber)
            {
                if (!first)
                    text[length++] = (byte)',';

                first = false;
                numbers[written++].TryFormat(text[length..], out int digits, default, CultureInfo.InvariantCulture);
                length += digits;
            }

            writer.Advance(length);
            bytes += length;
        }

        return written;
    }

    private static void Write(PipeWriter writer, ReadOnlySpan<byte> bytes) => System.Buffers.BuffersExtensions.Write(writer, bytes);
}
