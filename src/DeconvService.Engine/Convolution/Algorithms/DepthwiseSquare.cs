using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>What does not depend on the vectors.</summary>
internal static class DepthwiseSquare
{
    /// <summary>Rows and columns of the kernel that stride 1 and 2 are for.</summary>
    public const int Size = 3;

    /// <summary>The largest kernel, of stride 2 only (<see cref="DepthwiseHalving{V}"/>).</summary>
    public const int MaximumSize = 7;

    /// <summary>
    /// Whether a layer is computed down the lines: 3x3 neighbouring elements, stride 1 or 2 on both axes; or 4x4 to 7x7, stride 2.
    /// </summary>
    public static bool Takes(TapAxis z, TapAxis y, TapAxis x)
    {
        bool size = y.InputStep == 2 ? x.Kernel is >= Size and <= MaximumSize : y.InputStep == 1 && x.Kernel == Size;
        return size && y.Kernel == x.Kernel && y.InputStep == x.InputStep && z.Kernel == 1 && z.Phases.Length == 1 && Neighbours(y) && Neighbours(x);
    }

    private static bool Neighbours(TapAxis axis) =>
        axis.Phases.Length == 1 && axis.Shifts.Length == axis.Kernel && axis.Shifts[^1] - axis.Shifts[0] == axis.Kernel - 1;
}

/// <summary>The inner loops of depthwise layers of 3x3, the most common ones: half the time of <see cref="DepthwiseKernel{V}"/> and less; and the way down the lines for <see cref="DepthwiseHalving{V}"/>.</summary>
/// <remarks>
/// <para>
/// A vector of columns goes down the lines with all nine weights in registers. Each line is loaded once and added to all rows that it is
/// part of, whose sums wait in registers until their last line has come.
/// </para>
/// <code>
/// stride 1, line l:   row l - 2, its last line: written        stride 2, lines 2r + 1 and 2r + 2:   row r, its last two: written
///                     row l - 1, its second                                                        row r + 1, its first (2r + 2)
///                     row l, its first
/// </code>
/// <para>
/// With stride 2 two vectors of a line give the even and the odd elements, which two of the kernel's columns read; two more give the third
/// column's. So nothing has to be copied.
/// </para>
/// </remarks>
internal static unsafe class DepthwiseSquare<V>
    where V : struct, IVec<V>
{
    // Lines of a band of rows, which stay in the first-level cache of 32 KB from one vector of columns to the next; with fewer rows it shows
    // that each vector's first two lines are read for no row of the band.
    private const int BandBytes = 24 << 10;
    private const int MinimumRows = 8;

    /// <summary><c>target[r, i] = bias + sum over a and b of weight[a, b] * lines[r * s + a][i * s + b]</c>, s the stride, columns in the order of the taps' runs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in DepthwiseBlock block)
    {
        int band = (int)Math.Max(BandBytes / (sizeof(float) * block.Columns * block.LineStep * block.LineStep), MinimumRows);
        for (int row = 0; row < block.Rows; row += band)
        {
            int rows = Math.Min(band, block.Rows - row);
            nint next;
            for (nint i = 0; i < block.Columns; i = next)
            {
                next = i + V.Count;
                bool pastCaches = block.PastCaches && i > 0 && next <= block.Columns;

                // The first vector as it lies, the next one from where the target is aligned; they may overlap.
                if (block.PastCaches && i == 0 && next < block.Columns)
                    next -= ((nint)block.Target / sizeof(float)) & (V.Count - 1);

                bool edge = block.Mask != null && (i < block.InnerFrom || Math.Min(i + V.Count, block.Columns) > block.InnerTo);

                // A shorter vector is enough for what is left of many rows: half the time.
                if (V.Count > V256.Count && block.Columns - i <= V256.Count)
                    DepthwiseSquare<V256>.Columns(block, row, rows, i, edge, pastCaches: false);
                else
                    Columns(block, row, rows, i, edge, pastCaches);
            }
        }
    }

    // A vector of columns of some rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Columns(in DepthwiseBlock block, int row, int rows, nint i, bool edge, bool pastCaches)
    {
        if (block.Taps.Count > DepthwiseSquare.Size)
            DepthwiseHalving<V>.Run(block, row, rows, i, edge, pastCaches);
        else if (block.LineStep == 1)
            Choose<Number1>(block, row, rows, i, edge, pastCaches);
        else
            Choose<Number2>(block, row, rows, i, edge, pastCaches);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Choose<TStep>(in DepthwiseBlock block, int row, int rows, nint i, bool edge, bool pastCaches)
        where TStep : struct, INumberConstant
    {
        if (edge)
            Strip<TStep, DepthwiseEdge>(block, row, rows, i, pastCaches);
        else
            Strip<TStep, DepthwiseInside>(block, row, rows, i, pastCaches);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Strip<TStep, TPlace>(in DepthwiseBlock block, int row, int rows, nint i, bool pastCaches)
        where TStep : struct, INumberConstant
        where TPlace : struct, IDepthwisePlace
    {
        float* w = block.Weights;
        V bias = V.Broadcast(block.Bias);
        V wa0 = V.Broadcast(w[0]), wa1 = V.Broadcast(w[1]), wa2 = V.Broadcast(w[2]);
        V wb0 = V.Broadcast(w[3]), wb1 = V.Broadcast(w[4]), wb2 = V.Broadcast(w[5]);
        V wc0 = V.Broadcast(w[6]), wc1 = V.Broadcast(w[7]), wc2 = V.Broadcast(w[8]);

        // What the three columns read, of stride 2 the first of the pair and the one that is alone.
        DepthwiseRun* runs = block.Taps.Runs;
        nint at = i * TStep.Value, column0 = at + runs[0].Column, column1 = at + runs[1].Column, column2 = at + runs[2].Column;
        if (TStep.Value == 2)
            column1 = column0 + V.Count;

        V m0 = V.Zero, m1 = V.Zero, m2 = V.Zero, m3 = V.Zero;
        if (TPlace.AtEdge)
        {
            (m0, m1, m2) = (V.Load(block.Mask + column0), V.Load(block.Mask + column1), V.Load(block.Mask + column2));
            if (TStep.Value == 2)
                m3 = V.Load(block.Mask + column2 + V.Count);
        }

        float** line = block.Lines + ((nint)row * TStep.Value);
        float* target = block.Target + (row * block.Pitch) + i, residual = block.Residual == null ? null : block.Residual + (row * block.Pitch) + i;
        int count = (int)Math.Min(block.Columns - i, V.Count);

        // The sums of the row that is written next, and of the one after it.
        Read<TStep, TPlace>(*line++, column0, column1, column2, m0, m1, m2, m3, out V x0, out V x1, out V x2);
        V begun = V.MultiplyAdd(wa2, x2, V.MultiplyAdd(wa1, x1, V.MultiplyAdd(wa0, x0, bias))), second = begun;
        if (TStep.Value == 1)
        {
            Read<TStep, TPlace>(*line++, column0, column1, column2, m0, m1, m2, m3, out x0, out x1, out x2);
            second = V.MultiplyAdd(wb2, x2, V.MultiplyAdd(wb1, x1, V.MultiplyAdd(wb0, x0, begun)));
            begun = V.MultiplyAdd(wa2, x2, V.MultiplyAdd(wa1, x1, V.MultiplyAdd(wa0, x0, bias)));
        }

        for (; rows > 0; rows--, target += block.Pitch)
        {
            if (TStep.Value == 2)
            {
                Read<TStep, TPlace>(*line++, column0, column1, column2, m0, m1, m2, m3, out x0, out x1, out x2);
                second = V.MultiplyAdd(wb2, x2, V.MultiplyAdd(wb1, x1, V.MultiplyAdd(wb0, x0, begun)));
            }

            Read<TStep, TPlace>(*line++, column0, column1, column2, m0, m1, m2, m3, out x0, out x1, out x2);
            V sum = V.MultiplyAdd(wc2, x2, V.MultiplyAdd(wc1, x1, V.MultiplyAdd(wc0, x0, second)));
            if (TStep.Value == 1)
                second = V.MultiplyAdd(wb2, x2, V.MultiplyAdd(wb1, x1, V.MultiplyAdd(wb0, x0, begun)));

            begun = V.MultiplyAdd(wa2, x2, V.MultiplyAdd(wa1, x1, V.MultiplyAdd(wa0, x0, bias)));
            Write(block, sum, target, ref residual, count, pastCaches);
        }
    }

    /// <summary>Sums of a row to outputs.</summary>
    /// <param name="block">What is done to them.</param>
    /// <param name="sum">The sums.</param>
    /// <param name="target">Receives the outputs.</param>
    /// <param name="residual">What is added before, and then moved on by a row; null for nothing.</param>
    /// <param name="count">Outputs that exist.</param>
    /// <param name="pastCaches">Whether to write past the caches.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(in DepthwiseBlock block, V sum, float* target, ref float* residual, int count, bool pastCaches)
    {
        if (residual != null)
        {
            sum += V.LoadPartial(residual, count);
            residual += block.Pitch;
        }

        switch (block.Activation)
        {
            case Activation.None:
                break;
            case Activation.Relu:
                sum = V.Max(V.Zero, sum);
                break;
            case Activation.Clip:
                sum = V.Clamp(sum, V.Broadcast(block.Low), V.Broadcast(block.High));
                break;
            default:
                sum = V.MultiplyAdd(V.Broadcast(block.Slope), V.Min(V.Zero, sum), V.Max(V.Zero, sum));
                break;
        }

        if (pastCaches)
            sum.StorePastCaches(target);
        else if (count == V.Count)
            sum.Store(target);
        else
            sum.StorePartial(target, count);
    }

    // What the three columns read of a line.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Read<TStep, TPlace>(float* line, nint column0, nint column1, nint column2, V m0, V m1, V m2, V m3, out V x0, out V x1, out V x2)
        where TStep : struct, INumberConstant
        where TPlace : struct, IDepthwisePlace
    {
        (x0, x1, x2) = (V.Load(line + column0), V.Load(line + column1), V.Load(line + column2));
        if (TPlace.AtEdge)
            (x0, x1, x2) = (V.And(x0, m0), V.And(x1, m1), V.And(x2, m2));

        if (TStep.Value == 2)
        {
            V x3 = V.Load(line + column2 + V.Count);
            if (TPlace.AtEdge)
                x3 = V.And(x3, m3);

            (x0, x1) = (V.Even(x0, x1), V.Odd(x0, x1));
            x2 = V.Even(x2, x3);
        }
    }
}
