using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Remembers what was decided about layers. A request that brings its weights is planned anew each time, and to estimate, for instance, all
/// cuts into Winograd tiles takes as long as a small layer itself (some 40 us). Thread-safe.
/// </summary>
/// <remarks>
/// One place for each remainder of the hash: a layer drives out what stands in its place. So the table never grows, whoever asks for
/// whatever, and needs no lock: an entry is immutable and is put in its place by one write.
/// </remarks>
internal sealed class ChoiceTable<T>
{
    // The layers of a network, and of some networks beside it.
    private const int Places = 256;

    // A choice may hold a few numbers for each tap; huge kernels compute long enough to be decided about anew.
    private const long MaximumTaps = 1 << 10;

    private readonly Entry?[] _entries = new Entry?[Places];

    /// <summary>What <paramref name="choose"/> says, now or before; it may only look at the shape and the use.</summary>
    public T Of(ConvShape shape, WeightUse use, Func<ConvShape, WeightUse, T> choose)
    {
        int hash = HashCode.Combine(shape.Kind, shape.Input, shape.Weight, use, shape.Accuracy);
        foreach (ConvAxis axis in shape.Axes)
            hash = HashCode.Combine(hash, axis.Stride, axis.PadBegin, axis.Output);

        ref Entry? place = ref _entries[(uint)hash % Places];
        if (place is { } entry && entry.Use == use && entry.Shape.ComputesTheSame(shape))
            return entry.Choice;

        T choice = choose(shape, use);
        if (shape.Weight.Count <= MaximumTaps * shape.Weight[0] * shape.Weight[1])
            place = new Entry(shape, use, choice);

        return choice;
    }

    private sealed record Entry(ConvShape Shape, WeightUse Use, T Choice);
}

/// <summary>The table of an algorithm for vectors <typeparamref name="V"/>, whose blocks differ with the width.</summary>
internal static class Choices<TAlgorithm, V, T>
    where V : struct, IVec<V>
{
    /// <summary>The table.</summary>
    public static ChoiceTable<T> Table { get; } = new();
}
