using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using DeconvService.Api.Errors;

namespace DeconvService.Api.Tensors.NumPy;

/// <summary>Converts elements of any type that is read to float32, rounding to the nearest.</summary>
internal static class ElementConversion
{
    private const int BlockBytes = 4096;

    /// <summary>Converts whole elements.</summary>
    /// <param name="source">Their bytes.</param>
    /// <param name="header">Their type and byte order.</param>
    /// <param name="target">Takes one float32 for each.</param>
    /// <param name="field">What they are, for messages.</param>
    /// <param name="first">Index of the first of them, for messages.</param>
    /// <exception cref="ServiceException">A finite float64 is beyond float32.</exception>
    public static void ToSingle(ReadOnlySpan<byte> source, NpyHeader header, Span<float> target, string field, long first)
    {
        // In blocks on the stack: bytes of a pipe are not aligned, and may have to be turned round.
        Span<byte> block = stackalloc byte[BlockBytes];
        int perBlock = BlockBytes / header.ElementBytes;
        for (int start = 0; start < target.Length; start += perBlock)
        {
            int count = Math.Min(perBlock, target.Length - start);
            Span<byte> part = block[..(count * header.ElementBytes)];
            source.Slice(start * header.ElementBytes, part.Length).CopyTo(part);
            if (header.BigEndian)
                ReverseBytes(part, header.ElementBytes);

            Convert(part, header.Type, target.Slice(start, count));
            if (header.Type == NpyType.Double)
                RefuseOverflow(MemoryMarshal.Cast<byte, double>(part), target.Slice(start, count), field, first + start);
        }
    }

    private static void ReverseBytes(Span<byte> block, int elementBytes)
    {
        switch (elementBytes)
        {
            case 2:
                Span<ushort> twos = MemoryMarshal.Cast<byte, ushort>(block);
                BinaryPrimitives.ReverseEndianness(twos, twos);
                break;
            case 4:
                Span<uint> fours = MemoryMarshal.Cast<byte, uint>(block);
                BinaryPrimitives.ReverseEndianness(fours, fours);
                break;
            case 8:
                Span<ulong> eights = MemoryMarshal.Cast<byte, ulong>(block);
                BinaryPrimitives.ReverseEndianness(eights, eights);
                break;
        }
    }

    private static void Convert(ReadOnlySpan<byte> block, NpyType type, Span<float> target)
    {
        switch (type)
        {
            case NpyType.Single:
                block.CopyTo(MemoryMarshal.AsBytes(target));
                break;
            case NpyType.Half:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(block), target);
                break;
            case NpyType.Double:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(block), target);
                break;
            case NpyType.Int8:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, sbyte>(block), target);
                break;
            case NpyType.UInt8:
                TensorPrimitives.ConvertTruncating(block, target);
                break;
            case NpyType.Int16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, short>(block), target);
                break;
            case NpyType.UInt16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, ushort>(block), target);
                break;
            case NpyType.Int32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, int>(block), target);
                break;
            case NpyType.UInt32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, uint>(block), target);
                break;
            case NpyType.Int64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, long>(block), target);
                break;
            case NpyType.UInt64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, ulong>(block), target);
                break;
            case NpyType.Bool:
                for (int i = 0; i < block.Length; i++)
                    target[i] = block[i] != 0 ? 1 : 0;

                break;
        }
    }

    // As in JSON: a number that float32 cannot hold is not silently made infinite. Infinities that were sent as such pass.
    private static void RefuseOverflow(ReadOnlySpan<double> source, ReadOnlySpan<float> target, string field, long first)
    {
        for (int i = 0; i < source.Length; i++)
        {
            if (!float.IsFinite(target[i]) && double.IsFinite(source[i]))
                throw TensorFaults.Invalid(field, $"element {first + i} of {field} is {source[i]:R}, beyond float32 (3.4e38)");
        }
    }
}
