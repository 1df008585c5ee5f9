namespace DeconvService.Engine.Convolution;

/// <summary>What is asked of a convolution or transposed convolution, as plain data that nobody has checked yet.</summary>
/// <remarks>
/// Formulas per axis, with <c>ke = dilation * (k - 1) + 1</c>:
/// convolution <c>(D + begin + end - ke) / stride + 1</c>;
/// transposed convolution <c>(D - 1) * stride + ke - begin - end + outputPadding</c>.
/// <see cref="ConvShape"/> checks the parameters against the sizes of the tensors.
/// </remarks>
public sealed record ConvParameters
{
    /// <summary>Convolution (cross-correlation) or its adjoint, transposed convolution.</summary>
    public ConvKind Kind { get; init; }

    /// <summary>Distance between window positions (convolution) or between input elements in the output (transposed).</summary>
    public PerAxis Stride { get; init; } = 1;

    /// <summary>Elements added (convolution) or cropped (transposed) around each axis.</summary>
    public ConvPadding Padding { get; init; } = 0;

    /// <summary>Distance between the kernel's taps; 1 is an ordinary kernel.</summary>
    public PerAxis Dilation { get; init; } = 1;

    /// <summary>Number of independent channel groups; divides C and F.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>What stands outside of the input. Convolution only.</summary>
    public PaddingMode PaddingMode { get; init; }

    /// <summary>Whether a remainder of the stride is an error or dropped. Convolution only.</summary>
    public ConvFit Fit { get; init; }

    /// <summary>Elements added at the end of each output axis; less than max(stride, dilation). Transposed convolution only.</summary>
    public PerAxis OutputPadding { get; init; } = 0;

    /// <summary>The wanted output size of each axis, from which the output padding is found; null when none is wanted. Transposed convolution only.</summary>
    public PerAxis? OutputSize { get; init; }

    /// <summary>How exact the arithmetic has to be.</summary>
    public Accuracy Accuracy { get; init; }
}

/// <summary>The two operators.</summary>
public enum ConvKind
{
    /// <summary>Cross-correlation, as in every CNN framework; weight <c>[F, C/groups, k1..kn]</c>.</summary>
    Convolution,

    /// <summary>The adjoint of convolution ("deconvolution"); weight <c>[C, F/groups, k1..kn]</c>.</summary>
    Transposed,
}

/// <summary>What a convolution sees outside of its input (PyTorch's meanings).</summary>
public enum PaddingMode
{
    /// <summary>Zeros.</summary>
    Zeros,

    /// <summary>Mirrored about the first and last element, which are not repeated; padding must be less than the size.</summary>
    Reflect,

    /// <summary>The nearest element of the border.</summary>
    Replicate,

    /// <summary>The other end of the axis; padding must not exceed the size.</summary>
    Circular,
}

/// <summary>What to do where the stride does not divide <c>D + padding - effective kernel</c>.</summary>
public enum ConvFit
{
    /// <summary>An error that explains itself.</summary>
    Exact,

    /// <summary>Drop the remainder at the end of the axis, as PyTorch and ONNX do.</summary>
    Floor,
}

/// <summary>How exact the arithmetic has to be.</summary>
public enum Accuracy
{
    /// <summary>Fast algorithms within 2e-5 of the largest value.</summary>
    Default,

    /// <summary>Every product is computed directly.</summary>
    Exact,

    /// <summary>A little more error is traded for speed.</summary>
    Fast,
}
