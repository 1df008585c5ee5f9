using System.Diagnostics.CodeAnalysis;
using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Convolution;

/// <summary>
/// A convolution or transposed convolution whose sizes were checked and fit together. With its helpers <c>ConvRules</c>,
/// <c>ConvAxisRules</c>, <c>ConvSuggestions</c> and <c>ConvNotes</c> the one place that knows the size rules.
/// Immutable.
/// </summary>
/// <remarks>
/// Element counts of input, weight and output, their bytes, and the number of multiply-adds each fit a <see cref="long"/>; what one
/// axis needs fits an <see cref="int"/> (see <see cref="ConvAxis"/>).
/// </remarks>
public sealed class ConvShape
{
    internal ConvShape(ConvParameters parameters, TensorShape input, TensorShape weight, TensorShape output, ConvAxis[] axes, bool hasBias)
    {
        Kind = parameters.Kind;
        Groups = parameters.Groups;
        PaddingMode = parameters.PaddingMode;
        Accuracy = parameters.Accuracy;
        PaddingRule = parameters.Padding.Rule;
        HasBias = hasBias;
        (Input, Weight, Output, Axes) = (input, weight, output, axes);
    }

    /// <summary>Convolution or transposed convolution.</summary>
    public ConvKind Kind { get; }

    /// <summary>Input sizes <c>[N, C, D1..Dn]</c>.</summary>
    public TensorShape Input { get; }

    /// <summary>Weight sizes: <c>[F, C/groups, k1..kn]</c>, transposed <c>[C, F/groups, k1..kn]</c>.</summary>
    public TensorShape Weight { get; }

    /// <summary>Output sizes <c>[N, F, O1..On]</c>.</summary>
    public TensorShape Output { get; }

    /// <summary>The spatial axes, outermost first: depth, height, width as far as there are.</summary>
    public IReadOnlyList<ConvAxis> Axes { get; }

    /// <summary>Number of independent channel groups.</summary>
    public int Groups { get; }

    /// <summary>What stands outside of the input.</summary>
    public PaddingMode PaddingMode { get; }

    /// <summary>How the padding was found.</summary>
    public ConvPaddingRule PaddingRule { get; }

    /// <summary>How exact the arithmetic has to be.</summary>
    public Accuracy Accuracy { get; }

    /// <summary>Whether there is a bias.</summary>
    public bool HasBias { get; }

    /// <summary>Batch size N.</summary>
    public int Batch => Input[0];

    /// <summary>Input channels C.</summary>
    public int InputChannels => Input[1];

    /// <summary>Output channels F.</summary>
    public int OutputChannels => Output[1];

    /// <summary>Number of spatial axes: 1, 2 or 3.</summary>
    public int SpatialRank => Axes.Count;

    /// <summary>
    /// Products of the formula, those with padding included: the weights of one output channel for each output (convolution), the
    /// weights of one input channel for each input (transposed).
    /// </summary>
    public long MultiplyAdds => (Kind == ConvKind.Transposed ? Input.Count : Output.Count) * (Weight.Count / Weight[0]);

    /// <summary>Numbers that a layer learns: weight and bias.</summary>
    public long ParameterCount => Weight.Count + (HasBias ? OutputChannels : 0);

    /// <summary>Bytes of the float32 output.</summary>
    public long OutputBytes => Output.Count * sizeof(float);

    /// <summary>Sentences about what works but is likely to surprise: uneven overlap, values shifted between frameworks, input that is never read.</summary>
    public IReadOnlyList<string> Notes => ConvNotes.Of(this);

    /// <summary>Checks the sizes and derives the output's.</summary>
    /// <param name="parameters">What is asked for.</param>
    /// <param name="input">Sizes of the input <c>[N, C, D1..Dn]</c>.</param>
    /// <param name="weight">Sizes of the weight; its rank gives n.</param>
    /// <param name="biasLength">Number of biases, or null when there are none.</param>
    /// <exception cref="ConvShapeException">Some rule is broken; it carries every broken rule.</exception>
    public static ConvShape Create(ConvParameters parameters, TensorShape input, TensorShape weight, int? biasLength = null) =>
        Create(parameters, input.Sizes, weight.Sizes, biasLength);

    /// <summary>The same for sizes that nobody has looked at yet: negative ones and those whose product overflows are faults too.</summary>
    /// <inheritdoc cref="Create(ConvParameters, TensorShape, TensorShape, int?)"/>
    public static ConvShape Create(ConvParameters parameters, ReadOnlySpan<int> input, ReadOnlySpan<int> weight, int? biasLength = null) =>
        TryCreate(parameters, input, weight, biasLength, out ConvShape? shape, out IReadOnlyList<ConvFault> faults)
            ? shape
            : throw new ConvShapeException(faults);

    // Whether every plan for the one is right for the other too.
    internal bool ComputesTheSame(ConvShape other) =>
        ReferenceEquals(this, other)
        || (Kind == other.Kind && Groups == other.Groups && PaddingMode == other.PaddingMode && Accuracy == other.Accuracy
            && Input == other.Input && Weight == other.Weight && Axes.SequenceEqual(other.Axes));

    /// <summary>Checks the sizes and derives the output's, without an exception.</summary>
    /// <param name="parameters">What is asked for.</param>
    /// <param name="input">Sizes of the input <c>[N, C, D1..Dn]</c>.</param>
    /// <param name="weight">Sizes of the weight; its rank gives n.</param>
    /// <param name="biasLength">Number of biases, or null when there are none.</param>
    /// <param name="shape">The shape, or null when some rule is broken.</param>
    /// <param name="faults">Every broken rule.</param>
    public static bool TryCreate(
        ConvParameters parameters,
        ReadOnlySpan<int> input,
        ReadOnlySpan<int> weight,
        int? biasLength,
        [NotNullWhen(true)] out ConvShape? shape,
        out IReadOnlyList<ConvFault> faults)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var rules = new ConvRules(parameters, input.ToArray(), weight.ToArray(), biasLength);
        shape = rules.Shape;
        faults = shape is null ? ConvSuggestions.AddTo(rules) : [];
        return shape is not null;
    }
}
