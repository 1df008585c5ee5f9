namespace DeconvService.Engine.Convolution;

/// <summary>
/// Finds single changes that make sizes fit: a padding, a stride, a kernel, <c>fit: floor</c>, in this order because each changes more of
/// the layer than the one before. Of each kind the smallest change is taken; with it the shape is really checked, all axes, before it is offered.
/// The work is bounded whatever the sizes are (at most some ten thousand steps, for the divisors of one number).
/// </summary>
internal static class ConvSuggestions
{
    private sealed record Change(string Name, object Value, ConvParameters Parameters, int[] Weight);

    /// <summary>All faults of <paramref name="rules"/>, with suggestions where there are some.</summary>
    internal static IReadOnlyList<ConvFault> AddTo(ConvRules rules)
    {
        IReadOnlyList<(Change Change, ConvRules Rules)> working = [.. Changes(rules).Select(attempts => FirstThatWorks(rules, attempts)).OfType<(Change, ConvRules)>()];
        return [.. rules.General, .. rules.AxisFaults.Select(fault => fault with { Suggestions = [.. working.Select(item => Describe(fault, item.Change, item.Rules))] })];
    }

    // Attempts of each kind, the smallest change first.
    private static IEnumerable<IEnumerable<Change>> Changes(ConvRules rules)
    {
        // No change elsewhere mends a stride of 0, and what is computed with it means nothing.
        if (rules.Axes.Any(axis => !axis.HasValidNumbers))
            yield break;

        bool strideFails = Fails(rules, ConvFaultCodes.StrideDoesNotFit);
        if (strideFails || Fails(rules, ConvFaultCodes.KernelTooLarge) || Fails(rules, ConvFaultCodes.OutputSizeOutOfReach))
            yield return Paddings(rules);

        if (!strideFails)
            yield break;

        yield return Strides(rules);
        yield return Kernels(rules);
        yield return [new Change("fit", "floor", rules.Parameters with { Fit = ConvFit.Floor }, rules.Weight)];
    }

    private static bool Fails(ConvRules rules, string code) => rules.AxisFaults.Any(fault => string.Equals(fault.Code, code, StringComparison.Ordinal));

    private static (Change, ConvRules)? FirstThatWorks(ConvRules rules, IEnumerable<Change> attempts)
    {
        foreach (Change change in attempts)
        {
            var changed = new ConvRules(change.Parameters, rules.Input, change.Weight, rules.BiasLength);
            if (changed.Axes.All(axis => axis.Solved is not null) && changed.General.Count <= rules.General.Count)
                return (change, changed);
        }

        return null;
    }

    private static IReadOnlyList<KeyValuePair<string, object>> Describe(ConvFault fault, Change change, ConvRules changed)
    {
        object name = fault.Facts.First(fact => string.Equals(fact.Key, "axis", StringComparison.Ordinal)).Value;
        ConvAxis axis = changed.Axes.First(item => name.Equals(item.Name)).Solved!;
        List<(string, object)> values = [(change.Name, change.Value), ("output", axis.Output)];
        if (change.Parameters.Fit == ConvFit.Floor && change.Value is string)
            values.Add(("dropped", axis.Remainder));

        return ConvFault.NamedValues(values);
    }

    private static IEnumerable<Change> Paddings(ConvRules rules)
    {
        foreach (PaddingStep step in (PaddingStep[])[PaddingStep.Smaller, PaddingStep.Add, PaddingStep.Remove])
        {
            (long Begin, long End)[] pairs = [.. rules.Axes.Select(axis => Pad(axis, PaddingStepOf(rules, axis, step)))];
            if (pairs.Any(pair => pair.Begin < 0 || pair.End < 0 || pair.Begin > int.MaxValue || pair.End > int.MaxValue))
                continue;

            int[] begin = [.. pairs.Select(pair => (int)pair.Begin)], end = [.. pairs.Select(pair => (int)pair.End)];
            object value = pairs.Select(pair => new[] { pair.Begin, pair.End }).ToArray();
            yield return new Change("padding", value, rules.Parameters with { Padding = ConvPadding.Pairs(begin, end) }, rules.Weight);
        }
    }

    private enum PaddingStep
    {
        Smaller,
        Add,
        Remove,
    }

    // By how much the sum of an axis' padding has to change: 0 where it works as it is.
    private static long PaddingStepOf(ConvRules rules, ConvAxisRules axis, PaddingStep step)
    {
        if (axis.Solved is not null)
            return 0;
        if (rules.IsTransposed)
            return rules.Parameters.OutputSize is { } wanted ? CropStep(axis, wanted[axis.Index]) : 0;
        if (axis.Span < 0)
            return -axis.Span;

        long remainder = rules.Parameters.Fit == ConvFit.Exact ? axis.Span % axis.Stride : 0;
        if (remainder == 0)
            return 0;

        long add = axis.Stride - remainder;
        bool canRemove = axis.Begin + axis.End >= remainder;
        return step == PaddingStep.Remove || (step == PaddingStep.Smaller && canRemove && remainder < add) ? -remainder : add;
    }

    private static long CropStep(ConvAxisRules axis, long wanted)
    {
        long smallest = axis.SmallestOutput, largest = smallest + axis.OutputPaddingLimit - 1;
        return wanted < smallest ? smallest - wanted : wanted > largest ? largest - wanted : 0;
    }

    // Shared between both ends, the odd one at the end as in "same-upper"; what one end has not got is taken from the other.
    private static (long Begin, long End) Pad(ConvAxisRules axis, long change)
    {
        long begin = axis.Begin + (change / 2), end = axis.End + change - (change / 2);
        if (end < 0)
            (begin, end) = (begin + end, 0);
        else if (begin < 0)
            (begin, end) = (0, end + begin);

        return (begin, end);
    }

    private static IEnumerable<Change> Strides(ConvRules rules)
    {
        if (rules.Axes.Any(axis => axis.Span < 0))
            yield break;

        PerAxis stride = rules.Parameters.Stride;
        if (stride.IsUniform)
        {
            long common = rules.Axes.Aggregate(0L, (gcd, axis) => GreatestCommonDivisor(gcd, axis.Span));
            int nearest = NearestDivisor(common, stride[0]);
            yield return new Change("stride", (long)nearest, rules.Parameters with { Stride = nearest }, rules.Weight);
            yield break;
        }

        int[] strides = [.. rules.Axes.Select(axis => axis.Solved is null ? NearestDivisor(axis.Span, (int)axis.Stride) : (int)axis.Stride)];
        yield return new Change("stride", strides, rules.Parameters with { Stride = strides }, rules.Weight);
    }

    // Of two equally near divisors the smaller: it loses no output.
    private static int NearestDivisor(long number, int wanted)
    {
        long best = 1;
        for (long divisor = 1; divisor * divisor <= number; divisor++)
        {
            if (number % divisor != 0)
                continue;

            foreach (long candidate in (ReadOnlySpan<long>)[divisor, number / divisor])
            {
                long distance = Math.Abs(candidate - wanted), bestDistance = Math.Abs(best - wanted);
                if (distance < bestDistance || (distance == bestDistance && candidate < best))
                    best = candidate;
            }
        }

        return (int)Math.Min(best, int.MaxValue);
    }

    private static IEnumerable<Change> Kernels(ConvRules rules)
    {
        int[] weight = [.. rules.Weight];
        foreach (ConvAxisRules axis in rules.Axes.Where(axis => axis.Solved is null))
        {
            if (NearestKernel(axis) is not { } kernel)
                yield break;

            weight[axis.Index + 2] = kernel;
        }

        yield return new Change("kernel", weight[2..], rules.Parameters, weight);
    }

    // Growing the kernel by t takes dilation * t from the span, and stride has to divide what is left: dilation * t = span (mod stride).
    // Of two equally near sizes the larger: a kernel can grow by zeros and compute the same.
    private static int? NearestKernel(ConvAxisRules axis)
    {
        long gcd = GreatestCommonDivisor(axis.Dilation, axis.Stride), period = axis.Stride / gcd, remainder = axis.Span % axis.Stride;
        if (axis.Span < 0 || remainder % gcd != 0)
            return null;

        long grow = remainder / gcd * Inverse(axis.Dilation / gcd % period, period) % period;
        long shrink = period - grow;
        bool canGrow = axis.Dilation * grow <= axis.Span && axis.Kernel + grow <= int.MaxValue, canShrink = axis.Kernel - shrink >= 1;
        if (canGrow && (grow <= shrink || !canShrink))
            return (int)(axis.Kernel + grow);

        return canShrink ? (int)(axis.Kernel - shrink) : null;
    }

    // The inverse of a modulo m, coprime, by Euclid's extended algorithm.
    private static long Inverse(long a, long m)
    {
        (long r, long nextR, long t, long nextT) = (m, a, 0, 1);
        while (nextR != 0)
        {
            long quotient = r / nextR;
            (r, nextR) = (nextR, r - (quotient * nextR));
            (t, nextT) = (nextT, t - (quotient * nextT));
        }

        return t < 0 ? t + m : t;
    }

    internal static long GreatestCommonDivisor(long a, long b)
    {
        while (b != 0)
            (a, b) = (b, a % b);

        return a;
    }
}
