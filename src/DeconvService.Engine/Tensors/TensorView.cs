namespace DeconvService.Engine.Tensors;

/// <summary>Writable elements of a row-major tensor in somebody else's memory.</summary>
public readonly ref struct TensorView
{
    /// <summary>Looks at <paramref name="data"/> as a tensor of <paramref name="shape"/>.</summary>
    /// <exception cref="ArgumentException">The length of the data is not the shape's element count.</exception>
    public TensorView(Span<float> data, TensorShape shape)
    {
        ReadOnlyTensorView.ThrowUnlessCount(data.Length, shape);
        Data = data;
        Shape = shape;
    }

    /// <summary>The elements, row-major.</summary>
    public Span<float> Data { get; }

    /// <summary>The sizes.</summary>
    public TensorShape Shape { get; }

    /// <summary>The same elements, read only.</summary>
    public static implicit operator ReadOnlyTensorView(TensorView view) => new(view.Data, view.Shape);
}

/// <summary>Elements of a row-major tensor in somebody else's memory, read only.</summary>
public readonly ref struct ReadOnlyTensorView
{
    /// <summary>Looks at <paramref name="data"/> as a tensor of <paramref name="shape"/>.</summary>
    /// <exception cref="ArgumentException">The length of the data is not the shape's element count.</exception>
    public ReadOnlyTensorView(ReadOnlySpan<float> data, TensorShape shape)
    {
        ThrowUnlessCount(data.Length, shape);
        Data = data;
        Shape = shape;
    }

    /// <summary>The elements, row-major.</summary>
    public ReadOnlySpan<float> Data { get; }

    /// <summary>The sizes.</summary>
    public TensorShape Shape { get; }

    internal static void ThrowUnlessCount(int length, TensorShape shape)
    {
        if (length != shape.Count)
            throw new ArgumentException($"{length} elements do not make a tensor {shape} of {shape.Count} elements");
    }
}
