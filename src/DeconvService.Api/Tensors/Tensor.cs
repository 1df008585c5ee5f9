using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors;

/// <summary>A float32 tensor that owns its pooled memory.</summary>
public sealed class Tensor : IDisposable
{
    private readonly AlignedBuffer _buffer;

    /// <summary>Takes over <paramref name="buffer"/>, which has room for the shape's element count at the least.</summary>
    public Tensor(TensorShape shape, AlignedBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, shape.Count);
        (Shape, _buffer) = (shape, buffer);
    }

    /// <summary>The sizes.</summary>
    public TensorShape Shape { get; }

    /// <summary>The elements, row-major.</summary>
    public Span<float> Data => _buffer.Span[..(int)Shape.Count];

    /// <summary>The elements, row-major, where a span cannot be kept.</summary>
    public Memory<float> Memory => _buffer.Memory[..(int)Shape.Count];

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _buffer.Dispose();
}
