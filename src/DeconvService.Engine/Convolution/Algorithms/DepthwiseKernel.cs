using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Output rows that are computed together.</summary>
internal unsafe struct DepthwiseBlock
{
    /// <summary>Where each line's element for column 0 stands; the first is the first that the first row reads.</summary>
    public float** Lines;

    /// <summary>Lines from what a row reads first to what the row <see cref="DepthwiseTaps.BlockRows"/> below it does.</summary>
    public nint BlockLines;

    /// <summary>The taps.</summary>
    public DepthwiseTaps Taps;

    /// <summary>The channel's weights in the taps' order.</summary>
    public float* Weights;

    /// <summary>Where the sums begin.</summary>
    public float Bias;

    /// <summary>The first row's outputs.</summary>
    public float* Target;

    /// <summary>What is added to the first row before its activation; null for nothing.</summary>
    public float* Residual;

    /// <summary>Floats from one output row to the next.</summary>
    public nint Pitch;

    /// <summary>Rows.</summary>
    public int Rows;

    /// <summary>Columns.</summary>
    public nint Columns;

    /// <summary>Elements in a line from what a column reads to what the next one does: 1, but the stride for <see cref="DepthwiseSquare{V}"/>.</summary>
    public nint LineStep;

    /// <summary>Ones where a line has elements, zeros before and behind; null for lines that hold what is to be read.</summary>
    public float* Mask;

    /// <summary>The first column that reads nothing before the elements.</summary>
    public nint InnerFrom;

    /// <summary>The column behind the last one that reads nothing behind them.</summary>
    public nint InnerTo;

    /// <summary>The activation, and its numbers.</summary>
    public Activation Activation;

    /// <summary>Clip: the lower bound.</summary>
    public float Low;

    /// <summary>Clip: the upper bound.</summary>
    public float High;

    /// <summary>PRelu: the slope of negative values.</summary>
    public float Slope;

    /// <summary>Whether to write past the caches; the rows are then aligned alike.</summary>
    public bool PastCaches;
}

/// <summary>Which vectors of a block are computed.</summary>
internal interface IDepthwisePlace
{
    /// <summary>Whether <see cref="DepthwiseBlock.Mask"/> has to be looked at.</summary>
    static abstract bool AtEdge { get; }
}

/// <summary>Those that read nothing but elements of the lines.</summary>
internal readonly struct DepthwiseInside : IDepthwisePlace
{
    static bool IDepthwisePlace.AtEdge => false;
}

/// <summary>Those that may reach over the ends of the lines.</summary>
internal readonly struct DepthwiseEdge : IDepthwisePlace
{
    static bool IDepthwisePlace.AtEdge => true;
}

/// <summary>The inner loops of depthwise layers.</summary>
internal static unsafe class DepthwiseKernel<V>
    where V : struct, IVec<V>
{
    /// <summary>
    /// <c>target[r, i] = bias + sum over runs and their taps t of weight * lines[run.Line + (r + t) * LineStep][i + run.Column]</c>
    /// for every row r and column i, <see cref="DepthwiseTaps.BlockRows"/> rows at a time. Reads up to a vector beyond the columns, and the
    /// lines of rows that would fill up the last block.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(in DepthwiseBlock block)
    {
        nint i = 0, columns = block.Columns;
        bool masked = block.Mask != null;
        if (block.PastCaches && columns >= V.Count)
        {
            // The first vector as it lies, the next one from where the target is aligned; they may overlap.
            if (masked)
                Compute<Number1, DepthwiseEdge>(block, 0, V.Count, pastCaches: false);
            else
                Compute<Number1, DepthwiseInside>(block, 0, V.Count, pastCaches: false);

            i = V.Count - (((nint)block.Target / sizeof(float)) & (V.Count - 1));
        }

        // Two vectors of four rows hide each other's latency; with 16 registers there is no room for them.
        if (V.Registers == 32)
        {
            nint wide = 2 * V.Count;
            if (masked && i < block.InnerFrom)
                i = Columns<Number2, DepthwiseEdge>(block, i, block.InnerFrom, wide);

            nint inner = masked ? block.InnerTo : columns;
            if (i + wide <= inner)
                i = Columns<Number2, DepthwiseInside>(block, i, inner - wide + 1, wide);
            if (i + V.Count < columns)
                i = masked ? Columns<Number2, DepthwiseEdge>(block, i, columns - V.Count, wide) : Columns<Number2, DepthwiseInside>(block, i, columns - V.Count, wide);
        }

        if (i < columns)
            _ = masked ? Columns<Number1, DepthwiseEdge>(block, i, columns, V.Count) : Columns<Number1, DepthwiseInside>(block, i, columns, V.Count);
    }

    // Steps that begin before "to", and no further than the columns go.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Columns<TVectors, TPlace>(in DepthwiseBlock block, nint from, nint to, nint step)
        where TVectors : INumberConstant
        where TPlace : IDepthwisePlace
    {
        to = Math.Min(to, block.Columns - (step - V.Count));
        if (from >= to)
            return from;

        nint end = from + ((to - from + step - 1) / step * step);
        nint whole = block.PastCaches ? Math.Clamp(from + ((block.Columns - from) / step * step), from, end) : from;
        if (whole > from)
            Compute<TVectors, TPlace>(block, from, whole, pastCaches: true);
        if (end > whole)
            Compute<TVectors, TPlace>(block, whole, end, pastCaches: false);
        return end;
    }

    // Written out, with little to inline: of a method that wants more than so many, the JIT leaves some as calls, and spills every vector.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compute<TVectors, TPlace>(in DepthwiseBlock block, nint from, nint to, bool pastCaches)
        where TVectors : INumberConstant
        where TPlace : IDepthwisePlace
    {
        float** lines = block.Lines;
        float* targets = block.Target;
        for (int row = 0; row < block.Rows; row += DepthwiseTaps.BlockRows)
        {
            int rows = block.Rows - row;
            for (nint i = from; i < to; i += TVectors.Value * V.Count)
            {
                int lanes = V.Count;
                bool two = TVectors.Value == 2, edge = TPlace.AtEdge;
                nint pitch = block.Pitch;
                int count = (int)Math.Min(block.Columns - i, 2 * lanes);
                V a0 = V.Broadcast(block.Bias), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
                if (block.Residual != null)
                {
                    float* residual = block.Residual + (row * pitch) + i;
                    a0 += V.LoadPartial(residual, count);
                    a1 += V.LoadPartial(residual + pitch, rows > 1 ? count : 0);
                    a2 += V.LoadPartial(residual + (2 * pitch), rows > 2 ? count : 0);
                    a3 += V.LoadPartial(residual + (3 * pitch), rows > 3 ? count : 0);
                    if (two)
                    {
                        residual += lanes;
                        b0 += V.LoadPartial(residual, count - lanes);
                        b1 += V.LoadPartial(residual + pitch, rows > 1 ? count - lanes : 0);
                        b2 += V.LoadPartial(residual + (2 * pitch), rows > 2 ? count - lanes : 0);
                        b3 += V.LoadPartial(residual + (3 * pitch), rows > 3 ? count - lanes : 0);
                    }
                }

                float* weight = block.Weights;
                nint step = block.Taps.LineStep;
                DepthwiseRun* run = block.Taps.Runs;
                for (int left = block.Taps.Count; left > 0; left--, run++)
                {
                    nint at = i + run->Column;
                    float** line = lines + run->Line;
                    float* p0 = line[0] + at, p1 = line[step] + at, p2 = line[2 * step] + at;
                    V m = V.Zero, n = V.Zero, x0 = V.Load(p0), x1 = V.Load(p1), x2 = V.Load(p2), y0 = V.Zero, y1 = V.Zero, y2 = V.Zero;
                    if (edge)
                    {
                        m = V.Load(block.Mask + at);
                        (x0, x1, x2) = (V.And(x0, m), V.And(x1, m), V.And(x2, m));
                    }

                    if (two)
                    {
                        (y0, y1, y2) = (V.Load(p0 + lanes), V.Load(p1 + lanes), V.Load(p2 + lanes));
                        if (edge)
                        {
                            n = V.Load(block.Mask + at + lanes);
                            (y0, y1, y2) = (V.And(y0, n), V.And(y1, n), V.And(y2, n));
                        }
                    }

                    line += 3 * step;
                    for (float* end = weight + run->Count; weight < end; weight++, line += step)
                    {
                        float* next = *line + at;
                        V w = V.Broadcast(*weight), x3 = V.Load(next);
                        if (edge)
                            x3 = V.And(x3, m);

                        a0 = V.MultiplyAdd(w, x0, a0);
                        a1 = V.MultiplyAdd(w, x1, a1);
                        a2 = V.MultiplyAdd(w, x2, a2);
                        a3 = V.MultiplyAdd(w, x3, a3);
                        (x0, x1, x2) = (x1, x2, x3);
                        if (two)
                        {
                            V y3 = V.Load(next + lanes);
                            if (edge)
                                y3 = V.And(y3, n);

                            b0 = V.MultiplyAdd(w, y0, b0);
                            b1 = V.MultiplyAdd(w, y1, b1);
                            b2 = V.MultiplyAdd(w, y2, b2);
                            b3 = V.MultiplyAdd(w, y3, b3);
                            (y0, y1, y2) = (y1, y2, y3);
                        }
                    }
                }

                V zero = V.Zero;
                switch (block.Activation)
                {
                    case Activation.None:
                        break;
                    case Activation.Relu:
                        (a0, a1, a2, a3) = (V.Max(zero, a0), V.Max(zero, a1), V.Max(zero, a2), V.Max(zero, a3));
                        if (two)
                            (b0, b1, b2, b3) = (V.Max(zero, b0), V.Max(zero, b1), V.Max(zero, b2), V.Max(zero, b3));
                        break;
                    case Activation.Clip:
                        V low = V.Broadcast(block.Low), high = V.Broadcast(block.High);
                        (a0, a1, a2, a3) = (V.Max(low, a0), V.Max(low, a1), V.Max(low, a2), V.Max(low, a3));
                        (a0, a1, a2, a3) = (V.Min(high, a0), V.Min(high, a1), V.Min(high, a2), V.Min(high, a3));
                        if (two)
                        {
                            (b0, b1, b2, b3) = (V.Max(low, b0), V.Max(low, b1), V.Max(low, b2), V.Max(low, b3));
                            (b0, b1, b2, b3) = (V.Min(high, b0), V.Min(high, b1), V.Min(high, b2), V.Min(high, b3));
                        }

                        break;
                    default:
                        V slope = V.Broadcast(block.Slope);
                        a0 = V.MultiplyAdd(slope, V.Min(zero, a0), V.Max(zero, a0));
                        a1 = V.MultiplyAdd(slope, V.Min(zero, a1), V.Max(zero, a1));
                        a2 = V.MultiplyAdd(slope, V.Min(zero, a2), V.Max(zero, a2));
                        a3 = V.MultiplyAdd(slope, V.Min(zero, a3), V.Max(zero, a3));
                        if (two)
                        {
                            b0 = V.MultiplyAdd(slope, V.Min(zero, b0), V.Max(zero, b0));
                            b1 = V.MultiplyAdd(slope, V.Min(zero, b1), V.Max(zero, b1));
                            b2 = V.MultiplyAdd(slope, V.Min(zero, b2), V.Max(zero, b2));
                            b3 = V.MultiplyAdd(slope, V.Min(zero, b3), V.Max(zero, b3));
                        }

                        break;
                }

                float* target = targets + i;
                Write<TVectors>(target, count, a0, b0, pastCaches);
                if (rows > 1)
                    Write<TVectors>(target + pitch, count, a1, b1, pastCaches);
                if (rows > 2)
                    Write<TVectors>(target + (2 * pitch), count, a2, b2, pastCaches);
                if (rows > 3)
                    Write<TVectors>(target + (3 * pitch), count, a3, b3, pastCaches);
            }

            lines += block.BlockLines;
            targets += DepthwiseTaps.BlockRows * block.Pitch;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write<TVectors>(float* target, int count, V a, V b, bool pastCaches)
        where TVectors : INumberConstant
    {
        int lanes = V.Count;
        if (pastCaches)
        {
            a.StorePastCaches(target);
            if (TVectors.Value == 2)
                b.StorePastCaches(target + lanes);
        }
        else if (count >= TVectors.Value * lanes)
        {
            a.Store(target);
            if (TVectors.Value == 2)
                b.Store(target + lanes);
        }
        else
        {
            a.StorePartial(target, count);
            if (TVectors.Value == 2)
                b.StorePartial(target + lanes, count - lanes);
        }
    }
}
