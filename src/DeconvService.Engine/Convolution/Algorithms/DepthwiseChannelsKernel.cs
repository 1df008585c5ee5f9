using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Taps of a kernel row, or of a column, of all channels of a block.</summary>
/// <param name="Place">Row: index of its line in the table of lines. Column: floats from the output's place in a line to what the tap reads.</param>
/// <param name="Weight">Floats from the block's first weights to the tap's.</param>
internal readonly record struct DepthwiseChannelsTap(int Place, int Weight);

/// <summary>The outputs of one row and phase, of L channels.</summary>
internal unsafe struct DepthwiseChannelsRow
{
    /// <summary>Where the lines stand; null for a line of zeros.</summary>
    public float** Lines;

    /// <summary>Rows of the kernel.</summary>
    public DepthwiseChannelsTap* RowTaps;

    /// <summary>Their number.</summary>
    public int RowTapCount;

    /// <summary>Columns of the kernel.</summary>
    public DepthwiseChannelsTap* ColumnTaps;

    /// <summary>Their number.</summary>
    public int ColumnTapCount;

    /// <summary><c>[tap][L]</c></summary>
    public float* Weights;

    /// <summary>L biases.</summary>
    public float* Bias;

    /// <summary>L slopes of negative values; null for an activation that clips.</summary>
    public float* Slopes;

    /// <summary>The lower bound.</summary>
    public float Low;

    /// <summary>The upper bound.</summary>
    public float High;

    /// <summary>Receives the first output's vector.</summary>
    public float* Target;

    /// <summary>Floats in a line from what one output reads to what the next does.</summary>
    public nint SourceStep;

    /// <summary>Floats from one output to the next.</summary>
    public nint TargetStep;

    /// <summary>How many times to compute as many columns as the kernel does at once.</summary>
    public int Repeats;
}

/// <summary>What does not depend on the vectors.</summary>
internal static class DepthwiseChannelsKernel
{
    /// <summary>
    /// Columns at once, at most: each takes a product with the same weights, and seven sums hide the latency of a multiply-add. Planes of
    /// networks are 7, 14, 28 ... columns wide, so that none is computed in vain.
    /// </summary>
    public const int MaximumColumns = 7;

    /// <summary>Columns at once, at least.</summary>
    public const int MinimumColumns = 4;
}

/// <summary>The inner loops of <see cref="DepthwiseChannels{V}"/>.</summary>
internal static unsafe class DepthwiseChannelsKernel<V>
    where V : struct, IVec<V>
{
    /// <summary><c>target[i] = activation(bias + sum over rows and columns of the kernel of weight * lines[row][i + column])</c></summary>
    public static void Run(int columns, in DepthwiseChannelsRow row)
    {
        switch (columns)
        {
            case 4:
                Run<Number4>(row);
                break;
            case 5:
                Run<Number5>(row);
                break;
            case 6:
                Run<Number6>(row);
                break;
            default:
                Run<Number7>(row);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TColumns>(in DepthwiseChannelsRow row)
        where TColumns : INumberConstant
    {
        float** lines = row.Lines;
        float* target = row.Target;
        nint s = row.SourceStep, s2 = 2 * s, s3 = 3 * s, t = row.TargetStep, at = 0;
        for (int repeats = row.Repeats; repeats > 0; repeats--, at += TColumns.Value * s, target += TColumns.Value * t)
        {
            V a0 = V.Load(row.Bias), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0;
            DepthwiseChannelsTap* rowTap = row.RowTaps;
            for (int rowsLeft = row.RowTapCount; rowsLeft > 0; rowsLeft--, rowTap++)
            {
                float* x = lines[rowTap->Place];
                if (x == null)
                    continue;

                x += at;
                float* weights = row.Weights + rowTap->Weight;
                DepthwiseChannelsTap* tap = row.ColumnTaps;
                for (int left = row.ColumnTapCount; left > 0; left--, tap++)
                {
                    float* p = x + tap->Place;
                    V w = V.Load(weights + tap->Weight);
                    a0 = V.MultiplyAdd(w, V.Load(p), a0);
                    a1 = V.MultiplyAdd(w, V.Load(p + s), a1);
                    a2 = V.MultiplyAdd(w, V.Load(p + s2), a2);
                    a3 = V.MultiplyAdd(w, V.Load(p + s3), a3);
                    p += s3 + s;
                    if (TColumns.Value > 4)
                        a4 = V.MultiplyAdd(w, V.Load(p), a4);
                    if (TColumns.Value > 5)
                        a5 = V.MultiplyAdd(w, V.Load(p + s), a5);
                    if (TColumns.Value > 6)
                        a6 = V.MultiplyAdd(w, V.Load(p + s2), a6);
                }
            }

            V low = V.Broadcast(row.Low), high = V.Broadcast(row.High);
            if (row.Slopes != null)
            {
                V slope = V.Load(row.Slopes);
                a0 = V.MultiplyAdd(slope, V.Min(V.Zero, a0), V.Max(V.Zero, a0));
                a1 = V.MultiplyAdd(slope, V.Min(V.Zero, a1), V.Max(V.Zero, a1));
                a2 = V.MultiplyAdd(slope, V.Min(V.Zero, a2), V.Max(V.Zero, a2));
                a3 = V.MultiplyAdd(slope, V.Min(V.Zero, a3), V.Max(V.Zero, a3));
                a4 = V.MultiplyAdd(slope, V.Min(V.Zero, a4), V.Max(V.Zero, a4));
                a5 = V.MultiplyAdd(slope, V.Min(V.Zero, a5), V.Max(V.Zero, a5));
                a6 = V.MultiplyAdd(slope, V.Min(V.Zero, a6), V.Max(V.Zero, a6));
            }

            V.Min(high, V.Max(low, a0)).Store(target);
            V.Min(high, V.Max(low, a1)).Store(target + t);
            V.Min(high, V.Max(low, a2)).Store(target + (2 * t));
            V.Min(high, V.Max(low, a3)).Store(target + (3 * t));
            if (TColumns.Value > 4)
                V.Min(high, V.Max(low, a4)).Store(target + (4 * t));
            if (TColumns.Value > 5)
                V.Min(high, V.Max(low, a5)).Store(target + (5 * t));
            if (TColumns.Value > 6)
                V.Min(high, V.Max(low, a6)).Store(target + (6 * t));
        }
    }
}
