using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Convolution;

/// <summary>Weights in the order in which an algorithm reads them. Made once, read by any number of plans at once.</summary>
internal sealed unsafe class PackedWeights : IDisposable
{
    private readonly AlignedBuffer _buffer;

    public PackedWeights(AlignedBuffer buffer) => _buffer = buffer;

    /// <summary>The packed numbers; 64-byte aligned.</summary>
    public float* Pointer => _buffer.Pointer;

    /// <summary>Their bytes.</summary>
    public long Bytes => (long)_buffer.Length * sizeof(float);

    public void Dispose() => _buffer.Dispose();
}

/// <summary>Writes packed weights.</summary>
/// <param name="weight">The weight as it came.</param>
/// <param name="packed">Receives the packed form; contents undefined at first.</param>
internal unsafe delegate void PackWeights(float* weight, float* packed);
