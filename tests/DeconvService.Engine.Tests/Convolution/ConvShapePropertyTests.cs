using DeconvService.Engine.Convolution;
using FsCheck;
using FsCheck.Fluent;

namespace DeconvService.Engine.Tests.Convolution;

public sealed class ConvShapePropertyTests
{
    /// <summary>Parameters and sizes, right or wrong.</summary>
    public sealed record Request(ConvParameters Parameters, int[] Input, int[] Weight, int? Bias)
    {
        public override string ToString() =>
            $"{Parameters} begin {Parameters.Padding.Begin} end {Parameters.Padding.End} input [{string.Join(", ", Input)}] weight [{string.Join(", ", Weight)}] bias {Bias}";

        public bool TryCreate(out ConvShape? shape, out IReadOnlyList<ConvFault> faults) =>
            ConvShape.TryCreate(Parameters, Input, Weight, Bias, out shape, out faults);
    }

    private static readonly Gen<int[]> Two = Gen.Choose(1, 7).ArrayOf(2);

    private static readonly Gen<ConvPadding> AnyPadding = Gen.OneOf(
        from begin in Gen.Choose(0, 6).ArrayOf(2) from end in Gen.Choose(0, 6).ArrayOf(2) select ConvPadding.Pairs(begin, end),
        from all in Gen.Choose(0, 6) select ConvPadding.Symmetric(all));

    private static Gen<Request> Small(ConvKind kind) =>
        from input in Gen.Choose(1, 25).ArrayOf(2)
        from kernel in Two
        from stride in Gen.OneOf(from list in Two select new PerAxis(list), from all in Gen.Choose(1, 7) select new PerAxis(all))
        from dilation in Gen.Choose(1, 4).ArrayOf(2)
        from padding in AnyPadding
        from fit in Gen.Elements(ConvFit.Exact, ConvFit.Exact, ConvFit.Floor)
        from mode in Gen.Elements(PaddingMode.Zeros, PaddingMode.Zeros, PaddingMode.Reflect, PaddingMode.Circular, PaddingMode.Replicate)
        let transposed = kind == ConvKind.Transposed
        select new Request(
            new ConvParameters
            {
                Kind = kind,
                Stride = stride,
                Dilation = dilation,
                Padding = padding,
                Fit = transposed ? ConvFit.Exact : fit,
                PaddingMode = transposed ? PaddingMode.Zeros : mode,
            },
            [1, 2, .. input],
            [2, 2, .. kernel],
            null);

    [Fact]
    public void Convolution_AnySizes_AgreeWithCountedWindows() => Property.Check(Small(ConvKind.Convolution), request =>
    {
        bool valid = request.TryCreate(out ConvShape? shape, out IReadOnlyList<ConvFault> faults);
        var expected = new List<string>();
        for (int i = 1; i >= 0; i--)
        {
            ConvParameters p = request.Parameters;
            int size = request.Input[i + 2], begin = p.Padding.Begin[i], end = p.Padding.End[i];
            int lastTap = (request.Weight[i + 2] - 1) * p.Dilation[i], padded = size + begin + end;
            int windows = 0, next = 0;
            for (; next + lastTap < padded; next += p.Stride[i])
                windows++;

            if ((p.PaddingMode == PaddingMode.Reflect && Math.Max(begin, end) >= size) || (p.PaddingMode == PaddingMode.Circular && Math.Max(begin, end) > size))
                expected.Add("padding-too-large");
            if (windows == 0)
                expected.Add("kernel-too-large");
            else if (p.Fit == ConvFit.Exact && next - p.Stride[i] + lastTap != padded - 1)
                expected.Add("stride-does-not-fit");
            if (valid)
                Assert.Equal(windows, shape!.Axes[i].Output);
        }

        Assert.Equal(expected, faults.Select(fault => fault.Code));
    });

    [Fact]
    public void Transposed_AnySizes_AgreeWithCountedCells() => Property.Check(
        from request in Small(ConvKind.Transposed) from extra in Gen.Choose(0, 7) select (request, extra),
        item =>
        {
            (Request request, int extra) = item;
            request = request with { Parameters = request.Parameters with { OutputPadding = extra } };
            bool valid = request.TryCreate(out ConvShape? shape, out IReadOnlyList<ConvFault> faults);
            var expected = new List<string>();
            for (int i = 1; i >= 0; i--)
            {
                ConvParameters p = request.Parameters;
                int lastCell = 0;
                for (int at = 0; at < request.Input[i + 2]; at++)
                    lastCell = Math.Max(lastCell, (at * p.Stride[i]) + ((request.Weight[i + 2] - 1) * p.Dilation[i]));

                int output = lastCell + 1 - p.Padding.Begin[i] - p.Padding.End[i] + extra;
                if (extra >= p.Stride[i] && extra >= p.Dilation[i])
                    expected.Add("output-padding-too-large");
                if (output < 1)
                    expected.Add("output-not-positive");
                if (valid)
                    Assert.Equal(output, shape!.Axes[i].Output);
            }

            Assert.Equal(expected, faults.Select(fault => fault.Code));
        });

    [Fact]
    public void Suggestions_Convolution_EachWorksAsItSays()
    {
        int checkedSuggestions = 0;
        Property.Check(Small(ConvKind.Convolution), request =>
        {
            request.TryCreate(out _, out IReadOnlyList<ConvFault> faults);
            foreach (ConvFault fault in faults)
            {
                checkedSuggestions += fault.Suggestions.Count;
                Assert.All(fault.Suggestions, suggestion => AssertWorks(request, fault, suggestion));
                // Nothing but padding limits stands in the way of a fit, so a floor is always possible without them.
                if (request.Parameters.PaddingMode is PaddingMode.Zeros or PaddingMode.Replicate && faults.All(other => string.Equals(other.Code, "stride-does-not-fit", StringComparison.Ordinal)))
                    Assert.Contains(fault.Suggestions, suggestion => string.Equals(suggestion[0].Key, "padding", StringComparison.Ordinal));
            }
        });
        Assert.True(checkedSuggestions > 500, $"only {checkedSuggestions} suggestions came up");
    }

    [Fact]
    public void OutputSize_AnyWanted_FoundOrOutOfReachWithSuggestionThatWorks() => Property.Check(
        from request in Small(ConvKind.Transposed) from wanted in Gen.Choose(1, 60) select (request, wanted),
        item =>
        {
            (Request request, int wanted) = item;
            request = request with { Parameters = request.Parameters with { OutputSize = wanted } };
            if (request.TryCreate(out ConvShape? shape, out IReadOnlyList<ConvFault> faults))
            {
                Assert.All(shape!.Axes, axis => Assert.Equal(wanted, axis.Output));
                Assert.All(shape.Axes, axis => Assert.InRange(axis.OutputPadding, 0, Math.Max(axis.Stride, axis.Dilation) - 1));
                return;
            }

            foreach (ConvFault fault in faults.Where(fault => string.Equals(fault.Code, "output-size-out-of-reach", StringComparison.Ordinal)))
            {
                var reachable = (long[])Fact(fault, "reachable");
                Assert.False(wanted >= reachable[0] && wanted <= reachable[1]);
                Assert.All(fault.Suggestions, suggestion => AssertWorks(request, fault, suggestion));
            }
        });

    [Fact]
    public void Suggestions_OneAxis_AreTheNearest() => Property.Check(
        from input in Gen.Choose(1, 40)
        from kernel in Gen.Choose(1, 9)
        from stride in Gen.Choose(2, 12)
        from dilation in Gen.Choose(1, 4)
        from padding in Gen.Choose(0, 5)
        select new Request(new ConvParameters { Stride = stride, Dilation = dilation, Padding = padding }, [1, 1, input], [1, 1, kernel], null),
        request =>
        {
            request.TryCreate(out _, out IReadOnlyList<ConvFault> faults);
            if (faults.Count != 1 || !string.Equals(faults[0].Code, "stride-does-not-fit", StringComparison.Ordinal))
                return;

            ConvParameters p = request.Parameters;
            Dictionary<string, object> offered = faults[0].Suggestions.ToDictionary(item => item[0].Key, item => item[0].Value, StringComparer.Ordinal);
            int stride = p.Stride[0], kernel = request.Weight[2], pad = 2 * p.Padding.Begin[0];
            Assert.Equal(Nearest(stride, 60, larger: false, value => Fits(request with { Parameters = p with { Stride = value } })), (long)offered["stride"]);
            long? nearestKernel = Nearest(kernel, 60, larger: true, value => Fits(request with { Weight = [1, 1, value] }));
            Assert.Equal(nearestKernel, offered.TryGetValue("kernel", out object? list) ? ((long[])list)[0] : null);
            long? nearestPadding = Nearest(pad, 60, larger: true, value => Fits(request with { Parameters = p with { Padding = ConvPadding.Pairs(value, 0) } }), minimum: 0);
            Assert.Equal(nearestPadding, ((long[][])offered["padding"])[0].Sum());
        });

    [Fact]
    public void Same_AnySizes_GiveTheCeiling() => Property.Check(
        from kind in Gen.Elements(ConvKind.Convolution, ConvKind.Transposed)
        from request in Small(kind)
        from padding in Gen.Elements(ConvPadding.SameUpper, ConvPadding.SameLower)
        select request with { Parameters = request.Parameters with { Padding = padding, PaddingMode = PaddingMode.Zeros } },
        request =>
        {
            Assert.True(request.TryCreate(out ConvShape? shape, out _));
            foreach (ConvAxis axis in shape!.Axes)
            {
                bool transposed = shape.Kind == ConvKind.Transposed;
                Assert.Equal(transposed ? axis.Input * axis.Stride : (int)Math.Ceiling(axis.Input / (double)axis.Stride), axis.Output);
                Assert.InRange(request.Parameters.Padding.Rule == ConvPaddingRule.SameUpper ? axis.PadEnd - axis.PadBegin : axis.PadBegin - axis.PadEnd, 0, 1);
                int size = transposed
                    ? ((axis.Input - 1) * axis.Stride) + axis.EffectiveKernel - axis.PadBegin - axis.PadEnd + axis.OutputPadding
                    : ((axis.Input + axis.PadBegin + axis.PadEnd - axis.EffectiveKernel) / axis.Stride) + 1;
                Assert.Equal(size, axis.Output);
                Assert.True(axis.PadBegin >= 0 && axis.PadEnd >= 0 && axis.OutputPadding >= 0);
            }
        });

    [Fact]
    public void HostileNumbers_NeverThrowAndNeverPassWrong()
    {
        int passed = 0;
        Gen<int> number = Gen.Frequency(
            (8, Gen.Choose(1, 9)),
            (2, Gen.Elements(1 << 15, 46341, 1 << 16, (1 << 30) - 1, 1 << 30, int.MaxValue - 1, int.MaxValue)),
            (1, Gen.Elements(int.MinValue, int.MinValue + 1, -1, 0)));
        Gen<PerAxis> perAxis = Gen.Frequency((8, from all in number select new PerAxis(all)), (1, from list in number.ListOf() select new PerAxis(list.ToArray())));
        Gen<Request> requests =
            from kind in Gen.Elements(ConvKind.Convolution, ConvKind.Transposed)
            from rank in Gen.Frequency((8, Gen.Choose(3, 5)), (1, Gen.Choose(0, 7)))
            from input in number.ArrayOf(rank)
            from weight in number.ArrayOf(rank)
            from groups in Gen.Frequency((4, Gen.Constant(1)), (1, number))
            from stride in perAxis
            from dilation in perAxis
            from begin in perAxis
            from end in perAxis
            from rule in Gen.Elements(ConvPadding.Pairs(begin, end), ConvPadding.Valid, ConvPadding.SameLower, ConvPadding.SameUpper)
            from outputPadding in Gen.Frequency((3, Gen.Constant(new PerAxis(0))), (1, perAxis))
            from outputSize in Gen.Frequency((3, Gen.Constant<PerAxis?>(null)), (1, from size in perAxis select (PerAxis?)size))
            from fit in Gen.Elements(ConvFit.Exact, ConvFit.Floor)
            from mode in Gen.Elements(PaddingMode.Zeros, PaddingMode.Reflect)
            from matched in Gen.Elements(true, false)
            select new Request(
                new ConvParameters
                {
                    Kind = kind,
                    Groups = groups,
                    Stride = stride,
                    Dilation = dilation,
                    Padding = rule,
                    OutputPadding = outputPadding,
                    OutputSize = outputSize,
                    Fit = kind == ConvKind.Transposed ? ConvFit.Exact : fit,
                    PaddingMode = kind == ConvKind.Transposed ? PaddingMode.Zeros : mode,
                },
                input,
                matched && rank > 1 ? [kind == ConvKind.Transposed ? input[1] : weight[0], kind == ConvKind.Transposed ? weight[1] : input[1], .. weight[2..]] : weight,
                null);

        Property.Check(
            requests,
            request =>
            {
                if (!request.TryCreate(out ConvShape? shape, out IReadOnlyList<ConvFault> faults))
                {
                    Assert.NotEmpty(faults);
                    Assert.All(faults, fault => Assert.All(fault.Suggestions, suggestion => AssertWorks(request, fault, suggestion, general: faults.Count(other => !IsOfAxis(other)))));
                    return;
                }

                passed++;
                AssertSizesInWideArithmetic(shape!);
                Assert.NotNull(shape!.Notes);
            },
            count: 5000);
        Assert.True(passed > 50, $"only {passed} passed");
    }

    private static void AssertSizesInWideArithmetic(ConvShape shape)
    {
        Int128 outputs = (Int128)shape.Batch * shape.OutputChannels, perOutput = shape.Weight.Count / shape.Weight[0];
        foreach (ConvAxis axis in shape.Axes)
        {
            Int128 ke = ((Int128)axis.Dilation * (axis.Kernel - 1)) + 1;
            Int128 output = shape.Kind == ConvKind.Transposed
                ? ((Int128)(axis.Input - 1) * axis.Stride) + ke - axis.PadBegin - axis.PadEnd + axis.OutputPadding
                : (((Int128)axis.Input + axis.PadBegin + axis.PadEnd - ke) / axis.Stride) + 1;
            Assert.Equal(output, axis.Output);
            Assert.Equal(ke, axis.EffectiveKernel);
            Assert.True(axis.Output >= 1 && axis.PadBegin >= 0 && axis.PadEnd >= 0 && axis.OutputPadding >= 0 && axis.Remainder >= 0);
            outputs *= output;
        }

        Assert.Equal(outputs, shape.Output.Count);
        Assert.Equal(outputs * 4, shape.OutputBytes);
        Assert.Equal((shape.Kind == ConvKind.Transposed ? shape.Input.Count : outputs) * perOutput, shape.MultiplyAdds);
    }

    private static void AssertWorks(Request request, ConvFault fault, IReadOnlyList<KeyValuePair<string, object>> suggestion, int general = 0)
    {
        (string name, object value) = suggestion[0];
        ConvParameters p = request.Parameters;
        Request changed = name switch
        {
            "padding" => request with { Parameters = p with { Padding = ConvPadding.Pairs(Column((long[][])value, 0), Column((long[][])value, 1)) } },
            "stride" => request with { Parameters = p with { Stride = value is long all ? (int)all : Array.ConvertAll((long[])value, item => (int)item) } },
            "kernel" => request with { Weight = [.. request.Weight[..2], .. Array.ConvertAll((long[])value, item => (int)item)] },
            _ => request with { Parameters = p with { Fit = ConvFit.Floor } },
        };
        bool valid = changed.TryCreate(out ConvShape? shape, out IReadOnlyList<ConvFault> left);
        Assert.DoesNotContain(left, IsOfAxis);
        // A change mends the axes; what is wrong with channels and single parameters stays, at the most.
        Assert.InRange(left.Count, 0, general);
        if (!valid)
            return;

        ConvAxis axis = shape!.Axes.Single(item => item.Name.Equals(Fact(fault, "axis")));
        Assert.Equal((long)axis.Output, suggestion.Single(item => string.Equals(item.Key, "output", StringComparison.Ordinal)).Value);
        if (string.Equals(name, "fit", StringComparison.Ordinal))
            Assert.Equal((long)axis.Remainder, suggestion.Single(item => string.Equals(item.Key, "dropped", StringComparison.Ordinal)).Value);
    }

    private static bool IsOfAxis(ConvFault fault) =>
        string.Equals(fault.Facts[0].Key, "axis", StringComparison.Ordinal) && !string.Equals(fault.Code, ConvFaultCodes.OutOfRange, StringComparison.Ordinal);

    private static object Fact(ConvFault fault, string name) => fault.Facts.Single(fact => string.Equals(fact.Key, name, StringComparison.Ordinal)).Value;

    private static int[] Column(long[][] pairs, int column) => [.. pairs.Select(pair => (int)pair[column])];

    private static bool Fits(Request request) => request.TryCreate(out _, out _);

    private static long? Nearest(int start, int reach, bool larger, Func<int, bool> works, int minimum = 1)
    {
        for (int distance = 1; distance <= reach; distance++)
        {
            foreach (int value in larger ? (int[])[start + distance, start - distance] : [start - distance, start + distance])
            {
                if (value >= minimum && works(value))
                    return value;
            }
        }

        return null;
    }
}
