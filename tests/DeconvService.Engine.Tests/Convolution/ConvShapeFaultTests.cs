using System.Text.Json;
using DeconvService.Engine.Convolution;

namespace DeconvService.Engine.Tests.Convolution;

public sealed class ConvShapeFaultTests
{
    private static readonly ConvParameters Conv = new();
    private static readonly ConvParameters Transposed = new() { Kind = ConvKind.Transposed };

    [Fact]
    public void StrideDoesNotFit_Square_SaysNumbersAndSuggestions()
    {
        IReadOnlyList<ConvFault> faults = Faults(Conv with { Stride = 5 }, [1, 3, 227, 227], [96, 3, 11, 11]);
        Assert.Equal(["width", "height"], faults.Select(fault => fault.Facts[0].Value));
        ConvFault fault = faults[0];
        Assert.Equal("stride-does-not-fit", fault.Code);
        Assert.Equal("The stride does not fit the width", fault.Title);
        Assert.Equal("width does not work: (227 + 0 + 0 - 11) = 216 is not a multiple of stride 5 (remainder 1)", fault.Detail);
        Assert.Equal("""{"axis":"width","input":227,"padding":[0,0],"kernel":11,"dilation":1,"effectiveKernel":11,"stride":5,"remainder":1}""", Json(fault.Facts));
        Assert.Equal(
            [
                """{"padding":[[2,2],[2,2]],"output":45}""",
                """{"stride":4,"output":55}""",
                """{"kernel":[12,12],"output":44}""",
                """{"fit":"floor","output":44,"dropped":1}""",
            ],
            fault.Suggestions.Select(Json));
    }

    [Fact]
    public void StrideDoesNotFit_OneAxisOnly_KeepsTheOther()
    {
        ConvFault fault = Assert.Single(Faults(Conv with { Stride = (int[])[3, 2], Padding = 1 }, [1, 1, 10, 10], [1, 1, 3, 3]));
        Assert.Equal("width", fault.Facts[0].Value);
        Assert.Equal(
            [
                """{"padding":[[1,1],[1,2]],"output":6}""",
                """{"stride":[3,1],"output":10}""",
                """{"kernel":[3,4],"output":5}""",
                """{"fit":"floor","output":5,"dropped":1}""",
            ],
            fault.Suggestions.Select(Json));
    }

    [Fact]
    public void StrideDoesNotFit_AnotherAxisCannotBeMended_SuggestsNothing()
    {
        // No padding or stride makes a reflection of 9 elements out of 5.
        IReadOnlyList<ConvFault> faults = Faults(
            Conv with { Stride = 2, PaddingMode = PaddingMode.Reflect, Padding = ConvPadding.Pairs((int[])[9, 1], (int[])[9, 1]) }, [1, 1, 5, 10], [1, 1, 3, 3]);
        Assert.Equal(["stride-does-not-fit", "padding-too-large"], faults.Select(fault => fault.Code));
        Assert.Empty(faults[0].Suggestions);
    }

    [Theory]
    [InlineData(4, 0, 1, 1)]
    [InlineData(0, 4, 1, 1)]
    [InlineData(4, 1, 1, 0)]
    public void StrideDoesNotFit_AnotherAxisHasANumberThatCannotBe_SuggestsNothing(int strideHeight, int strideWidth, int dilationHeight, int dilationWidth)
    {
        IReadOnlyList<ConvFault> faults = Faults(
            Conv with { Stride = (int[])[strideHeight, strideWidth], Dilation = (int[])[dilationHeight, dilationWidth] }, [1, 1, 12, 12], [1, 1, 3, 3]);
        Assert.Contains(faults, fault => string.Equals(fault.Code, "stride-does-not-fit", StringComparison.Ordinal));
        Assert.All(faults, fault => Assert.Empty(fault.Suggestions));
    }

    [Fact]
    public void StrideDoesNotFit_WithBrokenChannels_StillSuggests()
    {
        IReadOnlyList<ConvFault> faults = Faults(Conv with { Stride = 2 }, [1, 4, 8], [2, 3, 3], bias: 3);
        Assert.Equal(["channels-do-not-match", "bias-does-not-match", "stride-does-not-fit"], faults.Select(fault => fault.Code));
        Assert.Equal(4, faults[2].Suggestions.Count);
    }

    [Fact]
    public void KernelTooLarge_SuggestsPadding()
    {
        ConvFault fault = Assert.Single(Faults(Conv with { Stride = 2 }, [1, 1, 4], [1, 1, 7]));
        Assert.Equal("kernel-too-large", fault.Code);
        Assert.Equal("width does not work: the kernel covers 7 elements, the padded input has only (4 + 0 + 0) = 4", fault.Detail);
        Assert.Equal("""{"padding":[[1,2]],"output":1}""", Assert.Single(fault.Suggestions.Select(Json)));
    }

    [Fact]
    public void OutputSizeOutOfReach_SaysTheRangeAndSuggestsPadding()
    {
        ConvFault fault = Assert.Single(Faults(Transposed with { Stride = 2, OutputSize = 64 }, [1, 1, 32], [1, 1, 4]));
        Assert.Equal("output-size-out-of-reach", fault.Code);
        Assert.Equal("The width cannot have the wanted size", fault.Title);
        Assert.Equal(
            "width does not work: output size 64 is out of reach, (32 - 1)*2 + 4 - 0 - 0 and output padding below 2 give 66 to 67", fault.Detail);
        Assert.Equal(
            """{"axis":"width","input":32,"padding":[0,0],"kernel":4,"dilation":1,"effectiveKernel":4,"stride":2,"outputSize":64,"reachable":[66,67]}""",
            Json(fault.Facts));
        Assert.Equal("""{"padding":[[1,1]],"output":64}""", Assert.Single(fault.Suggestions.Select(Json)));
    }

    [Fact]
    public void OutputSizeOutOfReach_Same_ReachesStrideTimesInputOnly()
    {
        ConvFault fault = Assert.Single(Faults(Transposed with { Stride = 2, Padding = ConvPadding.SameUpper, OutputSize = 63 }, [1, 1, 32], [1, 1, 4]));
        Assert.Contains("give 64 only", fault.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ConvKind.Convolution, "(C, F/groups, k1..kn): swap")]
    [InlineData(ConvKind.Transposed, "(F, C/groups, k1..kn): swap")]
    public void Channels_FitWhenSwapped_HintsAtTheLayout(ConvKind kind, string hint)
    {
        int[] weight = kind == ConvKind.Convolution ? [3, 16, 5, 5] : [16, 3, 5, 5];
        ConvFault fault = Assert.Single(Faults(new() { Kind = kind }, [1, 3, 9, 9], weight));
        Assert.Equal("channels-do-not-match", fault.Code);
        Assert.Contains(hint, fault.Detail, StringComparison.Ordinal);
        Assert.Contains(hint, (string)fault.Facts.Single(fact => string.Equals(fact.Key, "hint", StringComparison.Ordinal)).Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Channels_FitInNoOrder_NoHint()
    {
        ConvFault fault = Assert.Single(Faults(Conv, [1, 3, 9, 9], [8, 5, 3, 3]));
        Assert.Equal("the input has 3 channels, but the weight [8, 5, 3, 3] is for 5 (its second axis 5 x groups 1)", fault.Detail);
        Assert.DoesNotContain(fault.Facts, fact => string.Equals(fact.Key, "hint", StringComparison.Ordinal));
    }

    [Fact]
    public void AllRules_BrokenAtOnce_AllReportedWidthFirst()
    {
        IReadOnlyList<ConvFault> faults = Faults(
            Conv with { Groups = 2, Stride = 2, OutputPadding = 1, Padding = 1 }, [1, 5, 4, 2, 8], [3, 2, 3, 9, 3], bias: 7);
        Assert.Equal(
            [
                "groups-do-not-fit", "groups-do-not-fit", "channels-do-not-match", "bias-does-not-match", "parameter-does-not-apply",
                "stride-does-not-fit/width", "kernel-too-large/height", "stride-does-not-fit/depth",
            ],
            faults.Select(fault => string.Equals(fault.Facts[0].Key, "axis", StringComparison.Ordinal) ? $"{fault.Code}/{fault.Facts[0].Value}" : fault.Code));
        Assert.Equal(string.Join("; ", faults.Select(fault => fault.Detail)), new ConvShapeException(faults).Message);
    }

    public static TheoryData<string, ConvParameters, int[], int[], string> SingleFaults => new()
    {
        { "rank-does-not-fit", Conv, [1, 1, 4, 4], [1, 1, 3], "the input [1, 1, 4, 4] has 4 axes, expected 3 as the weight [1, 1, 3]: batch, channels and one, two or three of space" },
        { "rank-does-not-fit", Conv, [1, 1, 4], [1, 1], "the weight [1, 1] has 2 axes, expected 3, 4 or 5: two of channels and one, two or three of the kernel" },
        { "size-not-positive", Conv, [0, 1, 4], [1, 1, 3], "the input [0, 1, 4] has a size below 1" },
        { "size-not-positive", Conv, [1, 1, 4], [1, 1, -3], "the weight [1, 1, -3] has a size below 1" },
        { "groups-do-not-fit", Conv with { Groups = 0 }, [1, 1, 4], [1, 1, 3], "groups is 0, expected at least 1" },
        { "groups-do-not-fit", Conv with { Groups = 2 }, [1, 4, 4], [3, 2, 3], "groups 2 does not divide the 3 output channels (remainder 1)" },
        { "groups-do-not-fit", Transposed with { Groups = 2 }, [1, 3, 4], [3, 2, 3], "groups 2 does not divide the 3 input channels (remainder 1)" },
        { "values-per-axis", Conv with { Stride = (int[])[1, 1] }, [1, 1, 4], [1, 1, 3], "stride [1, 1] has 2 values, expected one number or 1, one for each spatial axis" },
        { "values-per-axis", Conv with { Dilation = new PerAxis([]) }, [1, 1, 4], [1, 1, 3], "dilation [] has 0 values, expected one number or 1, one for each spatial axis" },
        { "parameter-out-of-range", Conv with { Stride = 0 }, [1, 1, 4, 4], [1, 1, 3, 3], "stride is 0, expected at least 1" },
        { "parameter-out-of-range", Conv with { Dilation = (int[])[1, -2] }, [1, 1, 4, 4], [1, 1, 3, 3], "dilation of the width is -2, expected at least 1" },
        { "parameter-out-of-range", Conv with { Padding = -1 }, [1, 1, 4], [1, 1, 3], "padding is -1, expected at least 0" },
        { "parameter-out-of-range", Transposed with { OutputPadding = -1 }, [1, 1, 4], [1, 1, 3], "outputPadding is -1, expected at least 0" },
        { "parameter-out-of-range", Transposed with { OutputSize = 0 }, [1, 1, 4], [1, 1, 3], "outputSize is 0, expected at least 1" },
        { "padding-too-large", Conv with { Padding = 4, PaddingMode = PaddingMode.Reflect }, [1, 1, 4], [1, 1, 3], "width does not work: padding [4, 4] of mode reflect is at most 3 for an input of 4" },
        { "padding-too-large", Conv with { Padding = 5, PaddingMode = PaddingMode.Circular }, [1, 1, 4], [1, 1, 3], "width does not work: padding [5, 5] of mode circular is at most 4 for an input of 4" },
        { "output-padding-too-large", Transposed with { Stride = 2, Dilation = 3, OutputPadding = 3 }, [1, 1, 4], [1, 1, 3], "width does not work: output padding 3 must be less than 3, the larger of stride 2 and dilation 3" },
        { "output-not-positive", Transposed with { Padding = 3 }, [1, 1, 4], [1, 1, 3], "width does not work: padding [3, 3] crops (4 - 1)*1 + 3 = 6 to 0, expected at least 1" },
        { "output-not-positive", Transposed with { Padding = 4, OutputSize = 1 }, [1, 1, 4], [1, 1, 3], "width does not work: padding [4, 4] crops (4 - 1)*1 + 3 = 6 to -2, expected at least 1" },
        { "parameter-does-not-apply", Transposed with { PaddingMode = PaddingMode.Reflect }, [1, 1, 4], [1, 1, 3], "paddingMode does not apply: conv-transpose crops its output and has no padding mode" },
        { "parameter-does-not-apply", Transposed with { Fit = ConvFit.Floor }, [1, 1, 4], [1, 1, 3], "fit does not apply: conv-transpose divides nothing, so there is nothing to fit" },
        { "parameter-does-not-apply", Conv with { OutputSize = 2 }, [1, 1, 4], [1, 1, 3], "outputSize does not apply: the output size of conv follows from its other parameters" },
        { "parameter-does-not-apply", Transposed with { Stride = 2, OutputPadding = 1, OutputSize = 10 }, [1, 1, 4], [1, 1, 3], "outputPadding does not apply: outputSize finds the output padding; give one of the two" },
        { "parameter-does-not-apply", Transposed with { Stride = 2, OutputPadding = 1, Padding = ConvPadding.SameLower }, [1, 1, 4], [1, 1, 3], "outputPadding does not apply: padding same finds the output padding" },
    };

    [Theory]
    [MemberData(nameof(SingleFaults))]
    public void Create_OneRuleBroken_SaysIt(string code, ConvParameters parameters, int[] input, int[] weight, string detail)
    {
        ConvFault fault = Assert.Single(Faults(parameters, input, weight));
        Assert.Equal((code, detail), (fault.Code, fault.Detail));
        Assert.NotEmpty(fault.Facts);
        Assert.All(fault.Facts, fact => Assert.True(fact.Value is long or string or long[], $"{fact.Key} is {fact.Value.GetType()}"));
    }

    [Fact]
    public void Create_Broken_ThrowsAllFaults()
    {
        var exception = Assert.Throws<ConvShapeException>(() => ConvShape.Create(Conv with { Stride = 5 }, [1, 3, 227, 227], [96, 3, 11, 11]));
        Assert.Equal(2, exception.Faults.Count);
    }

    internal static IReadOnlyList<ConvFault> Faults(ConvParameters parameters, int[] input, int[] weight, int? bias = null)
    {
        Assert.False(ConvShape.TryCreate(parameters, input, weight, bias, out ConvShape? shape, out IReadOnlyList<ConvFault> faults));
        Assert.Null(shape);
        return faults;
    }

    private static string Json(IReadOnlyList<KeyValuePair<string, object>> values) =>
        JsonSerializer.Serialize(values.ToDictionary(item => item.Key, item => item.Value, StringComparer.Ordinal));
}
