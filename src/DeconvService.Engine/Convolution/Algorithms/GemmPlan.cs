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

    // Rows are cut into so many chunks in each panel, where there are too few panels to occupy all threads;
    // then the panels are gathered first, by everybody, into memory that is shared. Else each worker gathers its own.
    private readonly int _rowChunks;
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

        int items = _groups * panels.Split.Pieces;
        _shared = items < 4 * request.Threads;
        _rowChunks = _shared ? Math.Min(_rows.Pieces, ((4 * request.Threads) + items - 1) / items) : 1;
    }

    public override string Name => _panels.Interleaved ? "phase-gemm" : "gemm";

    public override long PackedBytes => _weights.Bytes;

    public override long WorkspaceBytes =>
        sizeof(float) * ((_request.Threads * SumFloats) + (_panels.Floats * (_shared ? (long)_groups * _panels.Split.Pieces : _request.Threads)));

    // Sums of one row block in all phases of the width, and a row of output.
    private long SumFloats => (((long)_rows.Largest * _panels.WidthPhases) + _panels.WidthPhases) * _panels.Width;

    public override void Run(in ConvArguments arguments)
    {
        int items = _groups * _panels.Split.Pieces;
        if (_shared)
            arguments.Threads.Run(items * _panels.Planes, new GatherItems(this, arguments), arguments.Cancellation);

        arguments.Threads.Run(items * _rowChunks, new MultiplyItems(this, arguments), arguments.Cancellation);
    }

    private int[] PinnedOffsets(PanelTap[] taps)
    {
        int[] offsets = GC.AllocateUninitializedArray<int>(Math.Max(taps.Length, 1), pinned: true);
        for (int i = 0; i < taps.Length; i++)
            offsets[i] = taps[i].Plane * _panels.Channels * _panels.Width;

        return offsets;
    }

    // [group][phase][row block][tap][c][R]
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

    private void Multiply(in ConvArguments arguments, float* panel, float* sums, int group, int piece, int firstBlock, int endBlock)
    {
        int vectors = _panels.Split.Size(piece);
        nint groupWeights = _groupRows * (nint)_panels.Channels;
        float* weights = _weights.Pointer + (group * (nint)(_request.Shape.Weight.Count / _groups));
        for (int first = 0; first < _panels.Phases.Length; first += _panels.WidthPhases)
        {
            for (int block = firstBlock; block < endBlock; block++)
            {
                int rows = _rows.Size(block);
                delegate*<in MicroProduct, void> kernel = MicroKernelTable.Find<V, SideBySide>(rows, vectors);
                float* phaseWeights = weights;
                for (int phase = first; phase < first + _panels.WidthPhases; phase++)
                {
                    int taps = _panels.Phases[phase].Length;
                    int[] offsets = _offsets[phase];
                    var product = new MicroProduct
                    {
                        A = phaseWeights + (_rows.Begin(block) * (nint)_panels.Channels * taps),
                        X = panel,
                        Offsets = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(offsets)),
                        Segments = taps,
                        Depth = _panels.Channels,
                        LastDepth = _panels.Channels,
                        Step = _panels.Width,
                        C = sums + ((phase - first) * (nint)rows * _panels.Width),
                        RowStride = _panels.Width,
                    };
                    kernel(in product);
                    phaseWeights += groupWeights * taps;
                }

                for (int r = 0; r < rows; r++)
                {
                    float* row = sums + (r * (nint)_panels.Width);
                    float* spare = sums + ((nint)_rows.Largest * _panels.WidthPhases * _panels.Width);
                    int channel = (group * _groupRows) + _rows.Begin(block) + r;
                    _panels.Write(_request.Output, arguments, piece, first, row, rows * (nint)_panels.Width, spare, channel);
                }
            }

            for (int phase = first; phase < first + _panels.WidthPhases; phase++)
                weights += groupWeights * _panels.Phases[phase].Length;
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
            (int panel, int chunk) = Math.DivRem(item, plan._rowChunks);
            (int group, int piece) = Math.DivRem(panel, panels.Split.Pieces);
            float* memory = arguments.Workspace + ((plan._shared ? panel : worker) * (nint)panels.Floats);
            if (!plan._shared)
            {
                for (int plane = 0; plane < panels.Planes; plane++)
                    panels.Gather(arguments.Input, memory, group, piece, plane);
            }

            int held = plan._shared ? plan._groups * panels.Split.Pieces : plan._request.Threads;
            float* sums = arguments.Workspace + (held * (nint)panels.Floats) + (worker * (nint)plan.SumFloats);
            var blocks = new EvenSplit(plan._rows.Pieces, (plan._rows.Pieces + plan._rowChunks - 1) / plan._rowChunks);
            if (chunk < blocks.Pieces)
                plan.Multiply(arguments, memory, sums, group, piece, blocks.Begin(chunk), blocks.Begin(chunk + 1));
        }
    }
}
