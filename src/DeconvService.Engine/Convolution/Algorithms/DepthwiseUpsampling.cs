using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Transposed depthwise layers whose stride along x is a vector or more, such as FCN's up-sampling by 32: vectors along the phase.
/// </summary>
/// <remarks>
/// <para>
/// With <c>o + pad = q * s + r</c> an output is <c>sum over rows and j of input[row][q - j] * w[ky][j * s + r]</c>. Neighbouring outputs
/// have the same q and j and neighbouring r: they read one input and a vector of the kernel's row.
/// </para>
/// <code>
/// sums      | q = 0: r = 0 .. s-1 | q = 1: r = 0 .. s-1 | ...
///             x[0] * w[0 .. s-1]    x[1] * w[0 .. s-1]         j = 0
///                                 + x[0] * w[s .. 2s-1]        j = 1
/// </code>
/// </remarks>
internal sealed unsafe class DepthwiseUpsampling<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    // Of more columns a separable kernel is applied faster in two passes.
    private const int MaximumPieces = 3;

    // As many positions at a time share each vector of the kernel.
    private const int Positions = 4;

    private readonly ConvRequest _request;
    private readonly TapAxis _y;
    private readonly ConvAxis _x;
    private readonly PackedWeights _weights;
    private readonly int _pieces;
    private readonly int _pieceFloats;
    private readonly int _firstPosition;
    private readonly int _positions;
    private readonly int _inputFloats;
    private readonly int _sumFloats;

    private DepthwiseUpsampling(ConvRequest request, TapAxis y, ConvAxis x)
    {
        (_request, _y, _x) = (request, y, x);
        _pieces = (x.Kernel + x.Stride - 1) / x.Stride;
        _pieceFloats = Align(x.Stride + V.Count - 1);
        _firstPosition = x.PadBegin / x.Stride;
        int last = (x.PadBegin + x.Output - 1) / x.Stride;
        _positions = (last - _firstPosition + Positions) / Positions * Positions;
        _inputFloats = Align(_positions + _pieces);
        _sumFloats = Align((_positions * x.Stride) + V.Count);
        int rows = request.Shape.OutputChannels * y.Kernel;
        _weights = request.Weights.Packed(request.Pool, $"depthwise phases {x.Kernel} {x.Stride} {V.Count}", (long)rows * _pieces * _pieceFloats, Pack);
    }

    public override string Name => "depthwise-phases";

    public override long WorkspaceBytes => (((long)_y.Shifts.Length * _inputFloats) + _sumFloats) * sizeof(float) * _request.Threads;

    public override long PackedBytes => _weights.Bytes;

    /// <summary>The layer planned, or null where the stride is too small.</summary>
    public static DepthwiseUpsampling<V>? TryPlan(ConvRequest request)
    {
        ConvShape shape = request.Shape;
        if (shape.Kind != ConvKind.Transposed || shape.SpatialRank > 2)
            return null;

        TapAxis y = TapAxis.Of(shape)[1];
        ConvAxis x = shape.Axes[^1];
        bool fits = x.Dilation == 1 && x.Stride >= V.Count && x.Kernel >= x.Stride && x.Kernel <= MaximumPieces * x.Stride;
        return fits && (long)(x.PadBegin + x.Output) + x.Stride < int.MaxValue / 8 && y.Shifts.Length <= 64 ? new DepthwiseUpsampling<V>(request, y, x) : null;
    }

    public override void Run(in ConvArguments arguments)
    {
        int planes = checked(_request.Shape.Batch * _request.Shape.InputChannels);
        arguments.Threads.Run(checked(planes * _y.Grid), new Rows(this, arguments), arguments.Cancellation);
    }

    // Each row of the kernel in pieces of one stride, zeros behind.
    private void Pack(float* weight, float* packed)
    {
        int rows = _request.Shape.OutputChannels * _y.Kernel;
        for (int row = 0; row < rows; row++)
            for (int piece = 0; piece < _pieces; piece++, packed += _pieceFloats)
            {
                int from = piece * _x.Stride, count = Math.Min(_x.Stride, _x.Kernel - from);
                new Span<float>(packed, _pieceFloats).Clear();
                new ReadOnlySpan<float>(weight + ((nint)row * _x.Kernel) + from, count).CopyTo(new Span<float>(packed, count));
            }
    }

    private static int Align(int floats) => (floats + 15) / 16 * 16;

    private readonly struct Rows(DepthwiseUpsampling<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            TapAxis y = plan._y;
            (int plane, int m) = Math.DivRem(item, y.Grid);
            float* scratch = arguments.Workspace + (worker * (((nint)y.Shifts.Length * plan._inputFloats) + plan._sumFloats));
            float* sums = scratch + ((nint)y.Shifts.Length * plan._inputFloats);
            for (int i = 0; i < y.Shifts.Length; i++)
                CopyRow(arguments.Input + ((nint)plane * y.Input * plan._x.Input), m + y.Shifts[i], scratch + ((nint)i * plan._inputFloats));

            (int batch, int channel) = Math.DivRem(plane, plan._request.Shape.InputChannels);
            int multiplier = plan._request.Shape.OutputChannels / plan._request.Shape.Groups;
            int skipped = plan._x.PadBegin - (plan._firstPosition * plan._x.Stride);
            for (int f = channel * multiplier; f < (channel + 1) * multiplier; f++)
                for (int phase = 0; phase < y.Phases.Length; phase++)
                {
                    nint o = ((nint)m * y.Phases.Length) + phase;
                    if (o >= y.Output)
                        break;

                    Sum(scratch, f, y.Phases[phase], sums);
                    nint at = (((((nint)batch * plan._request.Shape.OutputChannels) + f) * y.Output) + o) * plan._x.Output;
                    plan._request.Output.WriteRow<V>(sums + skipped, arguments.Output + at, arguments.Residual + at, plan._x.Output, f);
                }
        }

        // The inputs that the positions read, zeros around.
        private void CopyRow(float* input, int row, float* target)
        {
            new Span<float>(target, plan._inputFloats).Clear();
            if ((uint)row >= (uint)plan._y.Input)
                return;

            int first = plan._firstPosition - (plan._pieces - 1);
            int from = Math.Max(first, 0), to = Math.Min(first + plan._inputFloats, plan._x.Input);
            if (to > from)
                new ReadOnlySpan<float>(input + ((nint)row * plan._x.Input) + from, to - from).CopyTo(new Span<float>(target + from - first, to - from));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Sum(float* inputs, int f, Tap[] taps, float* sums)
        {
            int stride = plan._x.Stride, pieces = plan._pieces, pieceFloats = plan._pieceFloats;
            float* weights = plan._weights.Pointer + ((nint)f * plan._y.Kernel * pieces * pieceFloats);
            for (int q = 0; q < plan._positions; q += Positions)
                for (int r = 0; r < stride; r += V.Count)
                {
                    V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero;
                    for (int t = 0; t < taps.Length; t++)
                    {
                        float* x = inputs + ((nint)taps[t].Shift * plan._inputFloats) + q + pieces - 1;
                        float* w = weights + ((nint)taps[t].Kernel * pieces * pieceFloats) + r;
                        for (int j = 0; j < pieces; j++, x--, w += pieceFloats)
                        {
                            V k = V.Load(w);
                            a0 = V.MultiplyAdd(k, V.Broadcast(x[0]), a0);
                            a1 = V.MultiplyAdd(k, V.Broadcast(x[1]), a1);
                            a2 = V.MultiplyAdd(k, V.Broadcast(x[2]), a2);
                            a3 = V.MultiplyAdd(k, V.Broadcast(x[3]), a3);
                        }
                    }

                    float* target = sums + ((nint)q * stride) + r;
                    int count = Math.Min(stride - r, V.Count);
                    a0.StorePartial(target, count);
                    a1.StorePartial(target + stride, count);
                    a2.StorePartial(target + (2 * (nint)stride), count);
                    a3.StorePartial(target + (3 * (nint)stride), count);
                }
        }
    }
}
