namespace DeconvService.Onnx.Loading;

/// <summary>
/// Walks a file's protobuf messages without building them and counts what would take memory, so that a small hostile file
/// (a message of two bytes becomes an object of a hundred) is refused before it is parsed.
/// </summary>
/// <remarks>Wire format: https://protobuf.dev/programming-guides/encoding/.</remarks>
internal struct WireScan(OnnxLimits limits)
{
    private enum Kind
    {
        Model,
        Graph,
        Node,
        Attribute,
        Tensor,
        ValueInfo,
        Type,
        TensorType,
        Shape,
        Leaf,
    }

    private int _messages, _nodes, _tensors;
    private long _integers;

    /// <summary>Scans a whole model.</summary>
    /// <exception cref="OnnxModelException">The bytes are no protobuf message, or something is over its limit.</exception>
    public static void Check(ReadOnlySpan<byte> file, OnnxLimits limits) => new WireScan(limits).Scan(file, Kind.Model);

    private void Scan(ReadOnlySpan<byte> message, Kind kind)
    {
        while (!message.IsEmpty)
        {
            ulong tag = Varint(ref message);
            int field = (int)(tag >> 3);
            switch ((int)tag & 7)
            {
                case 0:
                    Varint(ref message);
                    CountIntegers(kind, field, 1);
                    break;
                case 1:
                    Take(ref message, 8);
                    break;
                case 2:
                    ReadOnlySpan<byte> content = Take(ref message, Varint(ref message));
                    if (Child(kind, field) is { } child)
                    {
                        CountMessage(child);
                        Scan(content, child);
                    }
                    else if (HoldsIntegers(kind, field))
                    {
                        CountIntegers(kind, field, Varints(content));
                    }

                    break;
                case 5:
                    Take(ref message, 4);
                    break;
                default:
                    OnnxModelException.ThrowMalformed($"not an ONNX file: field {field} has the wire type {tag & 7}");
                    break;
            }
        }
    }

    private static Kind? Child(Kind kind, int field) => (kind, field) switch
    {
        (Kind.Model, 7) => Kind.Graph,
        (Kind.Model, 8) => Kind.Leaf,
        (Kind.Graph, 1) => Kind.Node,
        (Kind.Graph, 5) => Kind.Tensor,
        (Kind.Graph, 11 or 12) => Kind.ValueInfo,
        (Kind.Node, 5) => Kind.Attribute,
        (Kind.Attribute, 5) => Kind.Tensor,
        (Kind.ValueInfo, 2) => Kind.Type,
        (Kind.Type, 1) => Kind.TensorType,
        (Kind.TensorType, 2) => Kind.Shape,
        (Kind.Shape, 1) => Kind.Leaf,
        // Repeated strings, whose content is no message.
        _ => null,
    };

    private static bool HoldsIntegers(Kind kind, int field) =>
        (kind, field) is (Kind.Tensor, 1 or 5 or 7 or 11) or (Kind.Attribute, 8) or (Kind.Node, 1 or 2) or (Kind.Attribute, 9);

    private void CountIntegers(Kind kind, int field, long count)
    {
        if (!HoldsIntegers(kind, field))
            return;

        // A string is an object, so it counts as a message.
        if (kind == Kind.Node || field == 9)
        {
            CountMessage(Kind.Leaf);
            return;
        }

        _integers += count;
        if (_integers > limits.IntegerElements)
            OnnxModelException.ThrowOverLimit("integer elements", _integers, limits.IntegerElements);
    }

    private void CountMessage(Kind kind)
    {
        if (++_messages > limits.Messages)
            OnnxModelException.ThrowOverLimit("or more protobuf messages", _messages, limits.Messages);

        if (kind == Kind.Node && ++_nodes > limits.Nodes)
            OnnxModelException.ThrowOverLimit("or more nodes", _nodes, limits.Nodes);

        if (kind == Kind.Tensor && ++_tensors > limits.Tensors)
            OnnxModelException.ThrowOverLimit("or more constant tensors", _tensors, limits.Tensors);
    }

    private static ulong Varint(ref ReadOnlySpan<byte> message)
    {
        ulong value = 0;
        for (int i = 0; i < 10 && i < message.Length; i++)
        {
            value |= (ulong)(message[i] & 0x7F) << (7 * i);
            if (message[i] < 0x80)
            {
                message = message[(i + 1)..];
                return value;
            }
        }

        OnnxModelException.ThrowMalformed("not an ONNX file, or cut off: a number does not end");
        return 0;
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> message, ulong length)
    {
        if (length > (ulong)message.Length)
            OnnxModelException.ThrowMalformed($"not an ONNX file, or cut off: {length} bytes are announced and {message.Length} are left");

        ReadOnlySpan<byte> taken = message[..(int)length];
        message = message[(int)length..];
        return taken;
    }

    // Each number ends in the one byte whose high bit is clear.
    private static long Varints(ReadOnlySpan<byte> packed)
    {
        long count = 0;
        foreach (byte b in packed)
            count += (b >> 7) ^ 1;

        return count;
    }
}
