using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Convolution;

/// <summary>
/// The weight and bias of a layer as they came, row-major, together with whatever forms the algorithms packed them into.
/// Packed forms are made once and shared by all plans of the same weights (for instance by plans for different picture sizes). Thread-safe.
/// </summary>
public sealed class ConvWeights : IDisposable
{
    private readonly Dictionary<object, PackedWeights> _packed = [];
    private bool _disposed;

    /// <summary>Holds on to the values, which must not change until this is disposed.</summary>
    /// <param name="weight">Elements of the weight, row-major in the layout of <see cref="ConvShape.Weight"/>.</param>
    /// <param name="bias">One number an output channel [F], or empty.</param>
    /// <param name="use">Whether packing pays over many runs or is part of the one run.</param>
    public ConvWeights(ReadOnlyMemory<float> weight, ReadOnlyMemory<float> bias = default, WeightUse use = WeightUse.Many)
    {
        (Weight, Bias, Use) = (weight, bias, use);
    }

    /// <summary>Elements of the weight, row-major.</summary>
    public ReadOnlyMemory<float> Weight { get; }

    /// <summary>One number an output channel [F], or empty.</summary>
    public ReadOnlyMemory<float> Bias { get; }

    /// <summary>Whether packing pays over many runs.</summary>
    public WeightUse Use { get; }

    /// <summary>Frees the packed forms. No plan of these weights may run any more.</summary>
    public void Dispose()
    {
        lock (_packed)
        {
            _disposed = true;
            foreach (PackedWeights packed in _packed.Values)
                packed.Dispose();

            _packed.Clear();
        }
    }

    /// <summary>The packed form named <paramref name="key"/>, made now unless it was made before.</summary>
    /// <param name="pool">Lends the memory.</param>
    /// <param name="key">Compares equal exactly when the packed numbers are the same.</param>
    /// <param name="count">How many numbers it has.</param>
    /// <param name="pack">Writes them.</param>
    /// <exception cref="ObjectDisposedException">The weights were disposed.</exception>
    internal unsafe PackedWeights Packed(AlignedBufferPool pool, object key, long count, PackWeights pack)
    {
        lock (_packed)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_packed.TryGetValue(key, out PackedWeights? packed))
                return packed;

            packed = new PackedWeights(pool.Rent(count));
            using (var pin = Weight.Pin())
                pack((float*)pin.Pointer, packed.Pointer);

            _packed.Add(key, packed);
            return packed;
        }
    }
}

/// <summary>How often the same weights run.</summary>
public enum WeightUse
{
    /// <summary>A model's: packed once, run often.</summary>
    Many,

    /// <summary>A request's own: packing is part of its cost, and the planner counts it.</summary>
    Once,
}
