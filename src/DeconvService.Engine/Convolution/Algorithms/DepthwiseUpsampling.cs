using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Transposed depthwise layers whose stride along x is a vector or more, such as FCN's up-sampling by 32: vectors along the phase.
/// </summary>
/// <remarks>
/// <para>
/// With <c>o = m * s + r</c> an output is <c>sum over rows and shifts d of input[row][m + d] * w[ky][r + pad - d * s]</c>. Neighbouring
/// outputs have the same m and neighbouring r: they read one input and a vector of the kernel's row. See <see cref="TapAxis"/> for the phases.
/// </para>
/// <code>
/// stride 32, kernel 64, pad 16, 16 lanes:     | m = 0                         | m = 1 ...
///   outputs                                   | r = 0 .. 15   | r = 16 .. 31  |
///   read                                        x[-1], x[0]     x[0], x[1]
///   times                                       w[48 .. 63],    w[32 .. 47],
///                                               w[16 .. 31]     w[0 .. 15]
/// </code>
/// <para>
/// There is little to compute for each output and much to write, so rows go straight to the output, in the order in which they lie there.
/// Source: phase decomposition (sub-pixel convolution, Shi et al. 2016), here with the phases in the lanes.
/// </para>
/// </remarks>
internal sealed unsafe class DepthwiseUpsampling<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    // Of more columns a separable kernel is applied faster in two passes.
    private const int MaximumPieces = 3;

    // Where a stride is several vectors, or pairs of them, a row is gone through once for each, in pieces of so many positions: they stay in
    // the first-level cache.
    private const int Positions = 16;

    private readonly ConvRequest _request;
    private readonly TapAxis _y;
    private readonly TapAxis _x;
    private readonly PhaseVector[] _vectors;
    private readonly int _vectorsOfPhase;
    private readonly int _whole;
    private readonly bool _manyRows;
    private readonly (Tap Row, int Shift)[] _reads;
    private readonly int[] _offsets;
    private readonly PackedWeights _weights;
    private readonly int _lineFloats;
    private readonly int _sumFloats;

    private DepthwiseUpsampling(ConvRequest request, TapAxis y, TapAxis x)
    {
        (_request, _y, _x) = (request, y, x);
        _lineFloats = Align(x.Grid + x.Shifts[^1] - x.Shifts[0]);
        _whole = x.Output / x.Phases.Length;
        _vectorsOfPhase = (x.Phases.Length + V.Count - 1) / V.Count;
        (_vectors, _reads) = SortTaps(x, y);
        // One pass over each row, so that many of them are still written in order.
        _manyRows = _vectorsOfPhase == 1 || (_vectorsOfPhase == 2 && _vectors.All(vector => vector.Phase > 0 || vector.Pairs));
        _offsets = GC.AllocateArray<int>(_reads.Length, pinned: true);
        for (int i = 0; i < _reads.Length; i++)
            _offsets[i] = (_reads[i].Row.Shift * _lineFloats) + _reads[i].Shift - x.Shifts[0];

        bool direct = request.Output.Epilogue is { Activation: Activation.None, HasResidual: false };
        _sumFloats = direct ? 0 : Align(x.Output);
        ConvAxis axis = request.Shape.Axes[^1];
        string key = $"depthwise phases {axis.Stride} {axis.Dilation} {axis.PadBegin} {V.Count}";
        _weights = request.Weights.Packed(request.Pool, key, (long)request.Shape.OutputChannels * _reads.Length * V.Count, Pack);
    }

    public override string Name => "depthwise-phases";

    public override long WorkspaceBytes => ScratchFloats * sizeof(float) * _request.Threads;

    public override long PackedBytes => _weights.Bytes;

    private long ScratchFloats => ((long)_y.Shifts.Length * _lineFloats) + _sumFloats;

    /// <summary>The layer planned, or null where the stride is too small.</summary>
    public static DepthwiseUpsampling<V>? TryPlan(ConvRequest request)
    {
        ConvShape shape = request.Shape;
        if (shape.Kind != ConvKind.Transposed || shape.SpatialRank > 2)
            return null;

        ConvAxis x = shape.Axes[^1];
        bool fits = x.Dilation == 1 && x.Stride >= V.Count && x.Kernel >= x.Stride && x.Kernel <= MaximumPieces * x.Stride;
        if (!fits || (long)x.Output + (Positions * (long)x.Stride) > int.MaxValue / 8)
            return null;

        TapAxis[] axes = TapAxis.Of(shape);
        return axes[1].Shifts.Length <= 64 ? new DepthwiseUpsampling<V>(request, axes[1], axes[2]) : null;
    }

    public override void Run(in ConvArguments arguments)
    {
        int planes = checked(_request.Shape.Batch * _request.Shape.InputChannels);
        arguments.Threads.Run(checked(planes * _y.Grid), new Rows(this, arguments), arguments.Cancellation);
    }

    // What each vector of phases of each phase along y reads: every shift that one of its lanes reads at, in all its rows.
    private static (PhaseVector[] Vectors, (Tap Row, int Shift)[] Reads) SortTaps(TapAxis x, TapAxis y)
    {
        var vectors = new List<PhaseVector>();
        var reads = new List<(Tap, int)>();
        foreach (Tap[] rows in y.Phases)
            for (int r = 0; r < x.Phases.Length; r += V.Count)
            {
                int lanes = Math.Min(V.Count, x.Phases.Length - r);
                int[] shifts = ShiftsOf(x, r), next = ShiftsOf(x, r + V.Count);
                int distance = shifts.Length > 0 && next.Length > 0 ? next[0] - shifts[0] : 0;
                bool pairs = r + (2 * V.Count) <= x.Phases.Length && next.SequenceEqual(shifts.Select(shift => shift + distance));
                vectors.Add(new PhaseVector(r, lanes, reads.Count, rows.Length * shifts.Length, pairs, distance));
                reads.AddRange(from row in rows from shift in shifts select (row, shift));
            }

        return ([.. vectors], [.. reads]);
    }

    private static int[] ShiftsOf(TapAxis x, int phase) =>
        [.. x.Phases.Skip(phase).Take(V.Count).SelectMany(taps => taps).Select(tap => x.Shifts[tap.Shift]).Distinct().Order()];

    // For every read of every vector of phases its weights; zeros where a lane does not read there.
    private void Pack(float* weight, float* packed)
    {
        int channels = _request.Shape.OutputChannels;
        new Span<float>(packed, channels * _reads.Length * V.Count).Clear();
        for (int f = 0; f < channels; f++, weight += _y.Kernel * _x.Kernel)
            foreach (PhaseVector vector in _vectors)
                for (int i = 0; i < vector.Count; i++, packed += V.Count)
                {
                    (Tap row, int shift) = _reads[vector.First + i];
                    for (int lane = 0; lane < vector.Lanes; lane++)
                        foreach (Tap tap in _x.Phases[vector.Phase + lane])
                        {
                            if (_x.Shifts[tap.Shift] == shift)
                                packed[lane] = weight[(row.Kernel * _x.Kernel) + tap.Kernel];
                        }
                }
    }

    private static int Align(int floats) => (floats + 15) / 16 * 16;

    /// <summary>Neighbouring phases.</summary>
    /// <param name="Phase">The first one.</param>
    /// <param name="Lanes">Their number.</param>
    /// <param name="First">Index of the first of its reads.</param>
    /// <param name="Count">Number of reads.</param>
    /// <param name="Pairs">Whether the next vector is as long and reads the same, perhaps some inputs on.</param>
    /// <param name="Distance">How many.</param>
    private readonly record struct PhaseVector(int Phase, int Lanes, int First, int Count, bool Pairs, int Distance);

    private readonly struct Rows(DepthwiseUpsampling<V> plan, ConvArguments arguments) : IWorkItems
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Execute(int item, int worker)
        {
            TapAxis y = plan._y;
            (int plane, int m) = Math.DivRem(item, y.Grid);
            float* lines = arguments.Workspace + (worker * (nint)plan.ScratchFloats);
            float* sums = lines + ((nint)y.Shifts.Length * plan._lineFloats);
            for (int i = 0; i < y.Shifts.Length; i++)
                CopyRow(arguments.Input + ((nint)plane * y.Input * plan._x.Input), m + y.Shifts[i], lines + ((nint)i * plan._lineFloats));

            (int batch, int channel) = Math.DivRem(plane, plan._request.Shape.InputChannels);
            int multiplier = plan._request.Shape.OutputChannels / plan._request.Shape.Groups;
            OutputStage stage = plan._request.Output;
            for (int f = channel * multiplier; f < (channel + 1) * multiplier; f++)
                for (int phase = 0, rows; phase < y.Phases.Length; phase += rows)
                {
                    nint o = ((nint)m * y.Phases.Length) + phase;
                    if (o >= y.Output)
                        break;

                    rows = plan._manyRows && plan._sumFloats == 0 ? (int)Math.Min(RowsThatRead(phase), y.Output - o) : 1;
                    nint at = (((((nint)batch * plan._request.Shape.OutputChannels) + f) * y.Output) + o) * plan._x.Output;
                    if (plan._sumFloats == 0)
                    {
                        Sum(lines, f, phase, rows, stage.Bias[f], arguments.Output + at);
                        continue;
                    }

                    Sum(lines, f, phase, rows, 0, sums);
                    stage.WriteRow<V>(sums, arguments.Output + at, arguments.Residual + at, plan._x.Output, f);
                }
        }

        // How many phases along y from this one on read the same rows.
        private int RowsThatRead(int phase)
        {
            Tap[][] phases = plan._y.Phases;
            int end = phase + 1;
            while (end < phases.Length && ReadAlike(phases[phase], phases[end]))
                end++;

            return end - phase;
        }

        private static bool ReadAlike(Tap[] one, Tap[] other)
        {
            bool alike = one.Length == other.Length;
            for (int i = 0; alike && i < one.Length; i++)
                alike = one[i].Shift == other[i].Shift;

            return alike;
        }

        // The inputs that the positions read, zeros around.
        private void CopyRow(float* input, int row, float* target)
        {
            new Span<float>(target, plan._lineFloats).Clear();
            if ((uint)row >= (uint)plan._y.Input)
                return;

            int first = plan._x.Shifts[0];
            int from = Math.Max(first, 0), to = Math.Min(first + plan._lineFloats, plan._x.Input);
            if (to > from)
                new ReadOnlySpan<float>(input + ((nint)row * plan._x.Input) + from, to - from).CopyTo(new Span<float>(target + from - first, to - from));
        }

        // Output rows that read the same: the positions that have all their outputs, and the last one.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Sum(float* lines, int f, int phase, int rows, float bias, float* target)
        {
            int* offsets = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(plan._offsets));
            float* weights = plan._weights.Pointer + ((nint)f * plan._offsets.Length * V.Count);
            int firstVector = phase * plan._vectorsOfPhase;
            var row = new DepthwiseUpsamplingRow { Bias = bias, Rows = rows, Pitch = plan._x.Output, Stride = plan._x.Phases.Length };
            if (rows > 1)
                row.WeightsPitch = (plan._vectors[firstVector + plan._vectorsOfPhase].First - plan._vectors[firstVector].First) * (nint)V.Count;

            for (int q = 0; q < plan._x.Grid; q += row.Positions)
            {
                bool whole = q < plan._whole;
                row.Lines = lines + q;
                row.Positions = whole ? Math.Min(plan._manyRows ? plan._whole : Positions, plan._whole - q) : 1;
                for (int i = 0; i < plan._vectorsOfPhase; i++)
                {
                    PhaseVector vector = plan._vectors[firstVector + i];
                    nint first = (q * row.Stride) + vector.Phase;
                    row.Left = plan._x.Output - first;
                    if (row.Left <= 0)
                        break;

                    row.Lanes = vector.Lanes;
                    row.Target = target + first;
                    row.Offsets = offsets + vector.First;
                    row.Weights = weights + (vector.First * (nint)V.Count);
                    bool pair = whole && vector.Pairs;
                    row.NextWeights = pair ? row.Weights + (vector.Count * V.Count) : null;
                    row.NextOffset = vector.Distance;
                    i += pair ? 1 : 0;
                    Sum(row, vector.Count);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Sum(DepthwiseUpsamplingRow row, int taps)
        {
            int most = DepthwiseUpsamplingKernel<V>.MaximumTaps;
            DepthwiseUpsamplingKernel<V>.Run(Math.Min(taps, most), row);
            for (taps -= most; taps > 0; taps -= most)
            {
                row.Accumulates = true;
                row.Offsets += most;
                row.Weights += most * V.Count;
                row.NextWeights = row.NextWeights == null ? null : row.NextWeights + (most * V.Count);
                DepthwiseUpsamplingKernel<V>.Run(Math.Min(taps, most), row);
            }
        }
    }
}
