using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Testing;

/// <summary>A layer by name: what tests and benchmarks run.</summary>
/// <param name="Name">Unique name.</param>
/// <param name="Parameters">What is asked for.</param>
/// <param name="Input">Input sizes <c>[N, C, D1..Dn]</c>.</param>
/// <param name="Weight">Weight sizes.</param>
/// <param name="HasBias">Whether a bias is added.</param>
public sealed record ConvCase(string Name, ConvParameters Parameters, TensorShape Input, TensorShape Weight, bool HasBias = true)
{
    /// <summary>The checked sizes.</summary>
    public ConvShape Shape => ConvShape.Create(Parameters, Input, Weight, HasBias ? OutputChannels : null);

    private int OutputChannels => Parameters.Kind == ConvKind.Transposed ? Weight[1] * Parameters.Groups : Weight[0];

    /// <summary>Random input <c>[N, C, D1..Dn]</c>.</summary>
    public float[] MakeInput() => RandomTensor.Make(Input.Count, seed: 1);

    /// <summary>Random weight and bias.</summary>
    public ConvWeights MakeWeights(WeightUse use = WeightUse.Many) =>
        new(RandomTensor.Make(Weight.Count, seed: 2), HasBias ? RandomTensor.Make(OutputChannels, seed: 3) : default, use);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
