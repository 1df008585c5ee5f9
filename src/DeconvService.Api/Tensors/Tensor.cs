using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors;

/// <summary>A float32 tensor that owns its pooled memory.</summary>
public sealed class Tensor : IDisposable
{
    private readonly AlignedBuffer _buffer;

    /// <summary>Takes over <paramref name="buffer"/>, whose length is the shape's element count.</summary>
    public Tensor(TensorShape shape, AlignedBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNotEqual(buffer.Length, shape.Count);
        (Shape, _buffer) = (shape, buffer);
    }

    /// <summary>The sizes.</summary>
    public TensorShape Shape { get; }

    /// <summary>The elements, row-major.</summary>
    public Span<float> Data => _buffer.Span;

    /// <summary>The memory itself.</summary>
    public AlignedBuffer Buffer => _buffer;

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _buffer.Dispose();
}
