using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Operators;

/// <summary>What a combination of sizes and parameters gives, before anybody computes it.</summary>
internal sealed record ShapeAnswer
{
    /// <summary>Sizes of the output (N, F, O1..On).</summary>
    public required IReadOnlyList<int> OutputShape { get; init; }

    /// <summary>The spatial axes, outermost first.</summary>
    public required IReadOnlyList<ShapeAxis> Axes { get; init; }

    /// <summary>Multiplications that the plain formula takes, each with an addition.</summary>
    public required long MultiplyAdds { get; init; }

    /// <summary>Numbers in weight and bias.</summary>
    public required long Parameters { get; init; }

    /// <summary>Bytes of the output as float32.</summary>
    public required long OutputBytes { get; init; }

    /// <summary>What bites people in this combination.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>The answer for checked sizes.</summary>
    public static ShapeAnswer Of(ConvShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return new ShapeAnswer
        {
            OutputShape = shape.Output.Sizes.ToArray(),
            Axes = [.. shape.Axes.Select(ShapeAxis.Of)],
            MultiplyAdds = shape.MultiplyAdds,
            Parameters = shape.ParameterCount,
            OutputBytes = shape.OutputBytes,
            Notes = shape.Notes,
        };
    }
}

/// <summary>One spatial axis, all its numbers found.</summary>
/// <param name="Name">depth, height or width.</param>
/// <param name="Input">Input size.</param>
/// <param name="Kernel">Kernel size k.</param>
/// <param name="EffectiveKernel">Kernel size with the gaps of its dilation.</param>
/// <param name="Stride">Stride.</param>
/// <param name="Dilation">Dilation; 1 is an ordinary kernel.</param>
/// <param name="Padding">Begin and end.</param>
/// <param name="OutputPadding">Cells added at the end of the output (transposed convolution).</param>
/// <param name="Output">Output size.</param>
/// <param name="Formula">The size rule with its numbers.</param>
internal sealed record ShapeAxis(
    string Name,
    int Input,
    int Kernel,
    int EffectiveKernel,
    int Stride,
    int Dilation,
    IReadOnlyList<int> Padding,
    int OutputPadding,
    int Output,
    string Formula)
{
    /// <summary>The axis of the engine.</summary>
    public static ShapeAxis Of(ConvAxis axis) => new(
        axis.Name,
        axis.Input,
        axis.Kernel,
        axis.EffectiveKernel,
        axis.Stride,
        axis.Dilation,
        [axis.PadBegin, axis.PadEnd],
        axis.OutputPadding,
        axis.Output,
        axis.Formula);
}
