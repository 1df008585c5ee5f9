namespace DeconvService.Engine.Convolution;

/// <summary>What works, but is likely to surprise. Each sentence is derived from the numbers of one axis, in a bounded number of steps.</summary>
internal static class ConvNotes
{
    /// <summary>The sentences, the width's first.</summary>
    internal static IReadOnlyList<string> Of(ConvShape shape)
    {
        IEnumerable<ConvAxis> widthFirst = shape.Axes.Reverse();
        return [.. widthFirst.SelectMany(axis => shape.Kind == ConvKind.Transposed ? OfTransposed(shape, axis) : OfConvolution(shape, axis))];
    }

    private static IEnumerable<string> OfConvolution(ConvShape shape, ConvAxis axis)
    {
        long outsideInput = Math.Max(0, axis.Remainder - axis.PadEnd);
        if (outsideInput > 0)
            yield return $"{axis.Name}: the last {outsideInput} of {axis.Input} input elements lie after the last window and are dropped (remainder {axis.Remainder} of stride {axis.Stride})";

        if (axis.Stride > axis.EffectiveKernel && axis.Output > 1)
            yield return $"{axis.Name}: stride {axis.Stride} steps over input elements, only {axis.EffectiveKernel} of every {axis.Stride} lie in a window";

        if (axis.EffectiveKernel > axis.Input)
            yield return $"{axis.Name}: the kernel covers {axis.EffectiveKernel} elements, more than the {axis.Input} of the input, so every output sees padding";

        // What sees zeros only is worth knowing; other padding modes repeat real values.
        if (shape.PaddingMode == PaddingMode.Zeros)
        {
            (long first, long last) = WindowsOutside(axis.Output, axis.Input, axis);
            if (first + last > 0)
                yield return $"{axis.Name}: the first {first} and last {last} of {axis.Output} outputs see nothing but zeros of the padding";

            (first, last) = TapsOutside(axis);
            if (first + last > 0)
                yield return $"{axis.Name}: the first {first} and last {last} of {axis.Kernel} kernel elements only ever meet zeros of the padding";
        }

        if (ShiftOfConvolution(shape, axis) is { } shift)
            yield return shift;
    }

    private static IEnumerable<string> OfTransposed(ConvShape shape, ConvAxis axis)
    {
        if (UnevenOverlap(axis) is { } overlap)
            yield return overlap;

        (long first, long last) = WindowsOutside(axis.Input, axis.Output, axis);
        if (first + last > 0)
            yield return $"{axis.Name}: all that the first {first} and last {last} of {axis.Input} input elements give is cropped away";

        int beyond = axis.OutputPadding - axis.PadEnd;
        if (beyond > 0)
            yield return $"{axis.Name}: output padding reaches beyond the last kernel, the last {beyond} of {axis.Output} outputs are nothing but the bias";

        if (ShiftOfTransposed(shape, axis) is { } shift)
            yield return shift;
    }

    // Window i covers i * stride - begin to i * stride - begin + ke - 1: how many of the first and of the last lie outside of 0..size - 1.
    // For convolution windows are outputs over the input, for transposed convolution inputs over the output.
    private static (long First, long Last) WindowsOutside(long windows, long size, ConvAxis axis)
    {
        long first = Math.Max(0, ConvAxisRules.CeilDiv((long)axis.PadBegin - axis.EffectiveKernel + 1, axis.Stride));
        long last = Math.Max(0, windows - ConvAxisRules.CeilDiv(size + axis.PadBegin, axis.Stride));
        return (Math.Min(first, windows), Math.Min(last, windows));
    }

    // Tap k of all windows covers k * dilation - begin to k * dilation - begin + (O - 1) * stride.
    private static (long First, long Last) TapsOutside(ConvAxis axis)
    {
        long first = Math.Max(0, ConvAxisRules.CeilDiv(axis.PadBegin - ((axis.Output - 1L) * axis.Stride), axis.Dilation));
        long last = Math.Max(0, axis.Kernel - ConvAxisRules.CeilDiv((long)axis.Input + axis.PadBegin, axis.Dilation));
        return (Math.Min(first, axis.Kernel), Math.Min(last, axis.Kernel));
    }

    // Output o gets the taps k with k * dilation = o + begin (mod stride). These residues are the multiples of g = gcd(dilation, stride),
    // stride / g of them in turn, so k taps give each of them floor or ceil of k * g / stride, and the other residues none.
    private static string? UnevenOverlap(ConvAxis axis)
    {
        int gcd = (int)ConvSuggestions.GreatestCommonDivisor(axis.Dilation, axis.Stride), residues = axis.Stride / gcd;
        int least = gcd > 1 ? 0 : axis.Kernel / residues, most = ((axis.Kernel - 1) / residues) + 1;
        if (least == most || axis.Input == 1)
            return null;

        string period = $"{axis.Name}: outputs overlap unevenly (checkerboard): with kernel {axis.Kernel}, stride {axis.Stride}, dilation {axis.Dilation} they take turns at {least} to {most} products";
        string gaps = least == 0 ? ", and some get nothing but the bias" : "";
        string advice = axis.Dilation == 1 ? "; a kernel that is a multiple of the stride avoids it" : "; a kernel that is a multiple of the stride and a dilation without a common factor avoid it";
        return period + gaps + advice;
    }

    private static string? ShiftOfConvolution(ConvShape shape, ConvAxis axis)
    {
        int same = ((axis.Input - 1) / axis.Stride) + 1;
        long total = Math.Max(0, ((same - 1L) * axis.Stride) + axis.EffectiveKernel - axis.Input);
        return Shift(shape, axis, axis.Output == same, total, hasTwin: axis.Stride > 1, twin: $"padding={(total / 2) + 1} with floor");
    }

    private static string? ShiftOfTransposed(ConvShape shape, ConvAxis axis)
    {
        long total = Math.Max(0, (long)axis.EffectiveKernel - axis.Stride);
        bool hasTwin = axis.Stride > 1 || axis.Dilation > 1;
        return Shift(shape, axis, axis.Output == (long)axis.Input * axis.Stride, total, hasTwin, $"padding={(total / 2) + 1}, output_padding=1");
    }

    // TensorFlow's SAME puts floor(total / 2) at the beginning. PyTorch pads both ends alike; where total is odd, its nearest padding with
    // the same output size, one more in all, begins one element earlier.
    private static string? Shift(ConvShape shape, ConvAxis axis, bool sameSize, long total, bool hasTwin, string twin)
    {
        if (!sameSize)
            return null;

        string verb = shape.Kind == ConvKind.Transposed ? "crops" : "pads";
        if (axis.PadBegin != total / 2 && shape.PaddingMode == PaddingMode.Zeros)
        {
            return $"{axis.Name}: TensorFlow's SAME gives the same size but {verb} {total / 2} at the beginning instead of {axis.PadBegin}: the values are those of windows shifted by {Math.Abs(axis.PadBegin - (total / 2))}";
        }

        return shape.PaddingRule == ConvPaddingRule.SameUpper && total % 2 == 1 && hasTwin
            ? $"{axis.Name}: PyTorch's {twin} gives the same size but {verb} {(total / 2) + 1} at the beginning instead of {axis.PadBegin}: the values are those of windows shifted by 1"
            : null;
    }
}
