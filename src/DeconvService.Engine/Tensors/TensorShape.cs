namespace DeconvService.Engine.Tensors;

/// <summary>
/// The sizes of a row-major tensor, outermost axis first, for instance <c>[1, 3, 55, 55]</c>.
/// Immutable. A rank of 0 is a scalar with one element; a size of 0 makes an empty tensor.
/// </summary>
public readonly struct TensorShape : IEquatable<TensorShape>
{
    private readonly int[]? _sizes;

    /// <summary>Makes a shape of the given sizes.</summary>
    /// <param name="sizes">One size an axis, each at least 0; copied.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is negative.</exception>
    /// <exception cref="OverflowException">The number of elements does not fit a 64-bit integer.</exception>
    public TensorShape(params ReadOnlySpan<int> sizes)
    {
        Count = CountOf(sizes);
        _sizes = sizes.ToArray();
    }

    /// <summary>The number of axes.</summary>
    public int Rank => Sizes.Length;

    /// <summary>The number of elements: the product of the sizes, 1 for a scalar.</summary>
    public long Count => field == 0 && _sizes is null ? 1 : field;

    /// <summary>The sizes, outermost axis first.</summary>
    public ReadOnlySpan<int> Sizes => _sizes;

    /// <summary>The size of one axis, counted from the outermost.</summary>
    /// <exception cref="IndexOutOfRangeException">There is no such axis.</exception>
    public int this[int axis] => Sizes[axis];

    /// <summary>The product of <paramref name="sizes"/> in 64 bits.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is negative.</exception>
    /// <exception cref="OverflowException">The product does not fit a 64-bit integer.</exception>
    public static long CountOf(ReadOnlySpan<int> sizes)
    {
        // An empty tensor is empty however large its other sizes are.
        bool empty = sizes.Contains(0);
        long count = empty ? 0 : 1;
        foreach (int size in sizes)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(sizes));
            count = empty ? 0 : checked(count * size);
        }

        return count;
    }

    /// <summary>Whether both shapes have the same sizes.</summary>
    public bool Equals(TensorShape other) => Sizes.SequenceEqual(other.Sizes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is TensorShape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (int size in Sizes)
            hash.Add(size);

        return hash.ToHashCode();
    }

    /// <summary>Whether both shapes have the same sizes.</summary>
    public static bool operator ==(TensorShape left, TensorShape right) => left.Equals(right);

    /// <summary>Whether the shapes differ.</summary>
    public static bool operator !=(TensorShape left, TensorShape right) => !left.Equals(right);

    /// <summary>The sizes in brackets, as in messages: <c>[1, 3, 55, 55]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", _sizes ?? [])}]";
}
