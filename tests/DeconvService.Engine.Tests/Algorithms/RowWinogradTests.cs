using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Algorithms;

/// <summary><see cref="RowWinograd"/> at its edges: rests of vectors and tiles, kernels longer than the image, columns and channels in pieces.</summary>
public sealed class RowWinogradTests
{
    public static TheoryData<SimdLevel> Levels => [.. SimdLevels.Supported];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_EdgesOfTilesAndVectors_KeepsTheContract(SimdLevel level)
    {
        foreach (ConvCase layer in Layers())
            Assert.True(Check(layer, level), $"{layer.Name} is not taken");
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_EveryWidth_KeepsTheContract(SimdLevel level)
    {
        for (int width = 16; width <= 50; width++)
        {
            int stride = 1 + (width % 3), kernel = stride + 1 + (width % 4);
            var parameters = new ConvParameters { Padding = width % 2, Stride = stride };
            Assert.True(Check(Transposed($"width_{width}", [1, 3, 5 + (width % 7), width], [3, 2, kernel, kernel], parameters), level));
            Assert.True(Check(Conv($"width_{width}", [1, 3, 7, width], [2, 3, kernel, kernel], parameters with { Stride = 1, Padding = kernel - 1 }), level));
        }
    }

    [Fact]
    public void TryPlan_WhatItCannotCompute_IsNotTaken()
    {
        SimdLevel level = SimdLevels.Best;
        Assert.False(Check(Conv("exact", [1, 3, 20, 20], [3, 3, 3, 3], new() { Accuracy = Accuracy.Exact }), level));
        Assert.False(Check(Conv("stride", [1, 3, 21, 21], [3, 3, 3, 3], new() { Stride = 2 }), level));
        Assert.False(Check(Conv("reflect", [1, 3, 20, 20], [3, 3, 3, 3], new() { Padding = 1, PaddingMode = PaddingMode.Reflect }), level));
        Assert.False(Check(Conv("dilated", [1, 3, 20, 20], [3, 3, 3, 3], new() { Dilation = 2 }), level));
        Assert.False(Check(Conv("one_tap", [1, 3, 20, 20], [3, 3, 1, 3]), level));
        Assert.False(Check(Conv("narrow", [1, 3, 20, 3], [3, 3, 3, 3]), level));
    }

    private static IEnumerable<ConvCase> Layers()
    {
        yield return Transposed("t_4x4", [1, 5, 9, 16], [5, 3, 4, 4], new() { Stride = 2, Padding = 1 });
        yield return Transposed("t_4x4_padding_3", [2, 5, 7, 33], [5, 3, 4, 4], new() { Stride = 2, Padding = 3 });
        yield return Transposed("t_9x9_stride_4", [1, 3, 6, 21], [3, 1, 9, 9], new() { Stride = 4, Padding = 4, OutputPadding = 3 });
        yield return Transposed("t_9x9_stride_2", [1, 3, 3, 34], [3, 1, 9, 9], new() { Stride = 2, Padding = 4, OutputPadding = 1 });
        yield return Transposed("t_5x7_stride_3_2", [1, 4, 8, 19], [4, 2, 5, 7], new() { Stride = (int[])[3, 2], Padding = ConvPadding.Symmetric((int[])[1, 2]) });
        yield return Transposed("t_kernel_over_image", [1, 2, 2, 17], [2, 2, 11, 11], new() { Padding = 3 });
        yield return Transposed("t_width_dilated", [1, 4, 6, 18], [4, 2, 4, 3], new() { Stride = (int[])[2, 2], Dilation = (int[])[1, 3] });
        yield return Transposed("t_groups", [2, 6, 5, 20], [6, 2, 4, 4], new() { Groups = 3, Stride = 2, Padding = 1 });
        yield return Transposed("t_pieces", [1, 2, 4, 300], [2, 16, 8, 8], new() { Stride = 4, Padding = 2 });
        yield return Transposed("t_one_column_kernel", [1, 4, 6, 18], [4, 3, 4, 1], new() { Stride = (int[])[2, 1] });
        yield return Transposed("t_channels_in_slices", [1, 70, 128, 128], [70, 1, 4, 4], new() { Stride = 2, Padding = 1 });
        yield return Conv("channels_in_slices_ragged", [1, 70, 3, 5461], [2, 70, 3, 1], new() { Padding = ConvPadding.Symmetric((int[])[1, 0]) });
        yield return Conv("2x2", [1, 4, 6, 18], [3, 4, 2, 2]);
        yield return Conv("3x3_groups", [2, 6, 7, 23], [9, 2, 3, 3], new() { Groups = 3, Padding = 1 });
        yield return Conv("5x1", [1, 4, 9, 17], [2, 4, 5, 1], new() { Padding = ConvPadding.Symmetric((int[])[2, 0]) });
        yield return Conv("7x7_padding_6", [1, 3, 5, 31], [2, 3, 7, 7], new() { Padding = 6 });
        yield return Conv("9x3", [1, 3, 12, 40], [2, 3, 9, 3], new() { Padding = ConvPadding.Pairs((int[])[8, 0], (int[])[1, 2]) });
        yield return Transposed("t_last_column_unread", [1, 3, 6, 18], [3, 2, 4, 2], new() { Stride = 2, Padding = ConvPadding.Pairs((int[])[1, 0], (int[])[1, 3]) });
        yield return Conv("pieces_of_padding", [1, 2, 4, 40], [40, 2, 3, 3], new() { Padding = ConvPadding.Symmetric((int[])[1, 300]) });
        yield return Conv("pieces", [1, 2, 4, 700], [40, 2, 3, 5], new() { Padding = 2 });
    }

    private static bool Check(ConvCase layer, SimdLevel level) => AlgorithmContract.Check(
        layer,
        (engine, shape, weights, output) => AlgorithmTests.Plan(new RowWinograd(), level, engine, shape, weights, output)) is not null;

    private static ConvCase Conv(string name, int[] input, int[] weight, ConvParameters? parameters = null) =>
        new(name, parameters ?? new(), new TensorShape(input), new TensorShape(weight));

    private static ConvCase Transposed(string name, int[] input, int[] weight, ConvParameters? parameters = null) =>
        new(name, (parameters ?? new()) with { Kind = ConvKind.Transposed }, new TensorShape(input), new TensorShape(weight));
}
