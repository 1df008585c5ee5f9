namespace DeconvService.Engine.Convolution;

/// <summary>The rules of one spatial axis. Every intermediate value is below 2^63 whatever the 32-bit inputs are.</summary>
internal sealed class ConvAxisRules
{
    private readonly ConvRules _rules;
    private readonly List<ConvFault> _faults;
    private readonly ConvParameters _parameters;

    /// <summary>Finds the numbers of an axis and adds what is broken to <paramref name="faults"/>.</summary>
    internal ConvAxisRules(ConvRules rules, int axis, List<ConvFault> faults)
    {
        (_rules, _faults, _parameters) = (rules, faults, rules.Parameters);
        Index = axis;
        Name = ConvAxis.NameOf(axis, rules.SpatialRank);
        (Input, Kernel) = (rules.Input[axis + 2], rules.Weight[axis + 2]);
        (Stride, Dilation) = (_parameters.Stride[axis], _parameters.Dilation[axis]);
        if (!HasValidNumbers)
            return;

        EffectiveKernel = (Dilation * (Kernel - 1)) + 1;
        (Begin, End) = ResolvePadding();
        Solved = Solve();
    }

    /// <summary>The axis with all its numbers, or null when some rule of it is broken.</summary>
    internal ConvAxis? Solved { get; }

    internal int Index { get; }

    internal string Name { get; }

    internal long Input { get; }

    internal long Kernel { get; }

    internal long Stride { get; }

    internal long Dilation { get; }

    internal long EffectiveKernel { get; }

    internal long Begin { get; }

    internal long End { get; }

    /// <summary>Convolution: how far the window can move. Negative when it does not fit in at all.</summary>
    internal long Span => Input + Begin + End - EffectiveKernel;

    /// <summary>Transposed convolution: the output size without output padding.</summary>
    internal long SmallestOutput => ((Input - 1) * Stride) + EffectiveKernel - Begin - End;

    /// <summary>Transposed convolution: output padding must be below this.</summary>
    internal long OutputPaddingLimit => Math.Max(Stride, Dilation);

    private bool IsSame => _parameters.Padding.Rule is ConvPaddingRule.SameUpper or ConvPaddingRule.SameLower;

    /// <summary>Whether sizes and parameters of this axis are each within their range; if not, that was reported elsewhere.</summary>
    internal bool HasValidNumbers =>
        Input >= 1 && Kernel >= 1 && Stride >= 1 && Dilation >= 1
        && (_parameters.Padding.Rule != ConvPaddingRule.Explicit || (_parameters.Padding.Begin[Index] >= 0 && _parameters.Padding.End[Index] >= 0));

    private ConvAxis? Solve()
    {
        int before = _faults.Count;
        (long outputPadding, long output) = _rules.IsTransposed ? SolveTransposed() : (0, SolveConvolution());
        return _faults.Count > before
            ? null
            : new ConvAxis(Name, (int)Input, (int)Kernel, (int)Stride, (int)Begin, (int)End, (int)Dilation, (int)outputPadding, (int)output) { Kind = _parameters.Kind };
    }

    private (long Begin, long End) ResolvePadding()
    {
        if (_parameters.Padding.Rule == ConvPaddingRule.Explicit)
            return (_parameters.Padding.Begin[Index], _parameters.Padding.End[Index]);
        if (!IsSame)
            return (0, 0);

        long total = _rules.IsTransposed
            ? EffectiveKernel - Stride
            : ((CeilDiv(Input, Stride) - 1) * Stride) + EffectiveKernel - Input;
        total = Math.Max(0, total);
        long less = total / 2, more = total - less;
        return _parameters.Padding.Rule == ConvPaddingRule.SameUpper ? (less, more) : (more, less);
    }

    private long SolveConvolution()
    {
        CheckPaddingMode();
        if (Span < 0)
        {
            Add(
                ConvFaultCodes.KernelTooLarge,
                $"The kernel is larger than the padded {Name}",
                $"{Name} does not work: the kernel covers {EffectiveKernel} elements, the padded input has only ({Input} + {Begin} + {End}) = {Input + Begin + End}");
            return 0;
        }

        if (Input + Begin + End > int.MaxValue)
            AddOverflow("padded input", Input + Begin + End);

        long remainder = Span % Stride;
        if (remainder != 0 && _parameters.Fit == ConvFit.Exact && !IsSame)
        {
            Add(
                ConvFaultCodes.StrideDoesNotFit,
                $"The stride does not fit the {Name}",
                $"{Name} does not work: ({Input} + {Begin} + {End} - {EffectiveKernel}) = {Span} is not a multiple of stride {Stride} (remainder {remainder})",
                ("remainder", remainder));
        }

        return (Span / Stride) + 1;
    }

    private void CheckPaddingMode()
    {
        long largest = _parameters.PaddingMode switch
        {
            PaddingMode.Reflect => Input - 1,
            PaddingMode.Circular => Input,
            _ => long.MaxValue,
        };
        if (Begin <= largest && End <= largest)
            return;

        string mode = _parameters.PaddingMode == PaddingMode.Reflect ? "reflect" : "circular";
        Add(
            ConvFaultCodes.PaddingTooLarge,
            $"The padding is too large for the {Name}",
            $"{Name} does not work: padding [{Begin}, {End}] of mode {mode} is at most {largest} for an input of {Input}",
            ("paddingMode", mode),
            ("largest", largest));
    }

    private (long OutputPadding, long Output) SolveTransposed()
    {
        long full = ((Input - 1) * Stride) + EffectiveKernel, smallest = SmallestOutput, limit = OutputPaddingLimit;
        if (IsSame)
            return SolveTransposedSame(full);

        if (full > int.MaxValue)
            AddOverflow("uncropped output", full);

        if (_parameters.OutputSize is { } wanted)
        {
            if (smallest + limit - 1 < 1)
                AddNotPositive(smallest + limit - 1);
            else if (wanted[Index] >= 1 && (wanted[Index] < smallest || wanted[Index] > smallest + limit - 1))
                AddOutOfReach(wanted[Index], Math.Max(1, smallest), smallest + limit - 1);

            return (wanted[Index] - smallest, wanted[Index]);
        }

        long outputPadding = _parameters.OutputPadding[Index];
        if (outputPadding >= limit)
        {
            Add(
                ConvFaultCodes.OutputPaddingTooLarge,
                $"The output padding of the {Name} is too large",
                $"{Name} does not work: output padding {outputPadding} must be less than {limit}, the larger of stride {Stride} and dilation {Dilation}",
                ("outputPadding", outputPadding),
                ("largest", limit - 1));
        }

        long output = smallest + outputPadding;
        if (output < 1)
            AddNotPositive(output);
        else if (output > int.MaxValue && full <= int.MaxValue)
            AddOverflow("output", output);

        return (outputPadding, output);
    }

    private (long OutputPadding, long Output) SolveTransposedSame(long full)
    {
        long output = Input * Stride;
        if (Math.Max(full, output) > int.MaxValue)
            AddOverflow("uncropped output", Math.Max(full, output));
        if (_parameters.OutputSize is { } wanted && wanted[Index] >= 1 && wanted[Index] != output)
            AddOutOfReach(wanted[Index], output, output);

        return (output - SmallestOutput, output);
    }

    private void AddOutOfReach(long wanted, long from, long to)
    {
        string range = from == to ? $"{from} only" : $"{from} to {to}";
        Add(
            ConvFaultCodes.OutputSizeOutOfReach,
            $"The {Name} cannot have the wanted size",
            $"{Name} does not work: output size {wanted} is out of reach, ({Input} - 1)*{Stride} + {EffectiveKernel} - {Begin} - {End} and output padding below {OutputPaddingLimit} give {range}",
            ("outputSize", wanted),
            ("reachable", new[] { from, to }));
    }

    private void AddNotPositive(long output) => Add(
        ConvFaultCodes.OutputNotPositive,
        $"Nothing is left of the {Name}",
        $"{Name} does not work: padding [{Begin}, {End}] crops ({Input} - 1)*{Stride} + {EffectiveKernel} = {((Input - 1) * Stride) + EffectiveKernel} to {output}, expected at least 1",
        ("output", output));

    private void AddOverflow(string what, long value) => Add(
        ConvFaultCodes.Overflow,
        $"The {Name} is too large",
        $"{Name} does not work: its {what} of {value} elements is over {int.MaxValue}",
        ("value", value),
        ("largest", int.MaxValue));

    private void Add(string code, string title, string detail, params IEnumerable<(string, object)> more) =>
        _faults.Add(ConvFault.Of(
            code,
            title,
            detail,
            [
                ("axis", Name), ("input", Input), ("padding", new[] { Begin, End }), ("kernel", Kernel), ("dilation", Dilation),
                ("effectiveKernel", EffectiveKernel), ("stride", Stride), .. more,
            ]));

    internal static long CeilDiv(long value, long divisor) => value > 0 ? ((value - 1) / divisor) + 1 : value / divisor;
}
