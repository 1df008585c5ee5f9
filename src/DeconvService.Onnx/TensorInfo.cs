namespace DeconvService.Onnx;

/// <summary>An input or output of a model as it is declared.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Type of its elements.</param>
/// <param name="Dimensions">Its axes, outermost first; null where the file does not say how many there are.</param>
public sealed record TensorInfo(string Name, ElementType Type, IReadOnlyList<TensorDimension>? Dimensions)
{
    /// <summary>
    /// Whether the values (and not only the sizes) of this input decide the shape of something or an operator's settings, so that
    /// <see cref="CompiledModel.Prepare"/> needs them. Rare: a target shape as an input of the model.
    /// </summary>
    public bool DecidesShapes { get; init; }
}

/// <summary>One axis of a declared shape.</summary>
/// <param name="Size">The size, or -1 where any size goes.</param>
/// <param name="Symbol">The name that stands in place of a size, such as <c>batch</c>; null without one.</param>
public readonly record struct TensorDimension(int Size, string? Symbol = null)
{
    /// <summary>The size, the name, or a question mark.</summary>
    public override string ToString() => Size >= 0 ? $"{Size}" : Symbol ?? "?";
}
