using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// The inner part of a large plane with a small kernel and stride 1: read from the input itself and written to the output itself, each row
/// while its neighbours are still in the cache. Then nothing but memory is waited for.
/// </summary>
internal sealed unsafe class DepthwiseStream<V>
    where V : struct, IVec<V>
{
    // Narrower planes have too much border; larger kernels have arithmetic enough to hide the copy that the general way makes.
    private const int MinimumColumns = 256;
    private const int MaximumSpan = 16;
    private const int MaximumTaps = 81;

    // Twice what the outer caches of most machines hold: the output would drive out the input, and be gone itself when it is read.
    private const long PastCachesBytes = 64L << 20;

    private readonly DepthwiseAxis _y;
    private readonly DepthwiseAxis _x;
    private readonly PaddingMode _mode;
    private readonly DepthwiseTaps _taps;
    private readonly DepthwiseGrid? _grid;
    private readonly bool _pastCaches;

    private DepthwiseStream(ConvShape shape, DepthwiseAxis y, DepthwiseAxis x)
    {
        (_y, _x, _mode) = (y, x, shape.PaddingMode);
        _pastCaches = shape.Output.Count * sizeof(float) >= PastCachesBytes;
        _taps = DepthwiseTaps.Of(
            (from a in y.Phases[0] from b in x.Phases[0] select (Y: a, X: b)).ToArray(),
            pair => ((long)(pair.Y.Offset + y.First) * x.Axis.Input) + pair.X.Offset + x.First,
            pair => (pair.Y.Kernel * x.Axis.Kernel) + pair.X.Kernel);
        // A transposed convolution meets the kernel's rows from the last to the first.
        if (shape.Kind == ConvKind.Convolution && y.Span == y.Axis.Kernel - 1 && (!_pastCaches || x.Axis.Output % V.Count == 0))
            _grid = new DepthwiseGrid(y.Axis.Kernel, y.First, DepthwiseTaps.Of(x.Phases[0], tap => tap.Offset + x.First, tap => tap.Kernel));

        (FirstRow, EndRow) = Inner(y);
        (FirstColumn, EndColumn) = Inner(x);
    }

    /// <summary>The first output row that reads no row outside of the input.</summary>
    public int FirstRow { get; }

    /// <summary>The row behind the last one of that kind.</summary>
    public int EndRow { get; }

    private int FirstColumn { get; }

    private int EndColumn { get; }

    /// <summary>For the layers that it is good for; null for others.</summary>
    public static DepthwiseStream<V>? TryCreate(ConvRequest request, DepthwiseAxis y, DepthwiseAxis x)
    {
        Epilogue epilogue = request.Output.Epilogue;
        bool plain = epilogue.Activation == Activation.None && !epilogue.HasResidual;
        bool small = Math.Max(y.Span, x.Span) <= MaximumSpan && y.Axis.Kernel * x.Axis.Kernel <= MaximumTaps;
        bool single = y.Axis.InputStep == 1 && x.Axis.InputStep == 1 && y.Phases.Length == 1 && x.Phases.Length == 1;
        if (!plain || !small || !single || x.Axis.Output < MinimumColumns || (long)y.Axis.Input * x.Axis.Input > int.MaxValue / 2)
            return null;

        var stream = new DepthwiseStream<V>(request.Shape, y, x);
        return stream.EndColumn - stream.FirstColumn >= MinimumColumns / 2 ? stream : null;
    }

    /// <summary>Computes a part of a plane's rows, all of them from <see cref="FirstRow"/> to <see cref="EndRow"/>.</summary>
    /// <param name="input">The input's plane.</param>
    /// <param name="weights">The channel's kernel.</param>
    /// <param name="bias">The channel's bias.</param>
    /// <param name="output">The output's plane.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="firstColumn">The first column.</param>
    /// <param name="columns">How many columns.</param>
    public void Run(float* input, float* weights, float bias, float* output, int firstRow, int rows, int firstColumn, int columns)
    {
        int end = firstColumn + columns;
        int from = Math.Clamp(FirstColumn, firstColumn, end), to = Math.Clamp(EndColumn, from, end);
        for (int row = firstRow; row < firstRow + rows;)
        {
            int together = _grid is not null && row + 1 < firstRow + rows ? 2 : 1;
            float* line = input + ((nint)row * _x.Axis.Input);
            float* target = output + ((nint)row * _x.Axis.Output);
            nint done = from;
            if (together == 2)
                done += Pair(line + from, weights, bias, target + from, to - from);

            for (int i = 0; i < together; i++, row++, line += _x.Axis.Input, target += _x.Axis.Output)
            {
                for (int x = firstColumn; x < from; x++)
                    target[x] = Border(line, weights, bias, x);

                DepthwiseKernel<V>.Stream(line + done, _taps, weights, bias, target + done, to - done, _pastCaches && together == 1);
                for (int x = to; x < end; x++)
                    target[x] = Border(line, weights, bias, x);
            }
        }

        if (_pastCaches)
            Thread.MemoryBarrier();
    }

    // Two rows, but for what is left at their end. Returns how many columns were done.
    private nint Pair(float* line, float* weights, float bias, float* target, nint columns)
    {
        nint head = 0;
        if (_pastCaches && columns >= V.Count)
        {
            // The first vector as it lies, the next one from where the target is aligned; they may overlap.
            DepthwiseKernel<V>.Stream(line, _taps, weights, bias, target, V.Count, pastCaches: false);
            DepthwiseKernel<V>.Stream(line + _x.Axis.Input, _taps, weights, bias, target + _x.Axis.Output, V.Count, pastCaches: false);
            head = V.Count - (((nint)target / sizeof(float)) & (V.Count - 1));
        }

        return head + DepthwiseKernel<V>.StreamPair(
            line + head, _x.Axis.Input, _grid!, weights, bias, target + head, target + _x.Axis.Output + head, columns - head, _pastCaches);
    }

    private float Border(float* line, float* weights, float bias, int column)
    {
        float sum = bias;
        foreach (DepthwiseTap y in _y.Phases[0])
        {
            float* row = line + ((nint)(y.Offset + _y.First) * _x.Axis.Input);
            foreach (DepthwiseTap x in _x.Phases[0])
            {
                long at = DepthwiseGather<V>.Source(column + (long)x.Offset + _x.First, _x.Axis.Input, _mode);
                if (at >= 0)
                    sum = MathF.FusedMultiplyAdd(weights[(y.Kernel * _x.Axis.Kernel) + x.Kernel], row[at], sum);
            }
        }

        return sum;
    }

    private static (int First, int End) Inner(DepthwiseAxis axis)
    {
        int first = Math.Clamp(-axis.First, 0, axis.Axis.Output);
        return (first, Math.Clamp(axis.Axis.Input - axis.First - axis.Span, first, axis.Axis.Output));
    }
}
