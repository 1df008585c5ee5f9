using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Panels that follow each other in memory.</summary>
/// <param name="panels">The first of them.</param>
/// <param name="first">Its number.</param>
/// <param name="end">The first panel that does not belong to them.</param>
internal readonly unsafe ref struct PanelBatch(float* panels, int first, int end)
{
    public readonly float* Panels = panels;
    public readonly int First = first;
    public readonly int End = end;
}

/// <summary>
/// What all matrix products share: panels of the input are gathered in batches, blocks of output channels run over a batch, and threads share
/// the batches, or the blocks.
/// </summary>
internal abstract unsafe class GemmPlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    private readonly PackedWeights _weights;
    private readonly int[][] _offsets;

    // Taps of the phases before each phase, and last those of all.
    private readonly int[] _tapsBefore;

    // Blocks of channels are shared out too where there are too few batches to occupy all threads; then the panels are gathered first, by
    // everybody, into memory that is shared. Else each worker gathers its own batch.
    private readonly EvenSplit _batches;
    private readonly EvenSplit _parts;
    private readonly bool _shared;
    private readonly bool _sharesWeights;

    /// <summary>Plans what is common.</summary>
    /// <param name="request">The layer.</param>
    /// <param name="panels">Its input.</param>
    /// <param name="channelUnit">A block has a multiple of so many output channels.</param>
    /// <param name="largestBlock">The most units of a block.</param>
    /// <param name="phasesTogether">So many phases of the width, which then have the same number of taps, have their weights side by side.</param>
    protected GemmPlan(ConvRequest request, InputPanels<V> panels, int channelUnit, int largestBlock, int phasesTogether = 1)
    {
        (Request, Panels, ChannelUnit, PhasesTogether) = (request, panels, channelUnit, phasesTogether);
        Groups = request.Shape.Groups;
        GroupRows = request.Shape.OutputChannels / Groups;
        _offsets = Array.ConvertAll(panels.Phases, PinnedOffsets);
        _tapsBefore = new int[panels.Phases.Length + 1];
        for (int phase = 0; phase < panels.Phases.Length; phase++)
            _tapsBefore[phase + 1] = _tapsBefore[phase] + panels.Phases[phase].Length;

        Blocks = new EvenSplit((GroupRows + channelUnit - 1) / channelUnit, largestBlock);
        int[] kernels = [.. panels.Phases.Chunk(phasesTogether).SelectMany(phases => phases[0].SelectMany((_, tap) => phases.Select(taps => taps[tap].Kernel)))];
        _weights = GemmWeights.Packed<V>(request, kernels, Blocks, channelUnit, phasesTogether);

        // Fetching beforehand what a last-level cache holds gains nothing.
        FetchesOutput = request.Shape.Output.Count * sizeof(float) > CostModel.CachedBytes;
        int wanted = request.Threads == 1 ? 1 : 4 * request.Threads;
        long fitting = Math.Min(CostModel.GemmBatchBytes / (sizeof(float) * panels.Floats), CostModel.GemmBatchPositions / panels.Width);

        // Where there are more weights than panels, they are what threads share: each batch takes its time to read all of them.
        int rows = PhaseRows * Blocks.Pieces;
        _sharesWeights = GroupFloats > panels.Floats * panels.Split.Pieces && (long)Groups * rows >= wanted;
        long share = _sharesWeights ? panels.Split.Pieces : Math.Max(1, Groups * (long)panels.Split.Pieces / wanted);
        _batches = new EvenSplit(panels.Split.Pieces, (int)Math.Clamp(fitting, 1, share));
        int items = _sharesWeights ? Groups : Groups * _batches.Pieces;
        _shared = items < wanted;
        _parts = new EvenSplit(rows, _shared ? Math.Max(1, rows * items / wanted) : rows);
    }

    public override long WorkspaceBytes =>
        sizeof(float) * ((Request.Threads * WorkerFloats) + HeldFloats);

    public override long PackedBytes => _weights.Bytes;

    /// <summary>The layer.</summary>
    protected ConvRequest Request { get; }

    /// <summary>Its input.</summary>
    protected InputPanels<V> Panels { get; }

    /// <summary>Groups of channels.</summary>
    protected int Groups { get; }

    /// <summary>Output channels of a group.</summary>
    protected int GroupRows { get; }

    /// <summary>The blocks of output channels of a group, in units.</summary>
    protected EvenSplit Blocks { get; }

    /// <summary>Output channels of a unit.</summary>
    protected int ChannelUnit { get; }

    /// <summary>Phases of the width that are computed at once: each channel has a row for each of them.</summary>
    protected int PhasesTogether { get; }

    /// <summary>Phases of depth and height: their outputs are different rows.</summary>
    protected int PhaseRows => Panels.Phases.Length / Panels.Grid.WidthPhases;

    /// <summary>The most panels of a batch.</summary>
    protected int BatchPanels => _batches.Largest;

    /// <summary>The most lines of a batch: of so many positions, and one that goes on from the batch before.</summary>
    protected int MostLines => (int)(_batches.Largest * (long)Panels.Width / Panels.Grid.LinePositions) + 2;

    /// <summary>Whether outputs are so large that the caches do not hold them and are told of those that will be written.</summary>
    protected bool FetchesOutput { get; }

    /// <summary>Elements of memory that each worker has for itself, beside panels; whole cache lines (<see cref="WholeLines"/>).</summary>
    protected abstract long WorkerFloats { get; }

    // Packed weights of a group: output channels are filled up to whole units.
    private nint GroupFloats => (GroupRows + ChannelUnit - 1) / ChannelUnit * ChannelUnit * (nint)Panels.Channels * _tapsBefore[^1];

    // Panels in the workspace: all of them, or one batch for each worker.
    private long HeldFloats => WholeLines(Panels.Floats * (_shared ? (long)Groups * Panels.Split.Pieces : (long)Request.Threads * _batches.Largest));

    public override void Run(in ConvArguments arguments)
    {
        if (_shared)
            arguments.Threads.Run(Groups * Panels.Split.Pieces * Panels.Planes, new GatherItems(this, arguments), arguments.Cancellation);

        arguments.Threads.Run(Groups * _batches.Pieces * _parts.Pieces, new MultiplyItems(this, arguments), arguments.Cancellation);
    }

    /// <summary>
    /// Computes outputs at the positions of a batch. Parts are blocks of output channels in phases of depth and height: there are
    /// <see cref="PhaseRows"/> times <see cref="Blocks"/> of them, in the order that suits the plan.
    /// </summary>
    /// <param name="arguments">Input and output.</param>
    /// <param name="batch">The panels.</param>
    /// <param name="group">Their group.</param>
    /// <param name="firstPart">The first part.</param>
    /// <param name="endPart">The first part that somebody else computes.</param>
    /// <param name="memory"><see cref="WorkerFloats"/> elements.</param>
    protected abstract void Multiply(in ConvArguments arguments, in PanelBatch batch, int group, int firstPart, int endPart, float* memory);

    /// <summary>So many elements, filled up to whole cache lines of 64 bytes.</summary>
    protected static long WholeLines(long floats) => (floats + 15) / 16 * 16;

    /// <summary>The outputs of a block of channels.</summary>
    protected LineOutputs OutputsOf(ReadOnlySpan<OutputLine> lines, int group, int block)
    {
        int before = group * GroupRows;
        return new LineOutputs(lines, before + (Blocks.Begin(block) * ChannelUnit), before + Math.Min(Blocks.Begin(block + 1) * ChannelUnit, GroupRows));
    }

    /// <summary>Where each tap of a phase begins in a panel.</summary>
    protected int* Offsets(int phase) => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_offsets[phase]));

    /// <summary>The weights of a phase for a block of output channels: <c>[tap][c][channel]</c>, filled up with zeros to whole units.</summary>
    protected float* Weights(int group, int phase, int block)
    {
        nint before = (Blocks.Begin(block) * (nint)_tapsBefore[^1]) + (Blocks.Size(block) * (nint)_tapsBefore[phase]);
        return _weights.Pointer + (group * GroupFloats) + (before * ChannelUnit * Panels.Channels);
    }

    private int[] PinnedOffsets(PanelTap[] taps)
    {
        int[] offsets = GC.AllocateUninitializedArray<int>(Math.Max(taps.Length, 1), pinned: true);
        for (int i = 0; i < taps.Length; i++)
            offsets[i] = taps[i].Plane * Panels.Channels * Panels.Width;

        return offsets;
    }

    // Gathers one plane (one shift of the input, all channels of a group) of one panel into shared memory.
    private readonly struct GatherItems(GemmPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            InputPanels<V> panels = plan.Panels;
            (int panel, int plane) = Math.DivRem(item, panels.Planes);
            (int group, int piece) = Math.DivRem(panel, panels.Split.Pieces);
            panels.Gather(arguments.Input, arguments.Workspace + (panel * (nint)panels.Floats), group, piece, plane);
        }
    }

    private readonly struct MultiplyItems(GemmPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            InputPanels<V> panels = plan.Panels;
            // A thread goes through its weights once for each batch, or through its batches once for each part of the weights.
            (int group, item) = Math.DivRem(item, plan._batches.Pieces * plan._parts.Pieces);
            (int batch, int part) = plan._sharesWeights
                ? (item % plan._batches.Pieces, item / plan._batches.Pieces)
                : Math.DivRem(item, plan._parts.Pieces);
            int begin = plan._batches.Begin(batch), end = plan._batches.Begin(batch + 1);
            long place = plan._shared ? ((long)group * panels.Split.Pieces) + begin : (long)worker * plan._batches.Largest;
            float* memory = arguments.Workspace + (nint)(place * panels.Floats);
            for (int piece = begin; piece < end && !plan._shared; piece++)
            {
                for (int plane = 0; plane < panels.Planes; plane++)
                    panels.Gather(arguments.Input, memory + ((piece - begin) * (nint)panels.Floats), group, piece, plane);
            }

            float* own = arguments.Workspace + (nint)plan.HeldFloats + (worker * (nint)plan.WorkerFloats);
            plan.Multiply(arguments, new PanelBatch(memory, begin, end), group, plan._parts.Begin(part), plan._parts.Begin(part + 1), own);
        }
    }
}
