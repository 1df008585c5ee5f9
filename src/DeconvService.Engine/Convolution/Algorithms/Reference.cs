using System.Diagnostics;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// The formula as nested loops in float64: the oracle of every test and the planner's last resort. One to three axes are looked at as
/// three, the missing ones of size 1.
/// </summary>
/// <remarks>
/// Convolution: <c>y[n, f, o] = bias[f] + sum over c, k of x[n, c, o * stride + k * dilation - begin] * w[f, c, k]</c>.
/// Transposed convolution: <c>y[n, f, o] = bias[f] + sum over c, i, k of x[n, c, i] * w[c, f, k]</c> where <c>o = i * stride + k * dilation - begin</c>.
/// Each output is one sum, in the same order whatever thread computes it, rounded once.
/// </remarks>
public static class Reference
{
    /// <summary>A run of outputs along the width whose sums stand on the stack. Small enough for that, large enough to spread the cost of finding the rows.</summary>
    private const int SegmentLength = 512;

    /// <summary>Computes the layer. Allocates nothing on the heap but a few words for the axes.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="input"><c>[N, C, D1..Dn]</c></param>
    /// <param name="weight"><c>[F, C/groups, k1..kn]</c>, transposed <c>[C, F/groups, k1..kn]</c></param>
    /// <param name="bias"><c>[F]</c>, or empty</param>
    /// <param name="output">Receives <c>[N, F, O1..On]</c>; must not overlap the input.</param>
    /// <param name="epilogue">Activation and residual; none when null.</param>
    /// <param name="residual"><c>[N, F, O1..On]</c> when the epilogue has one; may be <paramref name="output"/> itself.</param>
    /// <param name="cancellationToken">Looked at for every 512 outputs or fewer.</param>
    /// <exception cref="ArgumentException">The length of a span is not that of its shape.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public static void Run(
        ConvShape shape,
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        Span<float> output,
        Epilogue? epilogue = null,
        ReadOnlySpan<float> residual = default,
        CancellationToken cancellationToken = default)
    {
        for (long item = 0, count = ItemCount(shape); item < count; item++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            RunItem(shape, input, weight, bias, output, item, epilogue, residual);
        }
    }

    /// <summary>How many pieces the work falls into, of at most 512 neighbouring outputs each.</summary>
    public static long ItemCount(ConvShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        int width = shape.Axes[^1].Output;
        return shape.Output.Count / width * Segments(width);
    }

    /// <summary>The outputs of piece <paramref name="item"/>: index of the first in the whole output, and how many.</summary>
    public static (long Start, int Length) RangeOf(ConvShape shape, long item)
    {
        ArgumentNullException.ThrowIfNull(shape);
        int width = shape.Axes[^1].Output;
        (long row, long segment) = Math.DivRem(item, Segments(width));
        int first = (int)segment * SegmentLength;
        return ((row * width) + first, Math.Min(SegmentLength, width - first));
    }

    /// <summary>Computes piece <paramref name="item"/> of <see cref="ItemCount"/>; pieces may be computed at once by several threads. The other parameters are those of <see cref="Run"/>.</summary>
    /// <exception cref="ArgumentException">The length of a span is not that of its shape.</exception>
    public static void RunItem(
        ConvShape shape,
        ReadOnlySpan<float> input,
        ReadOnlySpan<float> weight,
        ReadOnlySpan<float> bias,
        Span<float> output,
        long item,
        Epilogue? epilogue = null,
        ReadOnlySpan<float> residual = default)
    {
        ArgumentNullException.ThrowIfNull(shape);
        epilogue ??= Epilogue.None;
        ThrowUnlessLength(input.Length, shape.Input.Count, nameof(input));
        ThrowUnlessLength(weight.Length, shape.Weight.Count, nameof(weight));
        ThrowUnlessLength(bias.Length, bias.IsEmpty ? 0 : shape.OutputChannels, nameof(bias));
        ThrowUnlessLength(output.Length, shape.Output.Count, nameof(output));
        ThrowUnlessLength(residual.Length, epilogue.HasResidual ? shape.Output.Count : 0, nameof(residual));

        Axis a0 = Axis.Of(shape, 0), a1 = Axis.Of(shape, 1), a2 = Axis.Of(shape, 2);
        int width = a2.Output;
        (long at, int length) = RangeOf(shape, item);
        (long row, long column) = Math.DivRem(at, width);
        int first = (int)column;
        (long rest, long o1) = Math.DivRem(row, a1.Output);
        (rest, long o0) = Math.DivRem(rest, a0.Output);
        (long n, long channel) = Math.DivRem(rest, shape.OutputChannels);
        int f = (int)channel;

        Span<double> sums = stackalloc double[length];
        sums.Fill(bias.IsEmpty ? 0 : bias[f]);
        if (shape.Kind == ConvKind.Convolution)
            Convolve(shape, a0, a1, a2, input, weight, n, f, o0, o1, first, sums);
        else
            ConvolveTransposed(shape, a0, a1, a2, input, weight, n, f, o0, o1, first, sums);

        for (int i = 0; i < sums.Length; i++)
        {
            float added = epilogue.HasResidual ? residual[(int)(at + i)] : 0;
            output[(int)(at + i)] = EpilogueReference.Apply(epilogue, (float)sums[i], added, f);
        }
    }

    private static void Convolve(
        ConvShape shape, Axis a0, Axis a1, Axis a2, ReadOnlySpan<float> input, ReadOnlySpan<float> weight, long n, int f, long o0, long o1, int first, Span<double> sums)
    {
        int c = shape.InputChannels, cg = c / shape.Groups, group = f / (shape.OutputChannels / shape.Groups);
        for (int k0 = 0; k0 < a0.Kernel; k0++)
            for (int k1 = 0; k1 < a1.Kernel; k1++)
            {
                long i0 = a0.Source(o0, k0, shape.PaddingMode), i1 = a1.Source(o1, k1, shape.PaddingMode);
                if (i0 < 0 || i1 < 0)
                    continue;

                for (int ic = 0; ic < cg; ic++)
                {
                    ReadOnlySpan<float> x = Row(input, (n * c) + (group * cg) + ic, i0, i1, a0.Input, a1.Input, a2.Input);
                    ReadOnlySpan<float> w = Row(weight, ((long)f * cg) + ic, k0, k1, a0.Kernel, a1.Kernel, a2.Kernel);
                    for (int k2 = 0; k2 < w.Length; k2++)
                    {
                        // Outputs from..to meet the input itself, those beside them its padding.
                        long offset = ((long)k2 * a2.Dilation) - a2.Begin;
                        int from = Clamp(CeilDiv(-offset, a2.Stride) - first, sums.Length);
                        int to = Clamp(CeilDiv(x.Length - offset, a2.Stride) - first, sums.Length);
                        double value = w[k2];
                        long at = offset + (((long)first + from) * a2.Stride);
                        for (int i = from; i < to; i++, at += a2.Stride)
                            sums[i] += value * x[(int)at];

                        if (shape.PaddingMode == PaddingMode.Zeros)
                            continue;

                        for (int i = 0; i < from; i++)
                            sums[i] += value * x[(int)a2.Source((long)first + i, k2, shape.PaddingMode)];
                        for (int i = to; i < sums.Length; i++)
                            sums[i] += value * x[(int)a2.Source((long)first + i, k2, shape.PaddingMode)];
                    }
                }
            }
    }

    private static void ConvolveTransposed(
        ConvShape shape, Axis a0, Axis a1, Axis a2, ReadOnlySpan<float> input, ReadOnlySpan<float> weight, long n, int f, long o0, long o1, int first, Span<double> sums)
    {
        int c = shape.InputChannels, cg = c / shape.Groups, fg = shape.OutputChannels / shape.Groups, group = f / fg;
        for (int k0 = 0; k0 < a0.Kernel; k0++)
            for (int k1 = 0; k1 < a1.Kernel; k1++)
            {
                long i0 = a0.TransposedSource(o0, k0), i1 = a1.TransposedSource(o1, k1);
                if (i0 < 0 || i1 < 0)
                    continue;

                for (int ic = group * cg; ic < (group + 1) * cg; ic++)
                {
                    ReadOnlySpan<float> x = Row(input, (n * c) + ic, i0, i1, a0.Input, a1.Input, a2.Input);
                    ReadOnlySpan<float> w = Row(weight, ((long)ic * fg) + (f % fg), k0, k1, a0.Kernel, a1.Kernel, a2.Kernel);
                    for (int k2 = 0; k2 < w.Length; k2++)
                    {
                        // Inputs from..to land in the segment.
                        long offset = ((long)k2 * a2.Dilation) - a2.Begin - first;
                        int from = Clamp(CeilDiv(-offset, a2.Stride), x.Length);
                        int to = Clamp(CeilDiv(sums.Length - offset, a2.Stride), x.Length);
                        double value = w[k2];
                        long at = offset + ((long)from * a2.Stride);
                        for (int i = from; i < to; i++, at += a2.Stride)
                            sums[(int)at] += value * x[i];
                    }
                }
            }
    }

    // Row (i0, i1) of channel plane: the elements along the width.
    private static ReadOnlySpan<float> Row(ReadOnlySpan<float> data, long plane, long i0, long i1, int size0, int size1, int size2) =>
        data.Slice((int)((((((plane * size0) + i0) * size1) + i1) * size2)), size2);

    private static int Clamp(long value, int length) => (int)Math.Clamp(value, 0, length);

    private static long CeilDiv(long value, long divisor) => value > 0 ? ((value - 1) / divisor) + 1 : value / divisor;

    private static int Segments(int width) => ((width - 1) / SegmentLength) + 1;

    private static void ThrowUnlessLength(int length, long expected, string name)
    {
        if (length != expected)
            throw new ArgumentException($"{name} has {length} elements, the shape says {expected}", name);
    }

    private readonly record struct Axis(int Input, int Kernel, int Stride, int Begin, int Dilation, int Output)
    {
        // Axis 0, 1 or 2 of three.
        internal static Axis Of(ConvShape shape, int index)
        {
            int i = index - (3 - shape.SpatialRank);
            if (i < 0)
                return new Axis(1, 1, 1, 0, 1, 1);

            ConvAxis axis = shape.Axes[i];
            return new Axis(axis.Input, axis.Kernel, axis.Stride, axis.PadBegin, axis.Dilation, axis.Output);
        }

        // The input index that output o meets at tap k, or -1 where that is a zero.
        internal long Source(long o, int k, PaddingMode mode)
        {
            long i = (o * Stride) + ((long)k * Dilation) - Begin;
            if (i >= 0 && i < Input)
                return i;

            return mode switch
            {
                PaddingMode.Zeros => -1,
                PaddingMode.Replicate => i < 0 ? 0 : Input - 1,
                PaddingMode.Circular => i < 0 ? i + Input : i - Input,
                PaddingMode.Reflect => i < 0 ? -i : (2L * (Input - 1)) - i,
                _ => throw new UnreachableException(),
            };
        }

        // The input index that lands on output o through tap k, or -1.
        internal long TransposedSource(long o, int k)
        {
            (long i, long between) = Math.DivRem(o + Begin - ((long)k * Dilation), Stride);
            return between == 0 && i >= 0 && i < Input ? i : -1;
        }
    }
}
