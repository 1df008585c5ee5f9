using System.Text;
using DeconvService.Onnx.Proto;
using AttributeType = DeconvService.Onnx.Proto.AttributeProto.Types.AttributeType;

namespace DeconvService.Onnx.Graphs;

/// <summary>The attributes of a node, by name. Every getter refuses an attribute of another type than it expects.</summary>
internal sealed class Attributes
{
    private readonly Dictionary<string, AttributeProto> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorValue> _tensors = new(StringComparer.Ordinal);

    /// <summary>Adds an attribute; false when there is one of this name already.</summary>
    public bool TryAdd(AttributeProto attribute, TensorValue? tensor = null)
    {
        if (tensor is not null)
            _tensors[attribute.Name] = tensor;

        return _byName.TryAdd(attribute.Name, attribute);
    }

    public bool Has(string name) => _byName.ContainsKey(name);

    public long Int(string name, long otherwise) => Find(name, AttributeType.Int) is { } found ? found.I : otherwise;

    /// <summary>An integer that is used as a size or axis.</summary>
    public int Int32(string name, int otherwise)
    {
        long value = Int(name, otherwise);
        return value is >= int.MinValue and <= int.MaxValue
            ? (int)value
            : throw new AttributeException($"attribute '{name}' is {value}, which does not fit 32 bits");
    }

    public bool Flag(string name, bool otherwise = false) => Int(name, otherwise ? 1 : 0) != 0;

    public float Float(string name, float otherwise) => Find(name, AttributeType.Float) is { } found ? found.F : otherwise;

    public string Text(string name, string otherwise) =>
        Find(name, AttributeType.String) is { } found ? Encoding.UTF8.GetString(found.S.Span) : otherwise;

    public long[]? Ints(string name) => Find(name, AttributeType.Ints) is { } found ? [.. found.Ints] : null;

    /// <summary>Integers that are used as sizes or axes.</summary>
    public int[]? Int32s(string name)
    {
        long[]? values = Ints(name);
        if (values is null)
            return null;

        int[] result = new int[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            result[i] = values[i] is >= int.MinValue and <= int.MaxValue
                ? (int)values[i]
                : throw new AttributeException($"attribute '{name}' has the value {values[i]}, which does not fit 32 bits");
        }

        return result;
    }

    public float[]? Floats(string name) => Find(name, AttributeType.Floats) is { } found ? [.. found.Floats] : null;

    public TensorValue? Tensor(string name) => Find(name, AttributeType.Tensor) is null ? null : _tensors.GetValueOrDefault(name);

    private AttributeProto? Find(string name, AttributeType type)
    {
        if (!_byName.TryGetValue(name, out AttributeProto? attribute))
            return null;

        // Files from before IR version 2 leave the type out.
        return attribute.Type == type || attribute.Type == AttributeType.Undefined
            ? attribute
            : throw new AttributeException($"attribute '{name}' is of type {attribute.Type}, expected {type}");
    }
}

/// <summary>An attribute that cannot be read; whoever knows the node turns it into an <see cref="OnnxModelException"/>.</summary>
internal sealed class AttributeException(string message) : Exception(message);
