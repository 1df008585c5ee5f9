namespace DeconvService.Engine.Convolution;

/// <summary>Padding as it is asked for: numbers, or a rule that finds them.</summary>
public readonly record struct ConvPadding
{
    /// <summary>How the numbers are found.</summary>
    public ConvPaddingRule Rule { get; private init; }

    /// <summary>Elements before the first, per axis. Only with <see cref="ConvPaddingRule.Explicit"/>.</summary>
    public PerAxis Begin { get; private init; }

    /// <summary>Elements after the last, per axis. Only with <see cref="ConvPaddingRule.Explicit"/>.</summary>
    public PerAxis End { get; private init; }

    /// <summary>No padding.</summary>
    public static ConvPadding Valid { get; } = new() { Rule = ConvPaddingRule.Valid };

    /// <summary>Output size <c>ceil(D / stride)</c>; an odd rest of the padding goes to the end.</summary>
    public static ConvPadding SameUpper { get; } = new() { Rule = ConvPaddingRule.SameUpper };

    /// <summary>Output size <c>ceil(D / stride)</c>; an odd rest of the padding goes to the beginning.</summary>
    public static ConvPadding SameLower { get; } = new() { Rule = ConvPaddingRule.SameLower };

    /// <summary>The same number at both ends.</summary>
    public static ConvPadding Symmetric(PerAxis padding) => new() { Begin = padding, End = padding };

    /// <summary>Numbers for the beginning and the end of each axis.</summary>
    public static ConvPadding Pairs(PerAxis begin, PerAxis end) => new() { Begin = begin, End = end };

    /// <summary>The same number at both ends of all axes.</summary>
    public static implicit operator ConvPadding(int padding) => Symmetric(padding);
}

/// <summary>How padding is found.</summary>
public enum ConvPaddingRule
{
    /// <summary>It is given.</summary>
    Explicit,

    /// <summary>None.</summary>
    Valid,

    /// <summary>As much as the output size <c>ceil(D / stride)</c> needs, the odd rest at the end (TensorFlow's SAME).</summary>
    SameUpper,

    /// <summary>The same, the odd rest at the beginning.</summary>
    SameLower,
}
