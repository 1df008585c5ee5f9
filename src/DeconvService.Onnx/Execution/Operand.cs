using DeconvService.Engine.Tensors;

namespace DeconvService.Onnx.Execution;

/// <summary>A value of the graph for inputs of known shapes.</summary>
internal sealed class Operand(string name, ElementType type, TensorShape shape)
{
    public string Name { get; } = name;

    public ElementType Type { get; } = type;

    public TensorShape Shape { get; } = shape;

    /// <summary>The number of elements; checked to fit when the operand is made.</summary>
    public int Count => (int)Shape.Count;

    /// <summary>The elements, where they are known while planning.</summary>
    public TensorValue? Constant { get; init; }

    /// <summary>The operand whose elements these are, under other sizes; null when it has its own.</summary>
    public Operand? ViewOf { get; init; }

    /// <summary>The operand that owns the elements.</summary>
    public Operand Root => ViewOf is null ? this : ViewOf.Root;

    /// <summary>Size in float32 units, as memory is planned in.</summary>
    public long FloatLength => Shape.Count * (Type.IsFloating() ? 1 : 2);

    /// <summary>Size of an axis counted from the last one: 1 is the width of an image.</summary>
    public int FromEnd(int axis) => Shape[Shape.Rank - axis];

    public override string ToString() => $"{Name} {Type} {Shape}";
}
