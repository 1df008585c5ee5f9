namespace DeconvService.Engine.Convolution;

/// <summary>A whole number for all spatial axes, or one for each, outermost axis first.</summary>
public readonly struct PerAxis : IEquatable<PerAxis>
{
    private readonly int[]? _values;
    private readonly int _all;

    /// <summary>The same number for all axes.</summary>
    public PerAxis(int all) => _all = all;

    /// <summary>One number an axis, outermost axis first; copied. An empty list is refused by <see cref="ConvShape"/>.</summary>
    public PerAxis(ReadOnlySpan<int> values) => _values = values.ToArray();

    /// <summary>Whether one number stands for all axes.</summary>
    public bool IsUniform => _values is null;

    /// <summary>How many numbers were given: 1 when one stands for all axes.</summary>
    public int Count => _values?.Length ?? 1;

    // In either form; an empty list has none.
    internal bool AnyNonZero => _values?.AsSpan().ContainsAnyExcept(0) ?? _all != 0;

    /// <summary>The number of an axis.</summary>
    /// <exception cref="IndexOutOfRangeException">The numbers are given one by one and there is none for this axis.</exception>
    public int this[int axis] => _values is null ? _all : _values[axis];

    /// <summary>One number for all axes.</summary>
    public static implicit operator PerAxis(int all) => new(all);

    /// <summary>One number an axis.</summary>
    public static implicit operator PerAxis(int[] values) => new(values);

    /// <summary>Whether both hold the same numbers in the same form.</summary>
    public bool Equals(PerAxis other) =>
        IsUniform == other.IsUniform && (IsUniform ? _all == other._all : _values.AsSpan().SequenceEqual(other._values));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PerAxis other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        for (int i = 0; i < Count; i++)
            hash.Add(this[i]);

        return hash.ToHashCode();
    }

    /// <summary>Whether both hold the same numbers in the same form.</summary>
    public static bool operator ==(PerAxis left, PerAxis right) => left.Equals(right);

    /// <summary>Whether they differ.</summary>
    public static bool operator !=(PerAxis left, PerAxis right) => !left.Equals(right);

    /// <summary>As in JSON: <c>2</c> or <c>[2, 1]</c>.</summary>
    public override string ToString() => _values is null ? $"{_all}" : $"[{string.Join(", ", _values)}]";
}
