using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Convolution.Algorithms;

public sealed class ReferenceTests
{
    private static readonly ConvParameters Conv = new();
    private static readonly ConvParameters Transposed = new() { Kind = ConvKind.Transposed };

    // Values of the node tests in the ONNX specification, unless a comment says otherwise.
    public static TheoryData<string, ConvParameters, int[], int[], float[], float[], float[]> Goldens => new()
    {
        {
            "conv_with_padding", Conv with { Padding = 1 }, [1, 1, 5, 5], [1, 1, 3, 3], Count(25), Ones(9),
            [12, 21, 27, 33, 24, 33, 54, 63, 72, 51, 63, 99, 108, 117, 81, 93, 144, 153, 162, 111, 72, 111, 117, 123, 84]
        },
        { "conv_without_padding", Conv, [1, 1, 5, 5], [1, 1, 3, 3], Count(25), Ones(9), [54, 63, 72, 99, 108, 117, 144, 153, 162] },
        {
            "conv_with_strides_padding", Conv with { Padding = 1, Stride = 2 }, [1, 1, 7, 5], [1, 1, 3, 3], Count(35), Ones(9),
            [12, 27, 24, 63, 108, 81, 123, 198, 141, 112, 177, 124]
        },
        {
            "conv_with_strides_asymmetric_padding", Conv with { Padding = ConvPadding.Pairs((int[])[1, 0], (int[])[1, 0]), Stride = 2 }, [1, 1, 7, 5], [1, 1, 3, 3], Count(35), Ones(9),
            [21, 33, 99, 117, 189, 207, 171, 183]
        },
        {
            "conv_with_autopad_same", Conv with { Padding = ConvPadding.SameLower, Stride = 2 }, [1, 1, 5, 5], [1, 1, 3, 3], Count(25), Ones(9),
            [12, 27, 24, 63, 108, 81, 72, 117, 84]
        },
        {
            "convtranspose", Transposed, [1, 1, 3, 3], [1, 1, 3, 3], Count(9), Ones(9),
            [0, 1, 3, 3, 2, 3, 8, 15, 12, 7, 9, 21, 36, 27, 15, 9, 20, 33, 24, 13, 6, 13, 21, 15, 8]
        },
        { "convtranspose_1d", Transposed, [1, 1, 3], [1, 2, 3], Count(3), Ones(6), [0, 1, 3, 3, 2, 0, 1, 3, 3, 2] },
        {
            "convtranspose_dilations", Transposed with { Dilation = 2 }, [1, 1, 3, 3], [1, 1, 2, 2], [3, 8, 1, 9, 5, 7, 3, 2, 6], [7, 2, 1, 9],
            [21, 56, 13, 16, 2, 63, 35, 67, 10, 14, 24, 22, 76, 76, 21, 9, 5, 88, 45, 63, 3, 2, 33, 18, 54]
        },
        {
            "convtranspose_pads", Transposed with { Stride = (int[])[3, 2], Padding = ConvPadding.Pairs((int[])[1, 2], (int[])[1, 2]) }, [1, 1, 3, 3], [1, 1, 3, 3], Count(9), Ones(9),
            [1, 1, 3, 1, 1, 3, 7, 4, 9, 7, 4, 9, 7, 4, 9, 13, 7, 15, 13, 7, 15]
        },
        // By hand: the kernel is not flipped, 1*2 + 2*3 + 3*4 = 20.
        { "conv_not_flipped", Conv, [1, 1, 4], [1, 1, 3], [2, 3, 4, 5], [1, 2, 3], [20, 26] },
        { "convtranspose_not_flipped", Transposed, [1, 1, 2], [1, 1, 3], [10, 100], [1, 2, 3], [10, 120, 230, 300] },
        // By hand: two groups, each with its own kernel.
        { "conv_groups", Conv with { Groups = 2 }, [1, 2, 2], [2, 1, 1], [1, 2, 3, 4], [10, 100], [10, 20, 300, 400] },
        { "convtranspose_groups", Transposed with { Groups = 2 }, [1, 2, 2], [2, 1, 1], [1, 2, 3, 4], [10, 100], [10, 20, 300, 400] },
        // By hand: weight [C, F] of a transposed convolution; F0 = 1*1 + 2*3, F1 = 1*2 + 2*4.
        { "convtranspose_weight_layout", Transposed, [1, 2, 1], [2, 2, 1], [1, 2], [1, 2, 3, 4], [7, 10] },
        { "conv_weight_layout", Conv, [1, 2, 1], [2, 2, 1], [1, 2], [1, 2, 3, 4], [5, 11] },
        // By hand: a kernel of one element shows the padding itself, as numpy.pad does.
        { "zeros", Conv with { Padding = 2 }, [1, 1, 4], [1, 1, 1], [1, 2, 3, 4], [1], [0, 0, 1, 2, 3, 4, 0, 0] },
        { "reflect", Conv with { Padding = 2, PaddingMode = PaddingMode.Reflect }, [1, 1, 4], [1, 1, 1], [1, 2, 3, 4], [1], [3, 2, 1, 2, 3, 4, 3, 2] },
        { "replicate", Conv with { Padding = 2, PaddingMode = PaddingMode.Replicate }, [1, 1, 4], [1, 1, 1], [1, 2, 3, 4], [1], [1, 1, 1, 2, 3, 4, 4, 4] },
        { "circular", Conv with { Padding = 2, PaddingMode = PaddingMode.Circular }, [1, 1, 4], [1, 1, 1], [1, 2, 3, 4], [1], [3, 4, 1, 2, 3, 4, 1, 2] },
        // By hand: stride 3 over a kernel of 2 leaves a gap, output padding 2 adds cells at the end.
        { "convtranspose_gap_and_output_padding", Transposed with { Stride = 3, OutputPadding = 2 }, [1, 1, 2], [1, 1, 2], [1, 2], [1, 10], [1, 10, 0, 2, 20, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(Goldens))]
    public void Run_SmallIntegers_Exact(string name, ConvParameters parameters, int[] input, int[] weight, float[] x, float[] w, float[] expected)
    {
        ConvShape shape = ConvShape.Create(parameters, input, weight);
        Assert.True(expected.AsSpan().SequenceEqual(Run(shape, x, w)), name);
    }

    [Fact]
    public void Run_Bias_AddedOncePerOutput()
    {
        ConvShape shape = ConvShape.Create(Conv, [1, 1, 2], [2, 1, 1], 2);
        var y = new float[4];
        Reference.Run(shape, [1, 2], [1, 1], [10, 20], y);
        Assert.Equal([11f, 12, 21, 22], y);
    }

    public static TheoryData<string> Table => [.. ShapeTable.All.Select(item => item.Name)];

    // Integers make every sum exact, so that a second, quite different way of computing has to agree to the bit.
    [Theory]
    [MemberData(nameof(Table))]
    public void Run_ShapeTable_AgreesWithPaddedOrScatteredArrays(string name) => AssertAgrees(ShapeTable.Get(name));

    [Fact]
    public void Run_RandomShapes_AgreesWithPaddedOrScatteredArrays()
    {
        foreach (ConvCase layer in RandomCases.Make(seed: 5, count: 200))
            AssertAgrees(layer);
    }

    [Fact]
    public void Run_RowsLongerThanASegment_AgreesWithPaddedOrScatteredArrays()
    {
        AssertAgrees(new ConvCase("long", Conv with { Padding = 700, Stride = 2 }, new(1, 2, 1501), new(3, 2, 6 - 1), HasBias: false));
        AssertAgrees(new ConvCase("long_circular", Conv with { Padding = 700, PaddingMode = PaddingMode.Circular }, new(1, 2, 1501), new(3, 2, 5), HasBias: false));
        AssertAgrees(new ConvCase("long_t", Transposed with { Padding = 3, Stride = 3, OutputPadding = 1 }, new(1, 2, 1501), new(2, 3, 10), HasBias: false));
    }

    // <conv(x), y> = <x, convT(y)>: transposed convolution with the same weight is the adjoint.
    [Fact]
    public void Run_RandomShapes_TransposedIsTheAdjoint()
    {
        int checkedShapes = 0;
        foreach (ConvCase layer in RandomCases.Make(seed: 11, count: 300))
        {
            if (layer.Parameters is not { Kind: ConvKind.Convolution, PaddingMode: PaddingMode.Zeros })
                continue;

            checkedShapes++;
            ConvShape conv = (layer with { HasBias = false }).Shape;
            // The same padding crops, and there is no remainder; so the sizes go back exactly.
            ConvShape back = ConvShape.Create(layer.Parameters with { Kind = ConvKind.Transposed }, conv.Output, conv.Weight);
            Assert.Equal(conv.Input, back.Output);
            float[] x = RandomTensor.Make(conv.Input.Count, seed: 1), w = RandomTensor.Make(conv.Weight.Count, seed: 2), y = RandomTensor.Make(conv.Output.Count, seed: 3);
            double left = Dot(Run(conv, x, w), y), right = Dot(x, Run(back, y, w));
            Assert.Equal(left, right, 1e-5 * Math.Sqrt(conv.MultiplyAdds + 1.0));
        }

        Assert.InRange(checkedShapes, 50, 300);
    }

    [Fact]
    public void RunItem_AnyOrder_SameBitsAsRun()
    {
        ConvCase layer = ShapeTable.Get("5x3_unequal_axes");
        ConvShape shape = layer.Shape;
        using ConvWeights weights = layer.MakeWeights();
        float[] x = layer.MakeInput(), whole = new float[shape.Output.Count], pieces = new float[shape.Output.Count];
        Reference.Run(shape, x, weights.Weight.Span, weights.Bias.Span, whole);
        Parallel.For(0, Reference.ItemCount(shape), item => Reference.RunItem(shape, x, weights.Weight.Span, weights.Bias.Span, pieces, item));
        Tolerance.AssertSameBits(whole, pieces);
    }

    [Fact]
    public void Run_ResidualInPlace_AddsWhatWasThere()
    {
        ConvShape shape = ConvShape.Create(Conv, [1, 1, 3], [1, 1, 1]);
        float[] y = [10, -20, 30];
        Reference.Run(shape, [1, 2, 3], [1], [], y, new Epilogue { HasResidual = true, Activation = Activation.Relu }, y);
        Assert.Equal([11f, 0, 33], y);
    }

    [Fact]
    public void Run_Cancelled_Throws() => Assert.Throws<OperationCanceledException>(
        () => Reference.Run(ConvShape.Create(Conv, [1, 1, 3], [1, 1, 1]), new float[3], [1], [], new float[3], cancellationToken: new CancellationToken(canceled: true)));

    [Theory]
    [InlineData(2, 1, 0, 3)]
    [InlineData(3, 2, 0, 3)]
    [InlineData(3, 1, 2, 3)]
    [InlineData(3, 1, 0, 4)]
    public void Run_WrongLength_Throws(int input, int weight, int bias, int output) => Assert.Throws<ArgumentException>(
        () => Reference.Run(ConvShape.Create(Conv, [1, 1, 3], [1, 1, 1]), new float[input], new float[weight], new float[bias], new float[output]));

    private static float[] Run(ConvShape shape, float[] x, float[] w)
    {
        var y = new float[shape.Output.Count];
        y.AsSpan().Fill(float.NaN);
        Reference.Run(shape, x, w, [], y);
        return y;
    }

    private static void AssertAgrees(ConvCase layer)
    {
        ConvShape shape = (layer with { HasBias = false }).Shape;
        float[] x = RandomTensor.Integers(shape.Input.Count, seed: 1), w = RandomTensor.Integers(shape.Weight.Count, seed: 2);
        Tolerance.AssertSameBits(ByArrays.Run(shape, x, w), Run(shape, x, w), layer.Name);
    }

    private static double Dot(float[] a, float[] b) => a.Zip(b, (left, right) => (double)left * right).Sum();

    private static float[] Count(int count) => [.. Enumerable.Range(0, count).Select(value => (float)value)];

    private static float[] Ones(int count) => [.. Enumerable.Repeat(1f, count)];
}
