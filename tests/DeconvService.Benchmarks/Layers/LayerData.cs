using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Threading;
using DeconvService.Testing;

namespace DeconvService.Benchmarks.Layers;

/// <summary>
/// A layer's random numbers (input and bias from -1 to 1, weights from -0.1 to 0.1) and, once somebody asks, its output by the formula. Whoever
/// is compared reads the same memory: where arrays lie in it makes up to a fifth.
/// </summary>
internal sealed class LayerData(ConvCase layer)
{
    private float[]? _reference;

    /// <summary>The layer.</summary>
    public ConvShape Shape { get; } = layer.Shape;

    /// <summary>The input.</summary>
    public float[] Input { get; } = RandomTensor.Make(layer.Input.Count, seed: 1);

    /// <summary>The weights.</summary>
    public float[] Weight { get; } = Array.ConvertAll(RandomTensor.Make(layer.Weight.Count, seed: 2), value => 0.1f * value);

    /// <summary>The bias.</summary>
    public float[] Bias { get; } = RandomTensor.Make(layer.Shape.OutputChannels, seed: 3);

    /// <summary>The largest error of an output over the largest value of the reference.</summary>
    public double ErrorOf(ReadOnlySpan<float> output) => Tolerance.ErrorOf(_reference ??= MakeReference(), output);

    private float[] MakeReference()
    {
        float[] expected = new float[Shape.Output.Count];
        using var threads = new EngineThreads();
        threads.Run((int)Reference.ItemCount(Shape), new ReferenceItems(this, expected));
        return expected;
    }

    private readonly struct ReferenceItems(LayerData data, float[] output) : IWorkItems
    {
        public void Execute(int item, int worker) => Reference.RunItem(data.Shape, data.Input, data.Weight, data.Bias, output, item, Epilogue.None, default);
    }
}
