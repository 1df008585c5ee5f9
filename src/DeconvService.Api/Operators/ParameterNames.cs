using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Operators;

/// <summary>The names of an operator's parameters on the wire.</summary>
internal static class ParameterNames
{
    /// <summary>The tensors of a request.</summary>
    public static readonly IReadOnlyList<string> Tensors = ["input", "weight", "bias"];

    /// <summary>Their sizes, in a request to the shape calculators.</summary>
    public static readonly IReadOnlyList<string> Shapes = ["inputShape", "weightShape", "biasShape"];

    private static readonly IReadOnlyList<string> Common = ["stride", "padding", "dilation", "groups", "accuracy"];
    private static readonly IReadOnlyList<string> ConvolutionOnly = ["paddingMode", "fit"];
    private static readonly IReadOnlyList<string> TransposedOnly = ["outputPadding", "outputSize"];

    /// <summary>The parameters of an operator.</summary>
    public static IReadOnlyList<string> Of(ConvKind kind) => [.. Common, .. kind == ConvKind.Convolution ? ConvolutionOnly : TransposedOnly];

    /// <summary>The fault for a name that is none of an operator's; a name of the other operator is explained.</summary>
    /// <param name="name">The name that was found.</param>
    /// <param name="kind">The operator.</param>
    /// <param name="known">All names that exist here, the tensors' included.</param>
    public static ServiceFault Unknown(string name, ConvKind kind, IReadOnlyList<string> known)
    {
        string? reason = name switch
        {
            "fit" when kind == ConvKind.Transposed => "the output of a transposed convolution fits any stride",
            "paddingMode" when kind == ConvKind.Transposed => "the padding of a transposed convolution crops its output, so nothing stands outside",
            "outputPadding" when kind == ConvKind.Convolution => "it chooses among the output sizes of a transposed convolution",
            "outputSize" when kind == ConvKind.Convolution => "the output size of a convolution follows from its input, kernel, stride and padding",
            _ => null,
        };
        if (reason is null)
            return FieldNames.Unknown(name, known);

        (string here, string there) = kind == ConvKind.Convolution ? ("conv", "conv-transpose") : ("conv-transpose", "conv");
        return new ServiceFault(ServiceErrorKind.UnknownField, $"{name} is a parameter of {there}, not of {here}: {reason}")
        {
            Facts = [new("field", name), new("operator", there), new("known", known.ToArray())],
        };
    }
}
