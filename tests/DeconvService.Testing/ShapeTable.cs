using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Testing;

/// <summary>Small layers that between them use every parameter, and every remainder length around a vector.</summary>
public static class ShapeTable
{
    /// <summary>Hand-picked layers, one reason each; the name says it.</summary>
    public static IReadOnlyList<ConvCase> Special { get; } = [.. MakeSpecial()];

    /// <summary>Every output width from 1 to 34 and channel counts around 16 and 32, for both operators.</summary>
    public static IReadOnlyList<ConvCase> Remainders { get; } = [.. MakeRemainders()];

    /// <summary>Both lists.</summary>
    public static IReadOnlyList<ConvCase> All { get; } = [.. Special, .. Remainders];

    /// <summary>The case of that name, also among the named layers.</summary>
    public static ConvCase Get(string name) => All.Concat(NamedLayers.All).Single(item => string.Equals(item.Name, name, StringComparison.Ordinal));

    private static IEnumerable<ConvCase> MakeSpecial()
    {
        yield return Conv("one_element", [1, 1, 1, 1], [1, 1, 1, 1]);
        yield return Conv("pointwise", [2, 5, 7, 9], [6, 5, 1, 1]);
        yield return Conv("pointwise_panels_over_images", [3, 19, 11, 13], [23, 19, 1, 1]);
        yield return Conv("pointwise_groups_2", [2, 12, 9, 17], [18, 6, 1, 1], new() { Groups = 2 });
        yield return Conv("pointwise_stride_2", [1, 5, 7, 9], [6, 5, 1, 1], new() { Stride = 2 });
        yield return Conv("pointwise_padded", [1, 3, 4, 5], [4, 3, 1, 1], new() { Padding = 2 });
        yield return Conv("3x3_same", [1, 17, 19, 23], [33, 17, 3, 3], new() { Padding = ConvPadding.SameUpper });
        yield return Conv("3x3_batch_3", [3, 4, 11, 13], [5, 4, 3, 3], new() { Padding = 1 });
        yield return Conv("3x3_no_bias", [1, 4, 11, 13], [5, 4, 3, 3]) with { HasBias = false };
        yield return Conv("3x3_stride_2_floor", [1, 3, 16, 18], [8, 3, 3, 3], new() { Stride = 2, Padding = 1, Fit = ConvFit.Floor });
        yield return Conv("same_lower_stride_3", [1, 3, 16, 17], [8, 3, 4, 4], new() { Stride = 3, Padding = ConvPadding.SameLower });
        yield return Conv("5x3_unequal_axes", [1, 3, 15, 21], [4, 3, 5, 3], new() { Stride = (int[])[2, 3], Dilation = (int[])[2, 1], Padding = ConvPadding.Pairs((int[])[3, 0], (int[])[2, 3]), Fit = ConvFit.Floor });
        yield return Conv("dilation_3", [1, 3, 15, 17], [4, 3, 3, 3], new() { Dilation = 3, Padding = 3 });
        yield return Conv("kernel_wider_than_input", [1, 2, 3, 2], [3, 2, 7, 6], new() { Padding = 4 });
        yield return Conv("taps_only_on_padding", [2, 20, 1, 1], [37, 20, 3, 3], new() { Padding = 1 });
        yield return Conv("taps_only_on_padding_groups", [1, 12, 1, 23], [10, 6, 5, 3], new() { Groups = 2, Padding = ConvPadding.Pairs((int[])[3, 1], (int[])[2, 1]) });
        yield return Conv("taps_only_on_padding_one_column", [2, 12, 23, 1], [10, 12, 3, 5], new() { Padding = ConvPadding.Pairs((int[])[1, 1], (int[])[2, 3]) });
        yield return Conv("taps_only_on_padding_one_column_3d", [1, 6, 4, 9, 1], [7, 6, 3, 3, 3], new() { Padding = 1 });
        yield return Conv("taps_only_on_padding_dilation", [1, 9, 7, 8], [11, 9, 3, 3], new() { Dilation = (int[])[7, 9], Padding = ConvPadding.Pairs((int[])[7, 9], (int[])[7, 9]) });
        yield return Conv("taps_only_on_padding_every_other", [1, 3, 1, 2], [5, 3, 5, 7], new() { Stride = 4, Padding = ConvPadding.Pairs((int[])[4, 5], (int[])[4, 7]), Fit = ConvFit.Floor });
        yield return Conv("taps_only_on_padding_all", [1, 3, 1, 1], [5, 3, 1, 1], new() { Stride = 5, Padding = 2, Fit = ConvFit.Floor });
        yield return Conv("taps_only_on_padding_of_copies", [1, 3, 1, 5], [5, 3, 3, 3], new() { Padding = 1, PaddingMode = PaddingMode.Replicate });
        yield return Conv("1d_taps_only_on_padding", [3, 16, 2], [16, 16, 7], new() { Padding = 3 });
        yield return Conv("padding_wider_than_kernel", [1, 2, 5, 6], [3, 2, 3, 3], new() { Padding = 5 });
        yield return Conv("stride_over_kernel", [1, 3, 21, 26], [4, 3, 2, 2], new() { Stride = 4, Fit = ConvFit.Floor });
        yield return Conv("groups_2", [1, 6, 9, 10], [8, 3, 3, 3], new() { Groups = 2, Padding = 1 });
        yield return Conv("groups_of_17", [2, 34, 5, 6], [66, 17, 3, 3], new() { Groups = 2, Padding = 1 });
        yield return Conv("depthwise", [1, 19, 13, 17], [19, 1, 3, 3], new() { Groups = 19, Padding = 1 });
        yield return Conv("depthwise_multiplier_2", [2, 5, 9, 11], [10, 1, 5, 5], new() { Groups = 5, Padding = 2, Stride = 2, Fit = ConvFit.Floor });
        yield return Conv("reflect", [1, 3, 7, 9], [4, 3, 5, 5], new() { Padding = 2, PaddingMode = PaddingMode.Reflect });
        yield return Conv("reflect_largest", [1, 2, 4, 5], [3, 2, 3, 3], new() { Padding = ConvPadding.Pairs((int[])[3, 4], (int[])[3, 4]), PaddingMode = PaddingMode.Reflect });
        yield return Conv("replicate", [1, 3, 7, 9], [4, 3, 5, 5], new() { Padding = 6, PaddingMode = PaddingMode.Replicate });
        yield return Conv("circular", [1, 3, 7, 9], [4, 3, 5, 5], new() { Padding = 7, PaddingMode = PaddingMode.Circular, Stride = 2, Fit = ConvFit.Floor });
        yield return Conv("1d", [2, 3, 50], [5, 3, 7], new() { Padding = 3 });
        yield return Conv("1d_long", [1, 1, 3000], [1, 1, 11]);
        yield return Conv("3d", [1, 3, 5, 6, 7], [4, 3, 3, 3, 3], new() { Padding = 1 });
        yield return Conv("3d_stride_2_reflect", [1, 2, 5, 7, 9], [3, 2, 3, 3, 3], new() { Padding = 1, Stride = 2, PaddingMode = PaddingMode.Reflect });
        yield return Conv("many_channels", [1, 300, 5, 5], [70, 300, 3, 3], new() { Padding = 1 });
        yield return Conv("tall_narrow", [1, 3, 200, 1], [5, 3, 3, 3], new() { Padding = 1 });
        yield return Conv("exact_accuracy", [1, 16, 20, 20], [32, 16, 3, 3], new() { Padding = 1, Accuracy = Accuracy.Exact });
        yield return Conv("fast_accuracy", [1, 16, 20, 20], [32, 16, 3, 3], new() { Padding = 1, Accuracy = Accuracy.Fast });

        yield return Transposed("t_one_element", [1, 1, 1, 1], [1, 1, 1, 1]);
        yield return Transposed("t_kernel_of_20_numbers", [1, 6, 3, 4], [6, 16, 5, 4], new() { Stride = 2, Groups = 2 });
        yield return Transposed("t_3x3_stride_1", [1, 5, 9, 11], [5, 7, 3, 3], new() { Padding = 1 });
        yield return Transposed("t_4x4_stride_2", [2, 17, 7, 9], [17, 33, 4, 4], new() { Stride = 2, Padding = 1 });
        yield return Transposed("t_3x3_stride_2_output_padding", [1, 5, 7, 9], [5, 6, 3, 3], new() { Stride = 2, Padding = 1, OutputPadding = 1 });
        yield return Transposed("t_2x2_stride_2", [1, 16, 14, 15], [16, 9, 2, 2], new() { Stride = 2 });
        yield return Transposed("t_2x2_stride_2_wide", [2, 5, 3, 67], [5, 8, 2, 2], new() { Stride = 2 });
        yield return Transposed("t_2x2_stride_2_even", [2, 7, 9, 22], [7, 13, 2, 2], new() { Stride = 2 });
        yield return Transposed("t_2x2_stride_2_narrow", [3, 8, 11, 6], [8, 6, 2, 2], new() { Groups = 2, Stride = 2, Padding = ConvPadding.Pairs((int[])[1, 0], (int[])[1, 0]) });
        yield return Transposed("t_2x2_stride_2_odd", [1, 6, 5, 36], [6, 3, 2, 2], new() { Stride = 2, Padding = ConvPadding.Pairs((int[])[0, 0], (int[])[1, 1]) });
        yield return Transposed("t_2x2_stride_2_groups", [2, 12, 4, 33], [12, 5, 2, 2], new() { Groups = 3, Stride = 2, OutputPadding = (int[])[1, 0] });
        yield return Transposed("t_4x4_stride_2_no_padding", [1, 9, 5, 37], [9, 7, 4, 4], new() { Stride = 2 });
        yield return Transposed("t_3x2_stride_2", [1, 7, 6, 40], [7, 4, 3, 2], new() { Stride = 2, Padding = ConvPadding.Pairs((int[])[1, 0], (int[])[1, 0]) });
        yield return Transposed("t_1x2_stride_3_2", [1, 4, 5, 34], [4, 6, 1, 2], new() { Stride = (int[])[3, 2] });
        yield return Transposed("t_1d_kernel_2_stride_2", [3, 9, 77], [9, 10, 2], new() { Stride = 2 });
        yield return Transposed("t_3d_kernel_2_stride_2", [2, 3, 3, 4, 14], [3, 6, 2, 2, 2], new() { Stride = 2 });
        yield return Transposed("t_stride_over_kernel", [1, 3, 5, 6], [3, 4, 2, 2], new() { Stride = 4, OutputPadding = 3 });
        yield return Transposed("t_few_outputs", [1, 56, 12, 13], [56, 1, 9, 9], new() { Stride = 3, Padding = 4, OutputPadding = 2 });
        yield return Transposed("t_few_outputs_many_inputs", [2, 96, 19, 21], [96, 3, 4, 4], new() { Stride = 2, Padding = 1 });
        yield return Transposed("t_few_outputs_no_border", [1, 64, 23, 37], [64, 3, 4, 4], new() { Stride = 2, Padding = 3 });
        yield return Transposed("t_few_outputs_stride_4", [1, 28, 17, 11], [28, 1, 9, 9], new() { Stride = 4, Padding = 4, OutputPadding = 3 });
        yield return Transposed("t_few_outputs_stride_5", [1, 32, 7, 18], [32, 2, 10, 10], new() { Stride = 5, Padding = 7, OutputPadding = 1 });
        yield return Transposed("t_few_outputs_prime_inputs", [1, 67, 9, 35], [67, 2, 5, 5], new() { Stride = 2, Padding = 2, OutputPadding = 1 });
        yield return Transposed("t_line_over_registers", [1, 16, 3, 20], [16, 1, 4, 34], new() { Stride = (int[])[2, 17], Padding = ConvPadding.Pairs((int[])[1, 3], (int[])[1, 3]) });
        yield return Transposed("t_1d_few_outputs", [2, 48, 300], [48, 2, 16], new() { Stride = 4, Padding = 6 });
        yield return Transposed("t_3d_few_outputs", [1, 32, 4, 9, 10], [32, 1, 4, 4, 4], new() { Stride = 2, Padding = 1 });
        yield return Transposed("t_groups_few_outputs", [1, 32, 9, 12], [32, 2, 6, 4], new() { Groups = 2, Stride = (int[])[3, 2], Padding = ConvPadding.Pairs((int[])[2, 1], (int[])[2, 1]) });
        yield return Transposed("t_taps_only_on_crop", [2, 8, 1, 3], [8, 5, 5, 3], new() { Stride = (int[])[2, 1], Padding = ConvPadding.Pairs((int[])[3, 1], (int[])[1, 1]) });
        yield return Transposed("t_taps_only_on_crop_groups", [1, 8, 2, 1], [8, 5, 6, 5], new() { Groups = 2, Stride = 2, Padding = 2 });
        yield return Transposed("t_taps_only_on_crop_one_column", [1, 8, 6, 1], [8, 5, 3, 3], new() { Padding = 1 });
        yield return Transposed("t_taps_only_on_crop_all", [1, 2, 1, 1], [2, 3, 1, 1], new() { Stride = 4, Padding = ConvPadding.Pairs((int[])[1, 0], (int[])[1, 0]), OutputPadding = 3 });
        yield return Transposed("t_dilation_2", [1, 3, 6, 7], [3, 4, 3, 3], new() { Stride = 3, Dilation = 2, Padding = 2, OutputPadding = 2 });
        yield return Transposed("t_dilation_shares_factor", [1, 3, 6, 7], [3, 4, 3, 3], new() { Stride = 4, Dilation = 2, Padding = 1 });
        yield return Transposed("t_unequal_axes", [1, 3, 6, 7], [3, 4, 5, 2], new() { Stride = (int[])[3, 1], Dilation = (int[])[1, 2], Padding = ConvPadding.Pairs((int[])[2, 0], (int[])[1, 1]), OutputPadding = (int[])[1, 1] });
        yield return Transposed("t_same_upper", [1, 3, 6, 7], [3, 4, 5, 5], new() { Stride = 2, Padding = ConvPadding.SameUpper });
        yield return Transposed("t_same_lower", [1, 3, 6, 7], [3, 4, 5, 5], new() { Stride = 2, Padding = ConvPadding.SameLower });
        yield return Transposed("t_same_kernel_under_stride", [1, 3, 6, 7], [3, 4, 2, 2], new() { Stride = 5, Padding = ConvPadding.SameUpper });
        yield return Transposed("t_groups_2", [1, 6, 7, 8], [6, 5, 4, 4], new() { Groups = 2, Stride = 2, Padding = 1 });
        yield return Transposed("t_depthwise_large_stride", [1, 5, 6, 7], [5, 1, 16, 16], new() { Groups = 5, Stride = 8, Padding = 4 });
        yield return Transposed("t_crop_over_kernel", [1, 3, 9, 10], [3, 4, 3, 3], new() { Stride = 2, Padding = 5 });
        yield return Transposed("t_1d", [2, 3, 50], [3, 5, 4], new() { Stride = 2, Padding = 1 });
        yield return Transposed("t_3d", [1, 3, 4, 5, 6], [3, 4, 3, 3, 3], new() { Stride = 2, Padding = 1, OutputPadding = 1 });
        yield return Transposed("t_no_bias", [1, 4, 7, 8], [4, 5, 4, 4], new() { Stride = 2, Padding = 1 }) with { HasBias = false };
        yield return Transposed("t_exact_accuracy", [1, 16, 9, 9], [16, 16, 3, 3], new() { Accuracy = Accuracy.Exact });
    }

    private static IEnumerable<ConvCase> MakeRemainders()
    {
        for (int width = 1; width <= 34; width++)
        {
            yield return Conv($"width_{width}", [1, 3, 3, width + 2], [5, 3, 3, 3]);
            yield return Transposed($"t_width_{width}", [1, 3, 2, width], [3, 5, 4, 4], new() { Stride = 2, Padding = 1 });
        }

        foreach (int channels in (int[])[1, 2, 7, 15, 16, 17, 31, 32, 33, 47, 64, 65])
        {
            yield return Conv($"channels_in_{channels}", [1, channels, 5, 6], [3, channels, 3, 3], new() { Padding = 1 });
            yield return Conv($"channels_out_{channels}", [1, 3, 5, 6], [channels, 3, 3, 3], new() { Padding = 1 });
            yield return Transposed($"t_channels_in_{channels}", [1, channels, 3, 4], [channels, 3, 4, 4], new() { Stride = 2, Padding = 1 });
            yield return Transposed($"t_channels_out_{channels}", [1, 3, 3, 4], [3, channels, 4, 4], new() { Stride = 2, Padding = 1 });
        }
    }

    private static ConvCase Conv(string name, int[] input, int[] weight, ConvParameters? parameters = null) =>
        new(name, parameters ?? new(), new TensorShape(input), new TensorShape(weight));

    private static ConvCase Transposed(string name, int[] input, int[] weight, ConvParameters? parameters = null) =>
        new(name, (parameters ?? new()) with { Kind = ConvKind.Transposed }, new TensorShape(input), new TensorShape(weight));
}
