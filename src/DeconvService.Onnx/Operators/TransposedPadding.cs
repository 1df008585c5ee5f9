using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;

namespace DeconvService.Onnx.Operators;

/// <summary>
/// Finds the crop of a ConvTranspose. Where the specification and its implementations disagree this does what ONNX Runtime does
/// (conv_transpose_attributes.h): with <c>output_shape</c> the total crop follows from it and the explicit pads are not looked at;
/// an odd rest goes to the end under SAME_UPPER and to the beginning otherwise; a total below zero counts as zero.
/// </summary>
internal static class TransposedPadding
{
    /// <summary>The parameters with padding and output padding.</summary>
    public static ConvParameters Apply(NodeContext context, ConvParameters parameters, TensorShape input, int[] kernel)
    {
        int n = kernel.Length;
        string rule = WindowAttributes.AutoPad(context);
        int[] outputPadding = context.Attributes.Int32s("output_padding") ?? new int[n];
        context.Require(outputPadding.Length == n && Array.TrueForAll(outputPadding, pad => pad >= 0), $"the attribute 'output_padding' is [{string.Join(", ", outputPadding)}], expected {n} numbers of at least 0");
        int[]? wanted = context.Attributes.Int32s("output_shape");
        if (wanted is { Length: > 0 })
        {
            // Some exporters write batch and channels too.
            context.Require(wanted.Length == n || wanted.Length == n + 2, $"the attribute 'output_shape' has {wanted.Length} numbers, expected {n}");
            wanted = wanted[^n..];
        }
        else if (rule is "SAME_UPPER" or "SAME_LOWER")
        {
            wanted = new int[n];
            for (int i = 0; i < n; i++)
                wanted[i] = checked(input[i + 2] * parameters.Stride[i]);
        }
        else
        {
            return parameters with
            {
                Padding = rule is "VALID" ? ConvPadding.Valid : WindowAttributes.Explicit(context, n),
                OutputPadding = outputPadding,
            };
        }

        bool isExplicit = context.Attributes.Has("output_shape");
        int[] begin = new int[n], end = new int[n];
        for (int i = 0; i < n; i++)
        {
            int full = checked(((input[i + 2] - 1) * parameters.Stride[i]) + (parameters.Dilation[i] * (kernel[i] - 1)) + 1 + outputPadding[i]);
            int total = Math.Max(0, full - wanted[i]);
            begin[i] = rule is "SAME_UPPER" ? total / 2 : total - (total / 2);
            end[i] = total - begin[i];
            if (isExplicit && wanted[i] > full)
                outputPadding[i] += wanted[i] - full;
        }

        return parameters with { Padding = ConvPadding.Pairs(begin, end), OutputPadding = outputPadding };
    }
}
