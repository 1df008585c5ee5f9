namespace DeconvService.Engine.Convolution;

/// <summary>One broken size rule, with its numbers as data.</summary>
/// <param name="Code">Stable name of the rule, one of <see cref="ConvFaultCodes"/>.</param>
/// <param name="Title">The rule in a few words.</param>
/// <param name="Detail">What was found and what was expected, in a sentence.</param>
/// <param name="Facts">The numbers of the sentence, by name, in the order in which they should be shown Values are <see cref="long"/>, <see cref="string"/> or <c>long[]</c>.</param>
/// <param name="Suggestions">
/// Single changes that were checked to work on all axes, smallest first; each a few named values: the changed parameter by its name in
/// the HTTP contract (<c>padding</c>: a pair per axis, <c>long[][]</c>; <c>stride</c>: a number, or one per axis where it was given so; <c>kernel</c>: one per axis; <c>fit</c>),
/// and what comes of it on the fault's axis: <c>output</c>, its size, and for <c>fit</c> <c>dropped</c>, the elements of the padded input after the last window.
/// </param>
public sealed record ConvFault(
    string Code,
    string Title,
    string Detail,
    IReadOnlyList<KeyValuePair<string, object>> Facts,
    IReadOnlyList<IReadOnlyList<KeyValuePair<string, object>>> Suggestions)
{
    internal static ConvFault Of(string code, string title, string detail, params IEnumerable<(string Name, object Value)> facts) =>
        new(code, title, detail, NamedValues(facts), []);

    internal static IReadOnlyList<KeyValuePair<string, object>> NamedValues(params IEnumerable<(string Name, object Value)> values) =>
        [.. values.Select(item => KeyValuePair.Create(item.Name, Widen(item.Value)))];

    // One type of number and one of list, so that a writer has few cases.
    private static object Widen(object value) => value switch
    {
        int number => (long)number,
        int[] numbers => Array.ConvertAll(numbers, number => (long)number),
        _ => value,
    };
}

/// <summary>The rules by their stable names.</summary>
public static class ConvFaultCodes
{
    /// <summary>A tensor has too few or too many axes, or input and weight have not the same number.</summary>
    public const string Rank = "rank-does-not-fit";

    /// <summary>A size of a tensor is zero or negative.</summary>
    public const string SizeNotPositive = "size-not-positive";

    /// <summary>Groups below 1, or they do not divide the channels.</summary>
    public const string Groups = "groups-do-not-fit";

    /// <summary>The weight is for another number of input channels.</summary>
    public const string Channels = "channels-do-not-match";

    /// <summary>There is not one bias an output channel.</summary>
    public const string BiasLength = "bias-does-not-match";

    /// <summary>A list has not one value an axis.</summary>
    public const string ValuesPerAxis = "values-per-axis";

    /// <summary>A parameter is below its smallest value.</summary>
    public const string OutOfRange = "parameter-out-of-range";

    /// <summary>A parameter of the other operator, or two that exclude each other.</summary>
    public const string DoesNotApply = "parameter-does-not-apply";

    /// <summary>The effective kernel is larger than the padded input.</summary>
    public const string KernelTooLarge = "kernel-too-large";

    /// <summary>More padding than the padding mode has elements for.</summary>
    public const string PaddingTooLarge = "padding-too-large";

    /// <summary>The stride leaves a remainder.</summary>
    public const string StrideDoesNotFit = "stride-does-not-fit";

    /// <summary>Output padding of max(stride, dilation) or more.</summary>
    public const string OutputPaddingTooLarge = "output-padding-too-large";

    /// <summary>More is cropped than there is.</summary>
    public const string OutputNotPositive = "output-not-positive";

    /// <summary>No output padding gives the wanted output size.</summary>
    public const string OutputSizeOutOfReach = "output-size-out-of-reach";

    /// <summary>A size or a product of sizes is more than can be counted.</summary>
    public const string Overflow = "size-overflow";
}

/// <summary>The sizes of a convolution do not fit together. Carries every broken rule, not the first only.</summary>
public sealed class ConvShapeException : Exception
{
    /// <summary>Makes the exception of at least one fault.</summary>
    public ConvShapeException(IReadOnlyList<ConvFault> faults)
        : base(string.Join("; ", faults.Select(fault => fault.Detail))) => Faults = faults;

    /// <summary>The broken rules: first those of the tensors as a whole and of single parameters, then the width's, the height's, the depth's.</summary>
    public IReadOnlyList<ConvFault> Faults { get; }
}
