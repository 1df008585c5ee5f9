using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using DeconvService.Onnx;

namespace DeconvService.Api.Inference;

/// <summary>
/// An element type of the Open Inference Protocol, and how it travels as binary data: little-endian, row-major, without gaps. The engine
/// keeps floating types as float32 and integers as int64; here they are converted.
/// </summary>
internal sealed class Datatype
{
    private static readonly Datatype[] All =
    [
        new("BOOL", ElementType.Bool, 1, 0, 1),
        new("UINT8", ElementType.UInt8, 1, byte.MinValue, byte.MaxValue),
        new("UINT16", ElementType.UInt16, 2, ushort.MinValue, ushort.MaxValue),
        new("UINT32", ElementType.UInt32, 4, uint.MinValue, uint.MaxValue),
        new("UINT64", ElementType.UInt64, 8, ulong.MinValue, ulong.MaxValue),
        new("INT8", ElementType.Int8, 1, sbyte.MinValue, sbyte.MaxValue),
        new("INT16", ElementType.Int16, 2, short.MinValue, short.MaxValue),
        new("INT32", ElementType.Int32, 4, int.MinValue, int.MaxValue),
        new("INT64", ElementType.Int64, 8, long.MinValue, long.MaxValue),
        new("FP16", ElementType.Float16, 2, 0, 0),
        new("FP32", ElementType.Float32, 4, 0, 0),
        new("FP64", ElementType.Float64, 8, 0, 0),
        new("BF16", ElementType.BFloat16, 2, 0, 0),
    ];

    private Datatype(string name, ElementType type, int bytes, Int128 minimum, Int128 maximum) =>
        (Name, Type, Bytes, Minimum, Maximum) = (name, type, bytes, minimum, maximum);

    /// <summary>The protocol's name, such as FP32.</summary>
    public string Name { get; }

    /// <summary>The element type.</summary>
    public ElementType Type { get; }

    /// <summary>Bytes of an element in binary data.</summary>
    public int Bytes { get; }

    /// <summary>The smallest value of an integer type.</summary>
    public Int128 Minimum { get; }

    /// <summary>The largest value of an integer type.</summary>
    public Int128 Maximum { get; }

    /// <summary>Whether elements are kept as float32, otherwise as int64.</summary>
    public bool IsFloating => Type.IsFloating();

    /// <summary>Whether the type can only travel as binary data.</summary>
    public bool IsBinaryOnly => Type is ElementType.Float16 or ElementType.BFloat16;

    /// <summary>The names of all.</summary>
    public static IEnumerable<string> Names => All.Select(datatype => datatype.Name);

    /// <summary>The type of this name, or null.</summary>
    public static Datatype? Find(string name) => Array.Find(All, datatype => datatype.Name.Equals(name, StringComparison.Ordinal));

    /// <summary>The type of a network's tensor, or null for one that cannot travel.</summary>
    public static Datatype? Of(ElementType type) => Array.Find(All, datatype => datatype.Type == type);

    /// <summary>Reads binary data into float32, from any type.</summary>
    public void Read(ReadOnlySpan<byte> bytes, Span<float> elements)
    {
        switch (Type)
        {
            case ElementType.Float32:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(elements);
                break;
            case ElementType.Float64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(bytes), elements);
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, Half>(bytes), elements);
                break;
            case ElementType.BFloat16:
                ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < halves.Length; i++)
                    elements[i] = BitConverter.UInt32BitsToSingle((uint)halves[i] << 16);

                break;
            case ElementType.Bool:
                for (int i = 0; i < bytes.Length; i++)
                    elements[i] = bytes[i] == 0 ? 0 : 1;

                break;
            default:
                ReadIntegers(bytes, elements);
                break;
        }
    }

    /// <summary>Reads binary data of an integer type into int64.</summary>
    public void Read(ReadOnlySpan<byte> bytes, Span<long> elements)
    {
        if (Type == ElementType.Bool)
        {
            for (int i = 0; i < bytes.Length; i++)
                elements[i] = bytes[i] == 0 ? 0 : 1;
        }
        else
        {
            ReadIntegers(bytes, elements);
        }
    }

    /// <summary>Writes float32 as binary data of a floating type.</summary>
    public void Write(ReadOnlySpan<float> elements, Span<byte> bytes)
    {
        switch (Type)
        {
            case ElementType.Float64:
                TensorPrimitives.ConvertTruncating(elements, MemoryMarshal.Cast<byte, double>(bytes));
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToHalf(elements, MemoryMarshal.Cast<byte, Half>(bytes));
                break;
            case ElementType.BFloat16:
                Span<ushort> halves = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < halves.Length; i++)
                    halves[i] = RoundToBFloat16(elements[i]);

                break;
            default:
                MemoryMarshal.AsBytes(elements).CopyTo(bytes);
                break;
        }
    }

    /// <summary>Writes int64 as binary data of an integer type.</summary>
    public void Write(ReadOnlySpan<long> elements, Span<byte> bytes)
    {
        switch (Bytes)
        {
            case 1:
                TensorPrimitives.ConvertTruncating(elements, bytes);
                break;
            case 2:
                TensorPrimitives.ConvertTruncating(elements, MemoryMarshal.Cast<byte, short>(bytes));
                break;
            case 4:
                TensorPrimitives.ConvertTruncating(elements, MemoryMarshal.Cast<byte, int>(bytes));
                break;
            default:
                MemoryMarshal.AsBytes(elements).CopyTo(bytes);
                break;
        }
    }

    private void ReadIntegers<T>(ReadOnlySpan<byte> bytes, Span<T> elements)
        where T : INumberBase<T>
    {
        switch (Type)
        {
            case ElementType.UInt8:
                TensorPrimitives.ConvertTruncating(bytes, elements);
                break;
            case ElementType.UInt16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, ushort>(bytes), elements);
                break;
            case ElementType.UInt32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, uint>(bytes), elements);
                break;
            case ElementType.UInt64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, ulong>(bytes), elements);
                break;
            case ElementType.Int8:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, sbyte>(bytes), elements);
                break;
            case ElementType.Int16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, short>(bytes), elements);
                break;
            case ElementType.Int32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, int>(bytes), elements);
                break;
            default:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, long>(bytes), elements);
                break;
        }
    }

    // To nearest, ties to even; a NaN stays one.
    private static ushort RoundToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
