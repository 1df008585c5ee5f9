using DeconvService.Api.Errors;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors.NumPy;

/// <summary>What the header of a <c>.npy</c> says about the bytes that follow.</summary>
/// <param name="Type">The type of the elements.</param>
/// <param name="BigEndian">Whether their highest byte comes first.</param>
/// <param name="FortranOrder">Whether the first axis runs fastest.</param>
/// <param name="Shape">The sizes, outermost axis first.</param>
internal sealed record NpyHeader(NpyType Type, bool BigEndian, bool FortranOrder, TensorShape Shape)
{
    /// <summary>Bytes of one element.</summary>
    public int ElementBytes => Type switch
    {
        NpyType.Bool or NpyType.Int8 or NpyType.UInt8 => 1,
        NpyType.Half or NpyType.Int16 or NpyType.UInt16 => 2,
        NpyType.Single or NpyType.Int32 or NpyType.UInt32 => 4,
        _ => 8,
    };

    /// <summary>Bytes of all elements.</summary>
    public long DataBytes => Shape.Count * ElementBytes;

    /// <summary>Reads the header's text, a Python dictionary such as <c>{'descr': '&lt;f4', 'fortran_order': False, 'shape': (2, 3), }</c>.</summary>
    /// <remarks>
    /// The format is NumPy Enhancement Proposal 1 and <c>numpy.lib.format</c>: exactly these three keys, in any order. It is read as the
    /// small part of Python's literals that it is; nothing is ever evaluated.
    /// </remarks>
    /// <exception cref="ServiceException">It is no such dictionary, or names a type or size that is not read.</exception>
    public static NpyHeader Parse(ReadOnlySpan<byte> text, string field, TensorLimits limits)
    {
        var literal = new PythonLiteral(text, field);
        string? descr = null;
        bool? fortranOrder = null;
        List<long>? sizes = null;
        literal.Expect('{');
        while (!literal.TryTake('}'))
        {
            string key = literal.ReadString();
            literal.Expect(':');
            switch (key)
            {
                case "descr" when descr is null && literal.Peek() == '[':
                    throw Refused(field, "a structured type: send each field as an array of its own");
                case "descr" when descr is null:
                    descr = literal.ReadString();
                    break;
                case "fortran_order" when fortranOrder is null:
                    fortranOrder = literal.ReadBool();
                    break;
                case "shape" when sizes is null:
                    sizes = literal.ReadTuple();
                    break;
                default:
                    throw TensorFaults.Malformed(
                        $"the .npy header of {field} has the key '{TensorFaults.Shorten(key)}' twice, or one that is not descr, fortran_order or shape", field);
            }

            if (!literal.TryTake(',') && literal.Peek() != '}')
                throw literal.Broken("',' or '}'");
        }

        literal.ExpectEnd();
        if (descr is null || fortranOrder is null || sizes is null)
            throw TensorFaults.Malformed($"the .npy header of {field} lacks one of descr, fortran_order and shape", field);

        (NpyType type, bool bigEndian) = ParseType(descr, field);
        return new NpyHeader(type, bigEndian, fortranOrder.Value, ShapeParser.Check(sizes, $"{field}.shape", limits));
    }

    private static (NpyType Type, bool BigEndian) ParseType(string descr, string field)
    {
        ReadOnlySpan<char> code = descr.AsSpan();
        char order = code.Length > 0 && code[0] is '<' or '>' or '|' or '=' ? code[0] : '=';
        if (code.Length > 0 && code[0] is '<' or '>' or '|' or '=')
            code = code[1..];

        NpyType type = code switch
        {
            "b1" or "?" => NpyType.Bool,
            "i1" => NpyType.Int8,
            "u1" => NpyType.UInt8,
            "f2" => NpyType.Half,
            "i2" => NpyType.Int16,
            "u2" => NpyType.UInt16,
            "f4" => NpyType.Single,
            "i4" => NpyType.Int32,
            "u4" => NpyType.UInt32,
            "f8" => NpyType.Double,
            "i8" => NpyType.Int64,
            "u8" => NpyType.UInt64,
            ['O', ..] => throw Refused(field, "Python objects (dtype object): they are never unpickled"),
            ['c', ..] => throw Refused(field, $"complex numbers ({TensorFaults.Shorten(descr)}): send real and imaginary parts as two arrays"),
            ['S' or 'U' or 'a', ..] => throw Refused(field, $"text ({TensorFaults.Shorten(descr)}): convert it to numbers first"),
            ['M' or 'm', ..] => throw Refused(field, $"dates or durations ({TensorFaults.Shorten(descr)}): convert them to numbers first"),
            ['V', ..] => throw Refused(field, $"raw or structured bytes ({TensorFaults.Shorten(descr)})"),
            _ => throw Refused(field, $"elements of the type '{TensorFaults.Shorten(descr)}'"),
        };
        return (type, order == '>');
    }

    private static ServiceException Refused(string field, string what) =>
        TensorFaults.Invalid(field, $"{field} holds {what}. Read are f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1; in numpy, x.astype('float32') does it");
}

/// <summary>The types of elements that are read.</summary>
internal enum NpyType
{
    /// <summary>float32</summary>
    Single,

    /// <summary>float16</summary>
    Half,

    /// <summary>float64</summary>
    Double,

    /// <summary>int8</summary>
    Int8,

    /// <summary>uint8</summary>
    UInt8,

    /// <summary>int16</summary>
    Int16,

    /// <summary>uint16</summary>
    UInt16,

    /// <summary>int32</summary>
    Int32,

    /// <summary>uint32</summary>
    UInt32,

    /// <summary>int64</summary>
    Int64,

    /// <summary>uint64</summary>
    UInt64,

    /// <summary>One byte, 0 or 1.</summary>
    Bool,
}
