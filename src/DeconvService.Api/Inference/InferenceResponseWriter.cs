using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Numerics.Tensors;
using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Models;
using DeconvService.Api.Tensors.Json;

namespace DeconvService.Api.Inference;

/// <summary>Writes the answer of an inference request: a JSON object, and after it the outputs that were asked for as binary data.</summary>
/// <param name="model">The network.</param>
/// <param name="id">The client's id, or null.</param>
/// <param name="outputs">The outputs in the order of the answer.</param>
internal sealed class InferenceResponseWriter(ServedModel model, string? id, IReadOnlyList<AnsweredOutput> outputs)
{
    private const int PieceBytes = 64 << 10;

    /// <summary>Checks that JSON can say the outputs that go as JSON.</summary>
    /// <exception cref="ServiceException">It cannot; the message says to ask for binary data.</exception>
    public void ThrowUnlessRepresentable()
    {
        foreach (AnsweredOutput output in outputs.Where(output => !output.Binary))
        {
            if (output.Datatype.IsBinaryOnly)
                throw InferenceFaults.Invalid($"output '{output.Name}' is {output.Datatype.Name}, which JSON cannot carry; ask for it with binary_data");

            if (output.Tensor.IsFloating && output.Tensor.Shape.Count > 0 && !TensorPrimitives.IsFiniteAll<float>(output.Tensor.Floats))
            {
                throw new ServiceException(new ServiceFault(
                    ServiceErrorKind.NotRepresentable, $"output '{output.Name}' has NaN or infinity, which JSON cannot say; ask for it with binary_data"));
            }
        }
    }

    /// <summary>Sets the headers and sends everything.</summary>
    public async Task WriteAsync(HttpResponse response, CancellationToken cancellationToken)
    {
        if (outputs.Any(output => output.Binary))
        {
            var counter = new CountingWriter();
            await WriteJsonAsync(counter, cancellationToken);
            response.ContentType = "application/octet-stream";
            response.ContentLength = counter.Length + outputs.Where(output => output.Binary).Sum(output => output.BinaryBytes);
            response.Headers[InferenceFaults.HeaderLength] = counter.Length.ToString(CultureInfo.InvariantCulture);
        }
        else
        {
            response.ContentType = "application/json";
        }

        await WriteJsonAsync(response.BodyWriter, cancellationToken);
        foreach (AnsweredOutput output in outputs.Where(output => output.Binary))
            await WriteBinaryAsync(response.BodyWriter, output, cancellationToken);
    }

    private async Task WriteJsonAsync(PipeWriter body, CancellationToken cancellationToken)
    {
        body.Write("{"u8);
        WriteMember(body, "model_name", model.Name);
        body.Write(","u8);
        WriteMember(body, "model_version", model.Version);
        if (id is not null)
        {
            body.Write(","u8);
            WriteMember(body, "id", id);
        }

        body.Write(",\"outputs\":["u8);
        for (int i = 0; i < outputs.Count; i++)
        {
            if (i > 0)
                body.Write(","u8);

            await WriteOutputAsync(body, outputs[i], cancellationToken);
        }

        body.Write("]}"u8);
        await body.FlushAsync(cancellationToken);
    }

    private static async Task WriteOutputAsync(PipeWriter body, AnsweredOutput output, CancellationToken cancellationToken)
    {
        body.Write("{"u8);
        WriteMember(body, "name", output.Name);
        body.Write(","u8);
        WriteMember(body, "datatype", output.Datatype.Name);
        body.Write(",\"shape\":"u8);
        body.Write(JsonSerializer.SerializeToUtf8Bytes(output.Tensor.Shape.Sizes.ToArray()));
        if (output.Binary)
        {
            body.Write(",\"parameters\":{\"binary_data_size\":"u8);
            body.Write(JsonSerializer.SerializeToUtf8Bytes(output.BinaryBytes));
            body.Write("}}"u8);
            return;
        }

        body.Write(",\"data\":["u8);
        for (int written = 0; written < output.Tensor.Shape.Count;)
        {
            written += WriteElements(body, output, written);
            await body.FlushAsync(cancellationToken);
        }

        body.Write("]}"u8);
    }

    private static int WriteElements(PipeWriter body, AnsweredOutput output, int start)
    {
        if (output.Tensor.IsFloating)
            return JsonTensorWriter.WriteNumbers(body, output.Tensor.Floats[start..], first: start == 0);

        bool isBool = output.Datatype.Type == Onnx.ElementType.Bool;
        bool isUnsigned = output.Datatype.Type == Onnx.ElementType.UInt64;
        ReadOnlySpan<long> integers = output.Tensor.Integers[start..];
        int count = Math.Min(integers.Length, PieceBytes / 8);
        for (int i = 0; i < count; i++)
        {
            if (start + i > 0)
                body.Write(","u8);

            Span<byte> text = body.GetSpan(24);
            int length;
            if (isBool)
                length = Copy(integers[i] == 0 ? "false"u8 : "true"u8, text);
            else if (isUnsigned)
                ((ulong)integers[i]).TryFormat(text, out length, default, CultureInfo.InvariantCulture);
            else
                integers[i].TryFormat(text, out length, default, CultureInfo.InvariantCulture);

            body.Advance(length);
        }

        return count;
    }

    private static async Task WriteBinaryAsync(PipeWriter body, AnsweredOutput output, CancellationToken cancellationToken)
    {
        int step = PieceBytes / output.Datatype.Bytes;
        for (int start = 0; start < output.Tensor.Shape.Count; start += step)
        {
            int count = (int)Math.Min(step, output.Tensor.Shape.Count - start);
            Span<byte> bytes = body.GetSpan(count * output.Datatype.Bytes)[..(count * output.Datatype.Bytes)];
            if (output.Tensor.IsFloating)
                output.Datatype.Write(output.Tensor.Floats.Slice(start, count), bytes);
            else
                output.Datatype.Write(output.Tensor.Integers.Slice(start, count), bytes);

            body.Advance(bytes.Length);
            await body.FlushAsync(cancellationToken);
        }
    }

    private static void WriteMember(PipeWriter body, string name, string value)
    {
        body.Write(JsonSerializer.SerializeToUtf8Bytes(name));
        body.Write(":"u8);
        body.Write(JsonSerializer.SerializeToUtf8Bytes(value, InferenceJson.Options));
    }

    private static int Copy(ReadOnlySpan<byte> text, Span<byte> target)
    {
        text.CopyTo(target);
        return text.Length;
    }

    /// <summary>Counts what is written to it and keeps nothing.</summary>
    private sealed class CountingWriter : PipeWriter
    {
        private byte[] _scratch = new byte[PieceBytes];

        public long Length { get; private set; }

        public override void Advance(int bytes) => Length += bytes;

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            if (_scratch.Length < sizeHint)
                _scratch = new byte[sizeHint];

            return _scratch;
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => default;

        public override void CancelPendingFlush()
        {
            // No flush is ever pending.
        }

        public override void Complete(Exception? exception = null)
        {
            // Nothing to give back.
        }
    }
}

/// <summary>An output as it is answered.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Datatype">Its type.</param>
/// <param name="Tensor">Its elements; owned by whoever made this.</param>
/// <param name="Binary">Whether it goes as binary data, otherwise as JSON.</param>
internal sealed record AnsweredOutput(string Name, Datatype Datatype, InferenceTensor Tensor, bool Binary)
{
    /// <summary>Bytes of its binary data.</summary>
    public long BinaryBytes => Tensor.Shape.Count * Datatype.Bytes;
}
