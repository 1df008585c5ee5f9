using System.Runtime.InteropServices;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;

namespace DeconvService.Api.Inference;

/// <summary>A tensor that came or goes with an inference request, in pooled memory that it owns: float32 for floating types, int64 for integers.</summary>
internal sealed class InferenceTensor : IDisposable
{
    private readonly AlignedBuffer _buffer;

    /// <summary>Takes memory over.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="isFloating">Whether the elements are float32, otherwise int64.</param>
    /// <param name="buffer">The memory, see <see cref="LengthOf"/>.</param>
    public InferenceTensor(TensorShape shape, bool isFloating, AlignedBuffer buffer) => (Shape, IsFloating, _buffer) = (shape, isFloating, buffer);

    /// <summary>The sizes.</summary>
    public TensorShape Shape { get; }

    /// <summary>Whether the elements are float32, otherwise int64.</summary>
    public bool IsFloating { get; }

    /// <summary>The elements of a floating type.</summary>
    public Span<float> Floats => _buffer.Span[..(int)Shape.Count];

    /// <summary>The elements of an integer type.</summary>
    public Span<long> Integers => MemoryMarshal.Cast<float, long>(_buffer.Span)[..(int)Shape.Count];

    /// <summary>Length of the memory for so many elements, in float32.</summary>
    public static long LengthOf(long count, bool isFloating) => isFloating ? count : 2 * count;

    /// <summary>The elements as a value on the managed heap, for the few that decide shapes.</summary>
    public TensorValue ToValue(ElementType type) =>
        IsFloating ? new TensorValue(Shape, Floats.ToArray(), type) : new TensorValue(Shape, Integers.ToArray(), type);

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();
}
