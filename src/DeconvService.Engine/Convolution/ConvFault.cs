namespace DeconvService.Engine.Convolution;

/// <summary>One broken size rule, with its numbers as data.</summary>
/// <param name="Code">Stable name of the rule, such as <c>stride-does-not-fit</c>.</param>
/// <param name="Title">The rule in a few words.</param>
/// <param name="Detail">What was found and what was expected, in a sentence.</param>
/// <param name="Facts">The numbers of the sentence, by name, in the order in which they should be shown (numbers, strings, arrays of numbers).</param>
/// <param name="Suggestions">Single changes that were checked to work on all axes, smallest first; each a few named values.</param>
public sealed record ConvFault(
    string Code,
    string Title,
    string Detail,
    IReadOnlyList<KeyValuePair<string, object>> Facts,
    IReadOnlyList<IReadOnlyList<KeyValuePair<string, object>>> Suggestions);

/// <summary>The sizes of a convolution do not fit together. Carries every broken rule, not the first only.</summary>
public sealed class ConvShapeException : Exception
{
    /// <summary>Makes the exception of at least one fault.</summary>
    public ConvShapeException(IReadOnlyList<ConvFault> faults)
        : base(string.Join("; ", faults.Select(fault => fault.Detail))) => Faults = faults;

    /// <summary>The broken rules; the width's before the height's before the depth's.</summary>
    public IReadOnlyList<ConvFault> Faults { get; }
}
