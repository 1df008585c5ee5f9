using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Convolution;

public sealed class ConvNotesTests
{
    private static readonly ConvParameters Conv = new();
    private static readonly ConvParameters Transposed = new() { Kind = ConvKind.Transposed };

    public static TheoryData<ConvParameters, int, int, string> Notes => new()
    {
        { Conv with { Stride = 5, Fit = ConvFit.Floor }, 227, 11, "width: the last 1 of 227 input elements lie after the last window and are dropped (remainder 1 of stride 5)" },
        { Conv with { Stride = 4 }, 10, 2, "width: stride 4 steps over input elements, only 2 of every 4 lie in a window" },
        { Conv with { Padding = 2 }, 3, 7, "width: the kernel covers 7 elements, more than the 3 of the input, so every output sees padding" },
        { Conv with { Padding = 5 }, 4, 3, "width: the first 3 and last 3 of 12 outputs see nothing but zeros of the padding" },
        { Conv with { Padding = ConvPadding.Pairs(3, 1) }, 3, 6, "width: the first 2 and last 0 of 6 kernel elements only ever meet zeros of the padding" },
        { Conv with { Stride = 2, Padding = 1, Fit = ConvFit.Floor }, 224, 3, "width: TensorFlow's SAME gives the same size but pads 0 at the beginning instead of 1: the values are those of windows shifted by 1" },
        { Conv with { Stride = 2, Padding = ConvPadding.SameUpper }, 224, 3, "width: PyTorch's padding=1 with floor gives the same size but pads 1 at the beginning instead of 0: the values are those of windows shifted by 1" },
        { Transposed with { Stride = 2 }, 5, 3, "width: outputs overlap unevenly (checkerboard): with kernel 3, stride 2, dilation 1 they take turns at 1 to 2 products; a kernel that is a multiple of the stride avoids it" },
        { Transposed with { Stride = 2, Padding = ConvPadding.SameUpper }, 5, 3, "width: PyTorch's padding=1, output_padding=1 gives the same size but crops 1 at the beginning instead of 0: the values are those of windows shifted by 1" },
        { Transposed with { Stride = 2, Padding = 1, OutputPadding = 1 }, 5, 3, "width: TensorFlow's SAME gives the same size but crops 0 at the beginning instead of 1: the values are those of windows shifted by 1" },
        { Transposed with { Padding = 4 }, 8, 3, "width: all that the first 2 and last 2 of 8 input elements give is cropped away" },
        { Transposed with { Stride = 3, OutputPadding = 2 }, 4, 3, "width: output padding reaches beyond the last kernel, the last 2 of 14 outputs are nothing but the bias" },
    };

    [Theory]
    [MemberData(nameof(Notes))]
    public void Notes_WhatSurprises_IsSaid(ConvParameters parameters, int input, int kernel, string note) =>
        Assert.Contains(note, ConvShape.Create(parameters, [1, 1, input], [1, 1, kernel]).Notes);

    public static TheoryData<ConvParameters, int, int> Quiet => new()
    {
        { Conv with { Padding = 20 }, 55, 21 },
        { Conv with { Padding = 1 }, 56, 3 },
        { Conv with { Padding = ConvPadding.SameUpper }, 56, 4 },
        { Conv with { Stride = 2, Padding = ConvPadding.SameUpper }, 225, 3 },
        { Transposed with { Stride = 2, Padding = 1 }, 16, 4 },
        { Transposed with { Stride = 2 }, 16, 2 },
        { Transposed with { Padding = 1 }, 16, 3 },
        { Transposed with { Stride = 2 }, 1, 3 },
    };

    [Theory]
    [MemberData(nameof(Quiet))]
    public void Notes_NothingSurprising_None(ConvParameters parameters, int input, int kernel) =>
        Assert.Empty(ConvShape.Create(parameters, [1, 1, input], [1, 1, kernel]).Notes);

    [Fact]
    public void Notes_TwoAxes_WidthFirst()
    {
        IReadOnlyList<string> notes = ConvShape.Create(Transposed with { Stride = 2 }, [1, 1, 4, 4], [1, 1, 3, 3]).Notes;
        Assert.Equal(["width", "height"], notes.Select(note => note.Split(':')[0]));
    }

    // The claims are checked by computing: ones everywhere make every output the number of its products.
    [Fact]
    public void Notes_Overlap_IsWhatIsCounted()
    {
        for (int kernel = 1; kernel <= 9; kernel++)
            for (int stride = 1; stride <= 6; stride++)
                for (int dilation = 1; dilation <= 4; dilation++)
                {
                    ConvShape shape = ConvShape.Create(Transposed with { Stride = stride, Dilation = dilation }, [1, 1, 40], [1, 1, kernel]);
                    float[] counts = Products(shape);
                    int reach = (kernel - 1) * dilation;
                    float[] inner = counts[reach..(counts.Length - reach)];
                    string? note = shape.Notes.SingleOrDefault(text => text.Contains("checkerboard", StringComparison.Ordinal));
                    if (inner.Min() == inner.Max())
                        Assert.Null(note);
                    else
                        Assert.Contains($"take turns at {inner.Min()} to {inner.Max()} products{(inner.Min() == 0 ? ", and some" : "; a")}", note, StringComparison.Ordinal);
                }
    }

    [Fact]
    public void Notes_OutputsOfZerosAndDroppedInputs_AreWhatIsCounted()
    {
        foreach (ConvKind kind in (ConvKind[])[ConvKind.Convolution, ConvKind.Transposed])
            for (int input = 1; input <= 7; input++)
                for (int kernel = 1; kernel <= 4; kernel++)
                    for (int stride = 1; stride <= 3; stride++)
                        for (int padding = 0; padding <= 6; padding++)
                        {
                            bool transposed = kind == ConvKind.Transposed;
                            var parameters = new ConvParameters { Kind = kind, Stride = stride, Padding = ConvPadding.Pairs(padding, 1), Fit = transposed ? ConvFit.Exact : ConvFit.Floor };
                            if (!ConvShape.TryCreate(parameters, [1, 1, input], [1, 1, kernel], null, out ConvShape? shape, out _))
                                continue;

                            // How often each output (convolution) or input (transposed) takes part.
                            float[] windows = transposed ? InputUses(shape) : Products(shape);
                            int first = windows.TakeWhile(count => count == 0).Count(), last = windows.Reverse().TakeWhile(count => count == 0).Count();
                            string note = transposed
                                ? $"all that the first {first} and last {last} of {input} input elements give is cropped away"
                                : $"the first {first} and last {last} of {windows.Length} outputs see nothing but zeros";
                            bool said = shape.Notes.Any(text => text.Contains(note, StringComparison.Ordinal));
                            Assert.True(said || first + last == 0 || windows.All(count => count == 0), $"{parameters}: {note}");
                            // A stride over the kernel leaves more unread, which is another note.
                            if (!transposed && stride <= kernel)
                            {
                                int unread = InputUses(shape).Reverse().TakeWhile(count => count == 0).Count();
                                int claimed = shape.Notes.Where(text => text.Contains("are dropped", StringComparison.Ordinal)).Select(text => int.Parse(text.Split("last ")[1].Split(' ')[0])).SingleOrDefault();
                                Assert.Equal(windows.All(count => count == 0) ? claimed : unread, claimed);
                            }
                        }
    }

    // The number of products of each output.
    private static float[] Products(ConvShape shape)
    {
        var y = new float[shape.Output.Count];
        Reference.Run(shape, Ones(shape.Input.Count), Ones(shape.Weight.Count), [], y);
        return y;
    }

    // The number of products that each input is part of, one input at a time.
    private static float[] InputUses(ConvShape shape)
    {
        var uses = new float[shape.Input.Count];
        var y = new float[shape.Output.Count];
        for (int i = 0; i < uses.Length; i++)
        {
            float[] x = new float[uses.Length];
            x[i] = 1;
            Reference.Run(shape, x, Ones(shape.Weight.Count), [], y);
            uses[i] = y.Sum();
        }

        return uses;
    }

    private static float[] Ones(long count) => [.. Enumerable.Repeat(1f, (int)count)];
}
