namespace DeconvService.Onnx;

/// <summary>Element types of tensors, numbered as in ONNX.</summary>
/// <remarks>
/// All arithmetic on floating types is done in float32 and all arithmetic on integers and booleans in int64
/// (wrapped to the type's range afterwards), so a tensor is stored in one of these two forms.
/// </remarks>
public enum ElementType
{
    /// <summary>Not said.</summary>
    Undefined = 0,

    /// <summary>32-bit floating point.</summary>
    Float32 = 1,

    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8 = 2,

    /// <summary>Signed 8-bit integer.</summary>
    Int8 = 3,

    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16 = 4,

    /// <summary>Signed 16-bit integer.</summary>
    Int16 = 5,

    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 6,

    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 7,

    /// <summary>Boolean, stored as 0 and 1.</summary>
    Bool = 9,

    /// <summary>IEEE half precision; computed in float32.</summary>
    Float16 = 10,

    /// <summary>64-bit floating point; computed in float32.</summary>
    Float64 = 11,

    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32 = 12,

    /// <summary>Unsigned 64-bit integer, stored in the bits of an int64.</summary>
    UInt64 = 13,

    /// <summary>bfloat16; computed in float32.</summary>
    BFloat16 = 16,
}

/// <summary>Facts about element types.</summary>
public static class ElementTypes
{
    /// <summary>Whether tensors of this type are stored as float32 (otherwise as int64).</summary>
    public static bool IsFloating(this ElementType type) =>
        type is ElementType.Float32 or ElementType.Float16 or ElementType.Float64 or ElementType.BFloat16;

    /// <summary>Whether it is an integer or boolean type, stored as int64.</summary>
    public static bool IsInteger(this ElementType type) => type.WireBytes() > 0 && !type.IsFloating();

    /// <summary>Bytes of an element in a file; 0 for types that are not known.</summary>
    public static int WireBytes(this ElementType type) => type switch
    {
        ElementType.UInt8 or ElementType.Int8 or ElementType.Bool => 1,
        ElementType.UInt16 or ElementType.Int16 or ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.Float32 or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Float64 or ElementType.Int64 or ElementType.UInt64 => 8,
        _ => 0,
    };

    /// <summary>Brings a value of 64 bits into the type's range, as integer arithmetic of that width would.</summary>
    internal static long Wrap(this ElementType type, long value) => type switch
    {
        ElementType.UInt8 => (byte)value,
        ElementType.Int8 => (sbyte)value,
        ElementType.UInt16 => (ushort)value,
        ElementType.Int16 => (short)value,
        ElementType.Int32 => (int)value,
        ElementType.UInt32 => (uint)value,
        ElementType.Bool => value == 0 ? 0 : 1,
        _ => value,
    };
}
