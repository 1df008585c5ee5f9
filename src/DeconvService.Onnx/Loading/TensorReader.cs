using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Proto;
using Google.Protobuf;

namespace DeconvService.Onnx.Loading;

/// <summary>Reads constant tensors: raw bytes or typed fields, any element type that the engine knows.</summary>
internal static class TensorReader
{
    /// <summary>Converts a tensor, and lets go of its bytes so that a large file is not held twice.</summary>
    /// <param name="proto">The tensor.</param>
    /// <param name="where">Whose it is, for messages.</param>
    /// <param name="limits">The limits.</param>
    /// <exception cref="OnnxModelException">The tensor is malformed, over a limit, or of a type that is not supported.</exception>
    public static TensorValue Read(TensorProto proto, string where, OnnxLimits limits)
    {
        if (proto.DataLocation == TensorProto.Types.DataLocation.External)
            throw new OnnxModelException(OnnxModelError.Unsupported, $"{where} keeps its elements in another file; save the model as one file");

        var type = (ElementType)proto.DataType;
        if (type.WireBytes() == 0)
            throw new OnnxModelException(OnnxModelError.Unsupported, $"{where} has the element type {proto.DataType}, which is not supported");

        TensorShape shape = ReadShape(proto.Dims, where, limits);
        int count = (int)shape.Count;
        if (type.IsFloating())
        {
            float[] floats = proto.RawData.IsEmpty ? TypedFloats(proto, type, where, count) : RawFloats(proto.RawData.Span, type, where, count);
            proto.RawData = ByteString.Empty;
            proto.FloatData.Clear();
            return new TensorValue(shape, floats, type);
        }

        if (count > limits.IntegerElements)
            OnnxModelException.ThrowOverLimit($"integer elements in {where}", count, limits.IntegerElements);

        long[] integers = proto.RawData.IsEmpty ? TypedIntegers(proto, type, where, count) : RawIntegers(proto.RawData.Span, type, where, count);
        proto.RawData = ByteString.Empty;
        return new TensorValue(shape, integers, type);
    }

    /// <summary>Checks sizes that come from a file.</summary>
    public static TensorShape ReadShape(IReadOnlyList<long> dims, string where, OnnxLimits limits)
    {
        if (dims.Count > limits.Rank)
            OnnxModelException.ThrowOverLimit($"axes in {where}", dims.Count, limits.Rank);

        int[] sizes = new int[dims.Count];
        for (int i = 0; i < sizes.Length; i++)
        {
            if (dims[i] is < 0 or > int.MaxValue)
                OnnxModelException.ThrowMalformed($"{where} has the size {dims[i]} on axis {i}");

            sizes[i] = (int)dims[i];
        }

        try
        {
            var shape = new TensorShape(sizes);
            if (shape.Count > Array.MaxLength)
                OnnxModelException.ThrowOverLimit($"elements in {where}", shape.Count, Array.MaxLength);

            return shape;
        }
        catch (OverflowException e)
        {
            throw new OnnxModelException(OnnxModelError.Malformed, $"{where} has the sizes [{string.Join(", ", sizes)}]", innerException: e);
        }
    }

    private static float[] RawFloats(ReadOnlySpan<byte> raw, ElementType type, string where, int count)
    {
        CheckCount(raw.Length, (long)count * type.WireBytes(), "bytes", where);
        float[] result = new float[count];
        switch (type)
        {
            case ElementType.Float32:
                MemoryMarshal.Cast<byte, float>(raw).CopyTo(result);
                break;
            case ElementType.Float64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(raw), result);
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(raw), result);
                break;
            default:
                ReadOnlySpan<ushort> bits = MemoryMarshal.Cast<byte, ushort>(raw);
                for (int i = 0; i < count; i++)
                    result[i] = BFloat16(bits[i]);

                break;
        }

        return result;
    }

    private static float[] TypedFloats(TensorProto proto, ElementType type, string where, int count)
    {
        int found = type switch
        {
            ElementType.Float32 => proto.FloatData.Count,
            ElementType.Float64 => proto.DoubleData.Count,
            _ => proto.Int32Data.Count,
        };
        CheckCount(found, count, "elements", where);
        float[] result = new float[count];
        for (int i = 0; i < count; i++)
        {
            result[i] = type switch
            {
                ElementType.Float32 => proto.FloatData[i],
                ElementType.Float64 => (float)proto.DoubleData[i],
                ElementType.Float16 => (float)BitConverter.UInt16BitsToHalf((ushort)proto.Int32Data[i]),
                _ => BFloat16((ushort)proto.Int32Data[i]),
            };
        }

        return result;
    }

    private static long[] RawIntegers(ReadOnlySpan<byte> raw, ElementType type, string where, int count)
    {
        CheckCount(raw.Length, (long)count * type.WireBytes(), "bytes", where);
        long[] result = new long[count];
        for (int i = 0; i < count; i++)
        {
            result[i] = type switch
            {
                ElementType.Int64 or ElementType.UInt64 => MemoryMarshal.Cast<byte, long>(raw)[i],
                ElementType.Int32 => MemoryMarshal.Cast<byte, int>(raw)[i],
                ElementType.UInt32 => MemoryMarshal.Cast<byte, uint>(raw)[i],
                ElementType.Int16 => MemoryMarshal.Cast<byte, short>(raw)[i],
                ElementType.UInt16 => MemoryMarshal.Cast<byte, ushort>(raw)[i],
                _ => type.Wrap(raw[i]),
            };
        }

        return result;
    }

    private static long[] TypedIntegers(TensorProto proto, ElementType type, string where, int count)
    {
        int found = type switch
        {
            ElementType.Int64 => proto.Int64Data.Count,
            ElementType.UInt64 or ElementType.UInt32 => proto.Uint64Data.Count,
            _ => proto.Int32Data.Count,
        };
        CheckCount(found, count, "elements", where);
        long[] result = new long[count];
        for (int i = 0; i < count; i++)
        {
            result[i] = type switch
            {
                ElementType.Int64 => proto.Int64Data[i],
                ElementType.UInt64 or ElementType.UInt32 => type.Wrap((long)proto.Uint64Data[i]),
                _ => type.Wrap(proto.Int32Data[i]),
            };
        }

        return result;
    }

    private static float BFloat16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static void CheckCount(long found, long expected, string unit, string where)
    {
        if (found != expected)
            OnnxModelException.ThrowMalformed($"{where} holds {found} {unit}, its sizes ask for {expected}");
    }
}
