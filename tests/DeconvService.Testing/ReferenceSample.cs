using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;

namespace DeconvService.Testing;

/// <summary>
/// What the reference says about a layer: all outputs, or, where that would take many seconds, runs of neighbouring outputs spread evenly
/// over all of them, first and last included.
/// </summary>
public sealed class ReferenceSample
{
    private const long MultiplyAddsAtMost = 100_000_000;

    private readonly ConvShape _shape;
    private readonly long[] _items;

    private ReferenceSample(ConvShape shape, long[] items, float[] values) => (_shape, _items, Values) = (shape, items, values);

    /// <summary>The sampled outputs one after the other.</summary>
    public float[] Values { get; }

    /// <summary>Computes the sample, in parallel.</summary>
    public static ReferenceSample Compute(ConvShape shape, float[] input, ConvWeights weights, Epilogue epilogue, float[] residual)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(weights);
        long all = Reference.ItemCount(shape), count = Math.Clamp(all * MultiplyAddsAtMost / Math.Max(shape.MultiplyAdds, MultiplyAddsAtMost), Math.Min(all, 2), all);
        long[] items = [.. Enumerable.Range(0, (int)count).Select(i => count == all ? i : i * (all - 1) / (count - 1))];
        var output = new float[shape.Output.Count];
        Parallel.ForEach(items, item => Reference.RunItem(shape, input, weights.Weight.Span, weights.Bias.Span, output, item, epilogue, residual));
        return new ReferenceSample(shape, items, Pick(shape, items, output));
    }

    /// <summary>The outputs of the sample in somebody else's <c>[N, F, O1..On]</c>.</summary>
    public float[] Pick(float[] output) => Pick(_shape, _items, output);

    private static float[] Pick(ConvShape shape, long[] items, float[] output) =>
        [.. items.SelectMany(item => Reference.RangeOf(shape, item) is var (start, length) ? output.AsSpan((int)start, length).ToArray() : [])];
}
