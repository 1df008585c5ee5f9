using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors.NumPy;

/// <summary>Writes float32 tensors as <c>.npy</c> version 1.0, byte for byte as <c>numpy.save</c> does.</summary>
internal static class NpyWriter
{
    /// <summary>How many bytes are written between flushes.</summary>
    public const int FlushBytes = 64 << 10;

    // numpy pads the header so that the elements begin on a boundary of 64 bytes.
    private const int Alignment = 64;
    private const int PrefixBytes = 10;

    // numpy leaves room for the first axis to grow to this many digits, so that a file can be appended to in place.
    private const int GrowthDigits = 21;

    /// <summary>Bytes of the whole file.</summary>
    public static long LengthOf(TensorShape shape) => HeaderOf(shape).Length + (shape.Count * sizeof(float));

    /// <summary>Writes and flushes the whole file.</summary>
    public static async ValueTask WriteAsync(PipeWriter writer, Tensor tensor, CancellationToken cancellationToken)
    {
        writer.Write(HeaderOf(tensor.Shape));
        int written = 0;
        do
        {
            written += WriteElements(writer, tensor.Data[written..]);
            FlushResult result = await writer.FlushAsync(cancellationToken);
            if (result.IsCompleted)
                return;
        }
        while (written < tensor.Data.Length);
    }

    private static int WriteElements(PipeWriter writer, ReadOnlySpan<float> elements)
    {
        int count = Math.Min(elements.Length, FlushBytes / sizeof(float));
        writer.Write(MemoryMarshal.AsBytes(elements[..count]));
        return count;
    }

    private static void Write(this PipeWriter writer, ReadOnlySpan<byte> bytes) => System.Buffers.BuffersExtensions.Write(writer, bytes);

    private static byte[] HeaderOf(TensorShape shape)
    {
        string sizes = string.Join(", ", shape.Sizes.ToArray());
        string tuple = shape.Rank == 1 ? $"({sizes},)" : $"({sizes})";
        string text = $"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple}, }}";
        if (shape.Rank > 0)
            text += new string(' ', GrowthDigits - $"{shape[0]}".Length);

        int length = (PrefixBytes + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        byte[] header = new byte[length];
        NpyReader.Magic.CopyTo(header);
        header[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(length - PrefixBytes));
        header.AsSpan(PrefixBytes).Fill((byte)' ');
        Encoding.ASCII.GetBytes(text, header.AsSpan(PrefixBytes));
        header[^1] = (byte)'\n';
        return header;
    }
}
