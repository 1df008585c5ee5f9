namespace DeconvService.Engine.Convolution;

/// <summary>One spatial axis of a <see cref="ConvShape"/>, all its numbers found.</summary>
/// <param name="Name">depth, height or width.</param>
/// <param name="Input">Input size D.</param>
/// <param name="Kernel">Kernel size k.</param>
/// <param name="Stride">Stride.</param>
/// <param name="PadBegin">Padding (convolution) or crop (transposed) before the first element, at least 0.</param>
/// <param name="PadEnd">Padding or crop after the last element, at least 0.</param>
/// <param name="Dilation">Dilation; 1 is an ordinary kernel.</param>
/// <param name="OutputPadding">Cells added at the end of the output of a transposed convolution.</param>
/// <param name="Output">Output size.</param>
/// <remarks>
/// The padded input <c>D + begin + end</c> of a convolution, the uncropped output <c>(D - 1) * stride + ke</c> of a transposed one, and
/// the effective kernel ke each fit an <see cref="int"/>, and so does every index into them.
/// </remarks>
public sealed record ConvAxis(string Name, int Input, int Kernel, int Stride, int PadBegin, int PadEnd, int Dilation, int OutputPadding, int Output)
{
    /// <summary>Convolution or transposed convolution.</summary>
    public ConvKind Kind { get; init; }

    /// <summary>Kernel size with the gaps of its dilation: <c>dilation * (k - 1) + 1</c>.</summary>
    public int EffectiveKernel => (Dilation * (Kernel - 1)) + 1;

    /// <summary>Convolution: elements of the padded input after the last window, which the floor of the division drops. 0 when transposed.</summary>
    public int Remainder => Kind == ConvKind.Transposed ? 0 : Input + PadBegin + PadEnd - EffectiveKernel - ((Output - 1) * Stride);

    /// <summary>The output size as a calculation, for instance <c>(55 + 20 + 20 - 21)/1 + 1 = 75</c> or <c>(55 - 1)*2 + 4 - 1 - 1 + 0 = 110</c>.</summary>
    public string Formula
    {
        get
        {
            if (Kind == ConvKind.Transposed)
                return $"({Input} - 1)*{Stride} + {EffectiveKernel} - {PadBegin} - {PadEnd} + {OutputPadding} = {Output}";

            string quotient = $"({Input} + {PadBegin} + {PadEnd} - {EffectiveKernel})/{Stride}";
            return Remainder == 0 ? $"{quotient} + 1 = {Output}" : $"floor({quotient}) + 1 = {Output}";
        }
    }

    // Width is the last axis, whatever their number.
    internal static string NameOf(int axis, int spatialRank) => (spatialRank - axis) switch
    {
        1 => "width",
        2 => "height",
        _ => "depth",
    };
}
