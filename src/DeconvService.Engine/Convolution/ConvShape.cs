using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Convolution;

/// <summary>
/// A convolution or transposed convolution whose sizes were checked and fit together. The one place that knows the size rules.
/// Immutable.
/// </summary>
public sealed class ConvShape
{
    private ConvShape(ConvParameters parameters, TensorShape input, TensorShape weight, TensorShape output, ConvAxis[] axes)
    {
        Kind = parameters.Kind;
        Groups = parameters.Groups;
        PaddingMode = parameters.PaddingMode;
        Accuracy = parameters.Accuracy;
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

    /// <summary>How exact the arithmetic has to be.</summary>
    public Accuracy Accuracy { get; }

    /// <summary>Batch size N.</summary>
    public int Batch => Input[0];

    /// <summary>Input channels C.</summary>
    public int InputChannels => Input[1];

    /// <summary>Output channels F.</summary>
    public int OutputChannels => Output[1];

    /// <summary>Number of spatial axes: 1, 2 or 3.</summary>
    public int SpatialRank => Axes.Count;

    /// <summary>Checks the sizes and derives the output's.</summary>
    /// <param name="parameters">What is asked for.</param>
    /// <param name="input">Sizes of the input <c>[N, C, D1..Dn]</c>.</param>
    /// <param name="weight">Sizes of the weight; its rank gives n.</param>
    /// <param name="biasLength">Number of biases, or null when there are none.</param>
    /// <exception cref="ConvShapeException">Some rule is broken; it carries every broken rule.</exception>
    public static ConvShape Create(ConvParameters parameters, TensorShape input, TensorShape weight, int? biasLength = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        int n = weight.Rank - 2;
        string[] names = n switch { 1 => ["width"], 2 => ["height", "width"], _ => ["depth", "height", "width"] };
        bool transposed = parameters.Kind == ConvKind.Transposed;
        var axes = new ConvAxis[n];
        int[] output = new int[n + 2];
        output[0] = input[0];
        output[1] = transposed ? weight[1] * parameters.Groups : weight[0];
        for (int i = 0; i < n; i++)
        {
            int begin = parameters.Padding.Begin[i], end = parameters.Padding.End[i];
            int ke = (parameters.Dilation[i] * (weight[i + 2] - 1)) + 1;
            int o = transposed
                ? ((input[i + 2] - 1) * parameters.Stride[i]) + ke - begin - end + parameters.OutputPadding[i]
                : ((input[i + 2] + begin + end - ke) / parameters.Stride[i]) + 1;
            output[i + 2] = o;
            axes[i] = new ConvAxis(names[i], input[i + 2], weight[i + 2], parameters.Stride[i], begin, end, parameters.Dilation[i], parameters.OutputPadding[i], o);
        }

        return new ConvShape(parameters, input, weight, new TensorShape(output), axes);
    }
}

/// <summary>One spatial axis of a <see cref="ConvShape"/>, all its numbers found.</summary>
/// <param name="Name">depth, height or width.</param>
/// <param name="Input">Input size.</param>
/// <param name="Kernel">Kernel size k.</param>
/// <param name="Stride">Stride.</param>
/// <param name="PadBegin">Padding (convolution) or crop (transposed) before the first element. Negative where "same" of a transposed convolution adds cells.</param>
/// <param name="PadEnd">Padding or crop after the last element.</param>
/// <param name="Dilation">Dilation; 1 is an ordinary kernel.</param>
/// <param name="OutputPadding">Cells added at the end of the output.</param>
/// <param name="Output">Output size.</param>
public sealed record ConvAxis(string Name, int Input, int Kernel, int Stride, int PadBegin, int PadEnd, int Dilation, int OutputPadding, int Output)
{
    /// <summary>Kernel size with the gaps of its dilation: <c>dilation * (k - 1) + 1</c>.</summary>
    public int EffectiveKernel => (Dilation * (Kernel - 1)) + 1;
}
