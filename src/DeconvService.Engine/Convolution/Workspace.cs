using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Convolution;

/// <summary>Memory that a <see cref="ConvPlan"/> computes in. Rented from the engine, used by one run at a time, given back by <see cref="Dispose"/>.</summary>
public sealed unsafe class Workspace : IDisposable
{
    private readonly AlignedBuffer _buffer;

    internal Workspace(AlignedBuffer buffer) => _buffer = buffer;

    /// <summary>Usable bytes.</summary>
    public long Bytes => (long)_buffer.Length * sizeof(float);

    internal float* Pointer => _buffer.Pointer;

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _buffer.Dispose();
}
