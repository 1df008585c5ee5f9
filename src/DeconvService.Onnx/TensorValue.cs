using DeconvService.Engine.Tensors;

namespace DeconvService.Onnx;

/// <summary>A tensor on the managed heap: a constant of a graph, or a small input or output. Row-major; do not change the elements of one that was handed out.</summary>
public sealed class TensorValue
{
    private readonly float[]? _floats;
    private readonly long[]? _integers;

    /// <summary>Wraps floating-point elements.</summary>
    /// <exception cref="ArgumentException">The type is not a floating type, or the number of elements is not the shape's.</exception>
    public TensorValue(TensorShape shape, float[] elements, ElementType type = ElementType.Float32)
        : this(shape, type, elements?.Length ?? 0)
    {
        if (!type.IsFloating())
            throw new ArgumentException($"{type} is not stored as float32");

        _floats = elements;
    }

    /// <summary>Wraps integer or boolean elements.</summary>
    /// <exception cref="ArgumentException">The type is not an integer type, or the number of elements is not the shape's.</exception>
    public TensorValue(TensorShape shape, long[] elements, ElementType type = ElementType.Int64)
        : this(shape, type, elements?.Length ?? 0)
    {
        if (!type.IsInteger())
            throw new ArgumentException($"{type} is not stored as int64");

        _integers = elements;
    }

    private TensorValue(TensorShape shape, ElementType type, int length)
    {
        if (length != shape.Count)
            throw new ArgumentException($"{length} elements do not make a tensor {shape} of {shape.Count} elements");

        (Shape, Type) = (shape, type);
    }

    /// <summary>The sizes.</summary>
    public TensorShape Shape { get; }

    /// <summary>The type that the elements have in the graph.</summary>
    public ElementType Type { get; }

    /// <summary>The number of elements.</summary>
    public int Count => (int)Shape.Count;

    /// <summary>The elements of a floating type.</summary>
    /// <exception cref="InvalidOperationException">The type is stored as int64.</exception>
    public ReadOnlyMemory<float> Floats => FloatArray;

    /// <summary>The elements of an integer or boolean type.</summary>
    /// <exception cref="InvalidOperationException">The type is stored as float32.</exception>
    public ReadOnlyMemory<long> Integers => IntegerArray;

    internal float[] FloatArray => _floats ?? throw new InvalidOperationException($"a tensor of {Type} has no float32 elements");

    internal long[] IntegerArray => _integers ?? throw new InvalidOperationException($"a tensor of {Type} has no int64 elements");

    internal long Bytes => Shape.Count * (_floats is null ? sizeof(long) : sizeof(float));

    /// <summary>The same elements under other sizes.</summary>
    internal TensorValue WithShape(TensorShape shape) =>
        _floats is not null ? new(shape, _floats, Type) : new(shape, IntegerArray, Type);
}
