using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Convolution;

/// <summary>
/// The rules that concern the tensors as a whole and single parameters: ranks, sizes, channels, bias, lists, ranges. What is left to
/// each axis is in <see cref="ConvAxisRules"/>. All arithmetic is in 64 bits or saturates.
/// </summary>
/// <remarks>
/// Parameters of the other operator are refused here where they would have changed something (a padding mode or fit of a transposed
/// convolution, output padding or output size of a convolution). Whether a client may write them with their default is the host's question.
/// </remarks>
internal sealed class ConvRules
{
    private readonly List<ConvFault> _general = [];
    private readonly List<ConvFault> _axisFaults = [];
    private readonly List<ConvAxisRules> _axes = [];

    internal ConvRules(ConvParameters parameters, int[] input, int[] weight, int? biasLength)
    {
        (Parameters, Input, Weight, BiasLength) = (parameters, input, weight, biasLength);
        CheckRanks();
        CheckPositive("input", input);
        CheckPositive("weight", weight);
        CheckChannels();
        CheckApplicable();
        if (weight.Length is >= 3 and <= 5)
            CheckValues();

        CheckCount("input", input);
        CheckCount("weight", weight);
        // The axes are looked at once they can be: both tensors have them, and each has its numbers.
        if (input.Length == weight.Length && weight.Length is >= 3 and <= 5 && HasValuePerAxis)
            CheckAxes();
    }

    internal ConvParameters Parameters { get; }

    internal int[] Input { get; }

    internal int[] Weight { get; }

    internal int? BiasLength { get; }

    /// <summary>Null while some rule is broken.</summary>
    internal ConvShape? Shape { get; private set; }

    /// <summary>Broken rules of tensors and single parameters.</summary>
    internal IReadOnlyList<ConvFault> General => _general;

    /// <summary>Broken rules of the axes, the width's first.</summary>
    internal IReadOnlyList<ConvFault> AxisFaults => _axisFaults;

    /// <summary>The axes, outermost first; none where ranks or lists are wrong.</summary>
    internal IReadOnlyList<ConvAxisRules> Axes => _axes;

    internal bool IsTransposed => Parameters.Kind == ConvKind.Transposed;

    internal int SpatialRank => Weight.Length - 2;

    private bool HasValuePerAxis { get; set; } = true;

    private string Operator => IsTransposed ? "conv-transpose" : "conv";

    private void CheckRanks()
    {
        bool weightFits = Weight.Length is >= 3 and <= 5;
        if (!weightFits)
        {
            _general.Add(ConvFault.Of(
                ConvFaultCodes.Rank,
                "The weight has not the right number of axes",
                $"the weight {Show(Weight)} has {CountAxes(Weight.Length)}, expected 3, 4 or 5: two of channels and one, two or three of the kernel",
                ("weight", Weight)));
        }

        if (weightFits ? Input.Length != Weight.Length : Input.Length is < 3 or > 5)
        {
            string expected = weightFits ? $"{Weight.Length} as the weight {Show(Weight)}" : "3, 4 or 5";
            _general.Add(ConvFault.Of(
                ConvFaultCodes.Rank,
                "The input has not the right number of axes",
                $"the input {Show(Input)} has {CountAxes(Input.Length)}, expected {expected}: batch, channels and one, two or three of space",
                ("input", Input),
                ("weight", Weight)));
        }
    }

    private void CheckPositive(string name, int[] sizes)
    {
        if (sizes.Any(size => size < 1))
        {
            _general.Add(ConvFault.Of(
                ConvFaultCodes.SizeNotPositive,
                $"A size of the {name} is not positive",
                $"the {name} {Show(sizes)} has a size below 1",
                (name, sizes)));
        }
    }

    private void CheckChannels()
    {
        int groups = Parameters.Groups;
        if (groups < 1)
        {
            _general.Add(ConvFault.Of(
                ConvFaultCodes.Groups, "The number of groups is not positive", $"groups is {groups}, expected at least 1", ("groups", groups)));
            return;
        }

        if (Input.Length < 2 || Weight.Length < 2 || Input[1] < 1 || Weight[0] < 1 || Weight[1] < 1)
            return;

        int channels = Input[1];
        if (channels % groups != 0)
            AddGroups("input", channels);
        if (!IsTransposed && Weight[0] % groups != 0)
            AddGroups("output", Weight[0]);

        long weightChannels = IsTransposed ? Weight[0] : (long)Weight[1] * groups;
        if (weightChannels != channels)
            AddChannelMismatch(channels, weightChannels);

        long outputs = IsTransposed ? (long)Weight[1] * groups : Weight[0];
        if (outputs > int.MaxValue)
            AddOverflow("the output channels", outputs.ToString());
        if (BiasLength is { } length && length != outputs)
        {
            _general.Add(ConvFault.Of(
                ConvFaultCodes.BiasLength,
                "The bias does not match the output channels",
                $"the bias has {length} numbers, expected one for each of the {outputs} output channels",
                ("bias", length),
                ("outputChannels", outputs)));
        }
    }

    private void AddGroups(string name, int channels) => _general.Add(ConvFault.Of(
        ConvFaultCodes.Groups,
        $"The groups do not divide the {name} channels",
        $"groups {Parameters.Groups} does not divide the {channels} {name} channels (remainder {channels % Parameters.Groups})",
        ("groups", Parameters.Groups),
        ($"{name}Channels", channels)));

    private void AddChannelMismatch(int channels, long weightChannels)
    {
        int groups = Parameters.Groups;
        string found = IsTransposed
            ? $"the input has {channels} channels, but the weight {Show(Weight)} is for {weightChannels} (its first axis)"
            : $"the input has {channels} channels, but the weight {Show(Weight)} is for {weightChannels} (its second axis {Weight[1]} x groups {groups})";
        // Either as it stands in the other operator's layout, or simply with its first two axes swapped.
        bool otherLayout = IsTransposed
            ? Weight[1] == channels || (long)Weight[1] * groups == channels
            : Weight[0] == channels || (long)Weight[0] * groups == channels;
        List<(string, object)> facts = [("inputChannels", channels), ("weightChannels", weightChannels), ("weight", Weight), ("groups", groups)];
        if (otherLayout)
        {
            string hint = IsTransposed
                ? "conv-transpose weights are (C, F/groups, k1..kn); this looks like the layout of conv, (F, C/groups, k1..kn): swap the first two axes"
                : "conv weights are (F, C/groups, k1..kn); this looks like the layout of conv-transpose, (C, F/groups, k1..kn): swap the first two axes";
            found += $"; {hint}";
            facts.Add(("hint", hint));
        }

        _general.Add(ConvFault.Of(ConvFaultCodes.Channels, "The weight does not match the input channels", found, facts));
    }

    private void CheckApplicable()
    {
        if (IsTransposed)
        {
            if (Parameters.PaddingMode != PaddingMode.Zeros)
                AddNotApplicable("paddingMode", "conv-transpose crops its output and has no padding mode");
            if (Parameters.Fit != ConvFit.Exact)
                AddNotApplicable("fit", "conv-transpose divides nothing, so there is nothing to fit");
            if (Parameters.OutputPadding.AnyNonZero && Parameters.OutputSize is not null)
                AddNotApplicable("outputPadding", "outputSize finds the output padding; give one of the two");
            if (IsSame && Parameters.OutputPadding.AnyNonZero)
                AddNotApplicable("outputPadding", "padding same finds the output padding");
            return;
        }

        if (Parameters.OutputPadding.AnyNonZero)
            AddNotApplicable("outputPadding", "conv has no output padding");
        if (Parameters.OutputSize is not null)
            AddNotApplicable("outputSize", "the output size of conv follows from its other parameters");
    }

    private bool IsSame => Parameters.Padding.Rule is ConvPaddingRule.SameUpper or ConvPaddingRule.SameLower;

    private void AddNotApplicable(string field, string reason) => _general.Add(ConvFault.Of(
        ConvFaultCodes.DoesNotApply, $"{field} does not apply", $"{field} does not apply: {reason}", ("field", field), ("operator", Operator)));

    private void CheckValues()
    {
        CheckValues("stride", Parameters.Stride, 1);
        CheckValues("dilation", Parameters.Dilation, 1);
        if (Parameters.Padding.Rule == ConvPaddingRule.Explicit)
        {
            CheckValues("padding", Parameters.Padding.Begin, 0);
            if (Parameters.Padding.End != Parameters.Padding.Begin)
                CheckValues("padding", Parameters.Padding.End, 0);
        }

        CheckValues("outputPadding", Parameters.OutputPadding, 0);
        if (Parameters.OutputSize is { } outputSize)
            CheckValues("outputSize", outputSize, 1);
    }

    private void CheckValues(string field, PerAxis values, int minimum)
    {
        if (!values.IsUniform && values.Count != SpatialRank)
        {
            HasValuePerAxis = false;
            _general.Add(ConvFault.Of(
                ConvFaultCodes.ValuesPerAxis,
                $"{field} has not one value an axis",
                $"{field} {values} has {values.Count} values, expected one number or {SpatialRank}, one for each spatial axis",
                ("field", field),
                ("count", values.Count),
                ("expected", SpatialRank)));
        }

        for (int i = values.Count - 1; i >= 0; i--)
        {
            if (values[i] >= minimum)
                continue;

            string? axis = values.IsUniform || values.Count != SpatialRank ? null : ConvAxis.NameOf(i, SpatialRank);
            List<(string, object)> facts = [("field", field), ("value", values[i]), ("minimum", minimum)];
            if (axis is not null)
                facts.Insert(0, ("axis", axis));

            string where = axis is null ? "" : $" of the {axis}";
            _general.Add(ConvFault.Of(
                ConvFaultCodes.OutOfRange, $"{field} is too small", $"{field}{where} is {values[i]}, expected at least {minimum}", facts));
        }
    }

    private void CheckAxes()
    {
        for (int i = SpatialRank - 1; i >= 0; i--)
            _axes.Insert(0, new ConvAxisRules(this, i, _axisFaults));

        ConvAxis[] axes = [.. _axes.Select(axis => axis.Solved).OfType<ConvAxis>()];
        if (axes.Length < SpatialRank || _general.Count > 0)
            return;

        int channels = IsTransposed ? Weight[1] * Parameters.Groups : Weight[0];
        int[] output = [Input[0], channels, .. axes.Select(axis => axis.Output)];
        CheckCount("output", output);
        Int128 products = (Int128)CountOrMax(IsTransposed ? Input : output) * (CountOrMax(Weight) / Weight[0]);
        if (products > long.MaxValue)
            AddOverflow("the number of multiply-adds", products.ToString());
        if (_general.Count == 0)
            Shape = new ConvShape(Parameters, new TensorShape(Input), new TensorShape(Weight), new TensorShape(output), axes, BiasLength is not null);
    }

    // Bytes are counted in 64 bits too, hence the factor.
    private void CheckCount(string name, int[] sizes)
    {
        if (CountOrMax(sizes) > long.MaxValue / sizeof(float))
            AddOverflow($"the element count of the {name} {Show(sizes)}", $"more than {long.MaxValue / sizeof(float)}");
    }

    private static long CountOrMax(int[] sizes)
    {
        Int128 count = 1;
        foreach (int size in sizes)
            count = size < 1 ? 0 : Int128.Min(count * size, long.MaxValue);

        return (long)count;
    }

    private void AddOverflow(string what, string value) => _general.Add(ConvFault.Of(
        ConvFaultCodes.Overflow, "The sizes are too large to be counted", $"{what} is too large: {value}", ("what", what), ("value", value)));

    internal static string Show(int[] sizes) => $"[{string.Join(", ", sizes)}]";

    private static string CountAxes(int count) => count == 1 ? "1 axis" : $"{count} axes";
}
