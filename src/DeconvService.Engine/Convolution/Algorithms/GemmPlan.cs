using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned as a matrix product; see <see cref="Gemm"/>.</summary>
internal sealed unsafe class GemmPlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    private readonly ConvRequest _request;
    private readonly InputPanels<V> _panels;
    private readonly EvenSplit _rows;
    private readonly PackedWeights _weights;
    private readonly int[][] _offsets;
    private readonly int _groupRows;
    private readonly int _groups;

    // Neighbouring panels that weights and output rows are used for before the next ones.
    private const int BatchBytes = 256 << 10;

    // Row blocks are cut into so many chunks in each batch of panels, where there are too few batches to occupy all threads;
    // then the panels are gathered first, by everybody, into memory that is shared. Else each worker gathers its own batch.
    private readonly EvenSplit _batches;
    private readonly EvenSplit _rowChunks;
    private readonly bool _shared;

    public GemmPlan(ConvRequest request, InputPanels<V> panels)
    {
        (_request, _panels) = (request, panels);
        ConvShape shape = request.Shape;
        _groups = shape.Groups;
        _groupRows = shape.OutputChannels / _groups;
        _rows = new EvenSplit(_groupRows, Blocking.Rows<V>(panels.Split.Largest));
        _offsets = Array.ConvertAll(panels.Phases, PinnedOffsets);
        _weights = request.Weights.Packed(
            request.Pool,
            ("gemm", shape.Kind, _rows, _groups, string.Join(';', panels.Phases.SelectMany(taps => taps))),
            shape.Weight.Count,
            (from, to) => Pack(shape, from, to));

        int wanted = 4 * request.Threads;
        _batches = new EvenSplit(panels.Split.Pieces, (int)Math.Clamp(BatchBytes / (sizeof(float) * panels.Floats), 1, Math.Max(1, _groups * (long)panels.Split.Pieces / wanted)));
        int items = _groups * _batches.Pieces;
        _shared = items < wanted;
        _rowChunks = new EvenSplit(_rows.Pieces, _shared ? Math.Max(1, _rows.Pieces * items / wanted) : _rows.Pieces);
    }

    public override string Name => _panels.Interleaved ? "phase-gemm" : "gemm";

    public override long PackedBytes => _weights.Bytes;

    public override long WorkspaceBytes =>
        sizeof(float) * ((_request.Threads * SumFloats) + (_panels.Floats * HeldPanels));

    // Panels in the workspace: all of them, or one batch for each worker.
    private long HeldPanels => _shared ? (long)_groups * _panels.Split.Pieces : (long)_request.Threads * _batches.Largest;

    // Sums of one row block in all phases of the width, and a row of output.
    private long SumFloats => (((long)_rows.Largest * _panels.WidthPhases) + _panels.WidthPhases) * _panels.Width;

    public override void Run(in ConvArguments arguments)
    {
        if (_shared)
            arguments.Threads.Run(_groups * _panels.Split.Pieces * _panels.Planes, new GatherItems(this, arguments), arguments.Cancellation);

        arguments.Threads.Run(_groups * _batches.Pieces * _rowChunks.Pieces, new MultiplyItems(this, arguments), arguments.Cancellation);
    }

    private int[] PinnedOffsets(PanelTap[] taps)
    {
        int[] offsets = GC.AllocateUninitializedArray<int>(Math.Max(taps.Length, 1), pinned: true);
        for (int i = 0; i < taps.Length; i++)
            offsets[i] = taps[i].Plane * _panels.Channels * _panels.Width;

        return offsets;
    }

    // [group][phase][row block][tap][c][R]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pack(ConvShape shape, float* weight, float* packed)
    {
        int channels = _panels.Channels;
        nint kernel = (nint)(shape.Weight.Count / shape.Weight[0] / shape.Weight[1]);
        bool transposed = shape.Kind == ConvKind.Transposed;
        nint rowStride = transposed ? kernel : channels * kernel;
        nint channelStride = transposed ? _groupRows * kernel : kernel;
        for (int group = 0; group < _groups; group++)
        {
            float* from = weight + (group * (nint)channels * _groupRows * kernel);
            foreach (PanelTap[] taps in _panels.Phases)
            {
                for (int block = 0; block < _rows.Pieces; block++)
                {
                    int rows = _rows.Size(block);
                    float* first = from + (_rows.Begin(block) * rowStride);
                    foreach (PanelTap tap in taps)
                    {
                        for (int c = 0; c < channels; c++)
                        {
                            float* source = first + (c * channelStride) + tap.Kernel;
                            for (int r = 0; r < rows; r++)
                                *packed++ = source[r * rowStride];
                        }
                    }
                }
            }
        }
    }

    // All panels of a batch and some row blocks; a row block runs over all panels before the next one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(in ConvArguments arguments, float* panels, float* sums, int group, int batch, int chunk)
    {
        float* weights = _weights.Pointer + (group * (nint)(_request.Shape.Weight.Count / _groups));
        nint groupWeights = _groupRows * (nint)_panels.Channels;
        for (int first = 0; first < _panels.Phases.Length; first += _panels.WidthPhases)
        {
            for (int block = _rowChunks.Begin(chunk); block < _rowChunks.Begin(chunk + 1); block++)
            {
                for (int piece = _batches.Begin(batch); piece < _batches.Begin(batch + 1); piece++)
                {
                    float* panel = panels + ((piece - _batches.Begin(batch)) * (nint)_panels.Floats);
                    MultiplyPanel(panel, weights, sums, first, block, piece);
                    WriteRows(arguments, sums, group, first, block, piece);
                }
            }

            for (int phase = first; phase < first + _panels.WidthPhases; phase++)
                weights += groupWeights * _panels.Phases[phase].Length;
        }
    }

    // The sums of a row block in one panel, for the phases of the width from the given one on.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyPanel(float* panel, float* weights, float* sums, int first, int block, int piece)
    {
        int rows = _rows.Size(block);
        delegate*<in MicroProduct, void> kernel = MicroKernelTable.Find<V, SideBySide>(rows, _panels.Split.Size(piece));
        for (int phase = first; phase < first + _panels.WidthPhases; phase++)
        {
            int taps = _panels.Phases[phase].Length;
            var product = new MicroProduct
            {
                A = weights + (_rows.Begin(block) * (nint)_panels.Channels * taps),
                X = panel,
                Offsets = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_offsets[phase])),
                Segments = taps,
                Depth = _panels.Channels,
                LastDepth = _panels.Channels,
                Step = _panels.Width,
                C = sums + ((phase - first) * (nint)rows * _panels.Width),
                RowStride = _panels.Width,
            };
            kernel(in product);
            weights += _groupRows * (nint)_panels.Channels * taps;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WriteRows(in ConvArguments arguments, float* sums, int group, int first, int block, int piece)
    {
        int rows = _rows.Size(block);
        float* spare = sums + ((nint)_rows.Largest * _panels.WidthPhases * _panels.Width);
        for (int r = 0; r < rows; r++)
        {
            int channel = (group * _groupRows) + _rows.Begin(block) + r;
            _panels.Write(_request.Output, arguments, piece, first, sums + (r * (nint)_panels.Width), rows * (nint)_panels.Width, spare, channel);
        }
    }

    // Gathers one plane (one shift of the input, all channels of a group) of one panel into shared memory.
    private readonly struct GatherItems(GemmPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            InputPanels<V> panels = plan._panels;
            (int panel, int plane) = Math.DivRem(item, panels.Planes);
            (int group, int piece) = Math.DivRem(panel, panels.Split.Pieces);
            panels.Gather(arguments.Input, arguments.Workspace + (panel * (nint)panels.Floats), group, piece, plane);
        }
    }

    private readonly struct MultiplyItems(GemmPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            InputPanels<V> panels = plan._panels;
            (item, int chunk) = Math.DivRem(item, plan._rowChunks.Pieces);
            (int group, int batch) = Math.DivRem(item, plan._batches.Pieces);
            int begin = plan._batches.Begin(batch), end = plan._batches.Begin(batch + 1);
            long place = plan._shared ? ((long)group * panels.Split.Pieces) + begin : (long)worker * plan._batches.Largest;
            float* memory = arguments.Workspace + (nint)(place * panels.Floats);
            for (int piece = begin; piece < end && !plan._shared; piece++)
            {
                for (int plane = 0; plane < panels.Planes; plane++)
                    panels.Gather(arguments.Input, memory + ((piece - begin) * (nint)panels.Floats), group, piece, plane);
            }

            float* sums = arguments.Workspace + (nint)(plan.HeldPanels * panels.Floats) + (worker * (nint)plan.SumFloats);
            plan.Multiply(arguments, memory, sums, group, batch, chunk);
        }
    }
}
