using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Outputs of a vector of phases at neighbouring positions, or of two vectors that lie side by side, in output rows that read the same inputs.</summary>
internal unsafe struct DepthwiseUpsamplingRow
{
    /// <summary>The lines of inputs, at the first position.</summary>
    public float* Lines;

    /// <summary>Floats to what each tap reads.</summary>
    public int* Offsets;

    /// <summary>A vector of weights a tap.</summary>
    public float* Weights;

    /// <summary>The same for the second vector; null for one vector.</summary>
    public float* NextWeights;

    /// <summary>Floats from what the first vector reads to what the second one does.</summary>
    public nint NextOffset;

    /// <summary>Floats to the next row's weights.</summary>
    public nint WeightsPitch;

    /// <summary>Output rows.</summary>
    public int Rows;

    /// <summary>Floats from one output row to the next.</summary>
    public nint Pitch;

    /// <summary>The first position's outputs.</summary>
    public float* Target;

    /// <summary>Floats to the next position's outputs.</summary>
    public nint Stride;

    /// <summary>Floats to the end of the output row; with two vectors all outputs exist.</summary>
    public nint Left;

    /// <summary>Where the sums begin.</summary>
    public float Bias;

    /// <summary>Positions, at the most: outputs behind the row's end do not exist.</summary>
    public int Positions;

    /// <summary>Outputs at a position.</summary>
    public int Lanes;

    /// <summary>Whether the sums go on from what is in the target.</summary>
    public bool Accumulates;
}

/// <summary>The inner loop of <see cref="DepthwiseUpsampling{V}"/>.</summary>
/// <remarks>
/// Weights stay in registers along a row. A row is so short that a call for each would cost half as much again as its products. Outputs have to
/// be written in the order of memory: two rows at once, which could share inputs, are written at a third of the speed.
/// </remarks>
internal static unsafe class DepthwiseUpsamplingKernel<V>
    where V : struct, IVec<V>
{
    /// <summary>Taps at a time: two vectors of weights for each, two sums and two inputs have to fit the registers.</summary>
    public static int MaximumTaps => V.Registers == 32 ? 6 : 4;


    /// <summary>Computes; up to <see cref="MaximumTaps"/> taps.</summary>
    public static void Run(int taps, in DepthwiseUpsamplingRow row)
    {
        switch (taps)
        {
            case 0:
                Run<Number0>(row);
                break;
            case 1:
                Run<Number1>(row);
                break;
            case 2:
                Run<Number2>(row);
                break;
            case 3:
                Run<Number3>(row);
                break;
            case 4:
                Run<Number4>(row);
                break;
            case 5:
                Run<Number5>(row);
                break;
            default:
                Run<Number6>(row);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run<TTaps>(in DepthwiseUpsamplingRow row)
        where TTaps : INumberConstant
    {
        if (row.NextWeights != null)
            Run<TTaps, Number2>(row);
        else
            Run<TTaps, Number1>(row);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TTaps, TVectors>(in DepthwiseUpsamplingRow row)
        where TTaps : INumberConstant
        where TVectors : INumberConstant
    {
        int n = TTaps.Value;
        bool two = TVectors.Value == 2;
        int* offsets = row.Offsets;
        float* lines = row.Lines, weights = row.Weights, next = row.NextWeights, targets = row.Target;
        float* x0 = n > 0 ? lines + offsets[0] : null, x1 = n > 1 ? lines + offsets[1] : null, x2 = n > 2 ? lines + offsets[2] : null;
        float* x3 = n > 3 ? lines + offsets[3] : null, x4 = n > 4 ? lines + offsets[4] : null, x5 = n > 5 ? lines + offsets[5] : null;
        nint step = row.Stride, left = row.Left, second = row.NextOffset;
        nint positions = Math.Min(row.Positions, (left + step - 1) / step);
        bool whole = row.Lanes == V.Count && left >= ((positions - 1) * step) + (TVectors.Value * V.Count), accumulates = row.Accumulates;
        int m = two ? n : 0;
        for (int rows = row.Rows; rows > 0; rows--, weights += row.WeightsPitch, next += row.WeightsPitch, targets += row.Pitch)
        {
            V v0 = Load(weights, n, 0), v1 = Load(weights, n, 1), v2 = Load(weights, n, 2), v3 = Load(weights, n, 3), v4 = Load(weights, n, 4), v5 = Load(weights, n, 5);
            V w0 = Load(next, m, 0), w1 = Load(next, m, 1), w2 = Load(next, m, 2), w3 = Load(next, m, 3), w4 = Load(next, m, 4), w5 = Load(next, m, 5);
            V bias = V.Broadcast(row.Bias);
            float* target = targets;
            for (nint q = 0; q < positions; q++, target += step)
            {
                V a = bias, b = bias;
                int count = whole ? V.Count : (int)Math.Min(row.Lanes, left - (q * step));
                if (accumulates)
                {
                    a = V.LoadPartial(target, count);
                    if (two)
                        b = V.Load(target + V.Count);
                }

                Add<TTaps, TVectors>(0, x0 + q, second, v0, w0, ref a, ref b);
                Add<TTaps, TVectors>(1, x1 + q, second, v1, w1, ref a, ref b);
                Add<TTaps, TVectors>(2, x2 + q, second, v2, w2, ref a, ref b);
                Add<TTaps, TVectors>(3, x3 + q, second, v3, w3, ref a, ref b);
                Add<TTaps, TVectors>(4, x4 + q, second, v4, w4, ref a, ref b);
                Add<TTaps, TVectors>(5, x5 + q, second, v5, w5, ref a, ref b);
                if (!whole)
                {
                    a.StorePartial(target, count);
                    continue;
                }

                a.Store(target);
                if (two)
                    b.Store(target + V.Count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Load(float* weights, int taps, int tap) => tap < taps ? V.Load(weights + (tap * V.Count)) : V.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TTaps, TVectors>(int tap, float* x, nint second, V v, V w, ref V a, ref V b)
        where TTaps : INumberConstant
        where TVectors : INumberConstant
    {
        if (tap >= TTaps.Value)
            return;

        V.AddProduct(ref a, v, *x);
        if (TVectors.Value == 2)
            V.AddProduct(ref b, w, x[second]);
    }
}
