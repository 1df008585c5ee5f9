using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// What both matrix products share: panels of the input are gathered in batches, blocks of output channels run over a batch, and a row of
/// the batch's outputs is written at a time.
/// </summary>
internal abstract unsafe class GemmPlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    // Outputs beyond this are not found in a last-level cache; see CostModel. Fetching smaller ones beforehand gains nothing.
    private const int CachedBytes = 16 << 20;

    private readonly int _channelUnit;
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
    private readonly bool _fetchesOutput;

    /// <summary>Plans what is common.</summary>
    /// <param name="request">The layer.</param>
    /// <param name="panels">Its input.</param>
    /// <param name="channelUnit">A block has a multiple of so many output channels.</param>
    /// <param name="largestBlock">The most units of a block.</param>
    /// <param name="phasesTogether">So many phases of the width, which then have the same number of taps, have their weights side by side.</param>
    protected GemmPlan(ConvRequest request, InputPanels<V> panels, int channelUnit, int largestBlock, int phasesTogether = 1)
    {
        (Request, Panels, _channelUnit, PhasesTogether) = (request, panels, channelUnit, phasesTogether);
        Groups = request.Shape.Groups;
        GroupRows = request.Shape.OutputChannels / Groups;
        _offsets = Array.ConvertAll(panels.Phases, PinnedOffsets);
        _tapsBefore = new int[panels.Phases.Length + 1];
        for (int phase = 0; phase < panels.Phases.Length; phase++)
            _tapsBefore[phase + 1] = _tapsBefore[phase] + panels.Phases[phase].Length;

        Blocks = new EvenSplit((GroupRows + channelUnit - 1) / channelUnit, largestBlock);
        int[] kernels = [.. panels.Phases.Chunk(phasesTogether).SelectMany(phases => phases[0].SelectMany((_, tap) => phases.Select(taps => taps[tap].Kernel)))];
        _weights = GemmWeights.Packed<V>(request, kernels, Blocks, channelUnit, phasesTogether);

        _fetchesOutput = request.Shape.Output.Count * sizeof(float) > CachedBytes;
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
        sizeof(float) * ((Request.Threads * WorkerFloats) + (Panels.Floats * HeldPanels));

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

    /// <summary>Phases of the width that are computed at once: each channel has a row for each of them.</summary>
    protected int PhasesTogether { get; }

    /// <summary>Elements from one channel's row of sums to the next's: the positions of a batch, in whole vectors.</summary>
    protected int RowStride => ((_batches.Largest * Panels.Width) + V.Count - 1) / V.Count * V.Count;

    /// <summary>Whether the plan computes outputs itself (<see cref="MultiplyToOutput"/>); a line that goes on in the next panel is then cut there.</summary>
    protected virtual bool Finishes => false;

    /// <summary>What a product needs beside its sums, for each worker.</summary>
    protected virtual long SpareFloats => 0;

    // Packed weights of a group: output channels are filled up to whole units.
    private nint GroupFloats => (GroupRows + _channelUnit - 1) / _channelUnit * _channelUnit * (nint)Panels.Channels * _tapsBefore[^1];

    // Phases of depth and height: their outputs are different rows.
    private int PhaseRows => Panels.Phases.Length / Panels.Grid.WidthPhases;

    // Panels in the workspace: all of them, or one batch for each worker.
    private long HeldPanels => _shared ? (long)Groups * Panels.Split.Pieces : (long)Request.Threads * _batches.Largest;

    private long PhaseSums => Blocks.Largest * (long)_channelUnit * RowStride;

    // Lines of a batch: of so many positions, and one that goes on from the batch before.
    private int MostLines => (int)(_batches.Largest * (long)Panels.Width / Panels.Grid.LinePositions) + 2 + (Finishes ? _batches.Largest : 0);

    // Sums of one block of channels in all phases of the width, a row of output, and the lines of a batch; whole cache lines of 64 bytes.
    private long WorkerFloats
    {
        get
        {
            long floats = ((PhaseSums + RowStride) * Panels.Grid.WidthPhases) + V.Count + SpareFloats;
            return (floats + (MostLines * (sizeof(OutputLine) / sizeof(float))) + 31) / 16 * 16;
        }
    }

    public override void Run(in ConvArguments arguments)
    {
        if (_shared)
            arguments.Threads.Run(Groups * Panels.Split.Pieces * Panels.Planes, new GatherItems(this, arguments), arguments.Cancellation);

        arguments.Threads.Run(Groups * _batches.Pieces * _parts.Pieces, new MultiplyItems(this, arguments), arguments.Cancellation);
    }

    /// <summary>Computes the sums of a block of output channels at the positions of some panels: <c>sums[channel][position]</c>.</summary>
    /// <param name="panels">The first of the panels; they follow each other.</param>
    /// <param name="firstPiece">Its number.</param>
    /// <param name="endPiece">The first panel that does not belong to them.</param>
    /// <param name="sums">Receives the sums, rows <see cref="RowStride"/> apart.</param>
    /// <param name="spare"><see cref="SpareFloats"/> elements.</param>
    /// <param name="group">The group.</param>
    /// <param name="phase">The phase.</param>
    /// <param name="block">The block of channels.</param>
    protected abstract void Multiply(float* panels, int firstPiece, int endPiece, float* sums, float* spare, int group, int phase, int block);

    /// <summary>
    /// Computes outputs, where the plan <see cref="Finishes"/> them, without a detour through rows of sums: those would be stored, loaded, finished and stored again, at once instead of
    /// between multiplications, while nothing else is done.
    /// </summary>
    /// <param name="panels">The first of the panels; they follow each other.</param>
    /// <param name="firstPiece">Its number.</param>
    /// <param name="endPiece">The first panel that does not belong to them.</param>
    /// <param name="outputs">What is computed: lines that end where panels do.</param>
    /// <param name="sums">Room for the sums of a panel.</param>
    /// <param name="output">The whole output.</param>
    /// <param name="group">The group.</param>
    /// <param name="block">The block of channels.</param>
    protected virtual void MultiplyToOutput(
        float* panels, int firstPiece, int endPiece, in LineOutputs outputs, float* sums, float* output, int group, int block) =>
        throw new NotSupportedException();

    /// <summary>Where each tap of a phase begins in a panel.</summary>
    protected int* Offsets(int phase) => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_offsets[phase]));

    /// <summary>The weights of a phase for a block of output channels: <c>[tap][c][channel]</c>, filled up with zeros to whole units.</summary>
    protected float* Weights(int group, int phase, int block)
    {
        nint before = (Blocks.Begin(block) * (nint)_tapsBefore[^1]) + (Blocks.Size(block) * (nint)_tapsBefore[phase]);
        return _weights.Pointer + (group * GroupFloats) + (before * _channelUnit * Panels.Channels);
    }

    private int[] PinnedOffsets(PanelTap[] taps)
    {
        int[] offsets = GC.AllocateUninitializedArray<int>(Math.Max(taps.Length, 1), pinned: true);
        for (int i = 0; i < taps.Length; i++)
            offsets[i] = taps[i].Plane * Panels.Channels * Panels.Width;

        return offsets;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyPart(in ConvArguments arguments, float* panels, float* worker, int group, int batch, int part)
    {
        int firstPiece = _batches.Begin(batch), endPiece = _batches.Begin(batch + 1);
        float* row = worker + (PhaseSums * Panels.Grid.WidthPhases);
        float* spare = row + ((nint)RowStride * Panels.Grid.WidthPhases) + V.Count;
        var lines = new Span<OutputLine>((void*)(((nint)(spare + SpareFloats) + 15) / 16 * 16), MostLines);
        int lastRow = -1, lineCount = 0;
        for (int i = _parts.Begin(part); i < _parts.Begin(part + 1); i++)
        {
            // Weights of a block's phases follow each other, in memory where they are large; lines of many panels are better found once.
            (int block, int phaseRow) = Finishes ? (i % Blocks.Pieces, i / Blocks.Pieces) : (i / PhaseRows, i % PhaseRows);
            int first = phaseRow * Panels.Grid.WidthPhases;
            if (phaseRow != lastRow)
                (lastRow, lineCount) = (phaseRow, FindLines(firstPiece, endPiece, first, lines));

            int before = group * GroupRows;
            int firstChannel = before + (Blocks.Begin(block) * _channelUnit), endChannel = before + Math.Min(Blocks.Begin(block + 1) * _channelUnit, GroupRows);
            var outputs = new LineOutputs(lines[..lineCount], first, firstChannel, endChannel);
            if (_fetchesOutput)
                Panels.Grid.Fetch<V>(arguments.Output, outputs);

            if (Finishes)
            {
                MultiplyToOutput(panels, firstPiece, endPiece, outputs, worker, arguments.Output, group, block);
                continue;
            }

            for (int phase = 0; phase < Panels.Grid.WidthPhases; phase++)
                Multiply(panels, firstPiece, endPiece, worker + (phase * PhaseSums), spare, group, first + phase, block);

            Panels.Grid.Write<V>(Request.Output, arguments, outputs, worker, RowStride, (nint)PhaseSums, row);
        }
    }

    // The lines of a batch in the phases of the width that begin with the given one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int FindLines(int firstPiece, int endPiece, int firstPhase, Span<OutputLine> lines)
    {
        int count = 0;
        var walk = new OutputLines(Panels.Grid, Panels.PositionOf(firstPiece), firstPhase);
        for (int piece = Finishes ? firstPiece + 1 : endPiece; piece <= endPiece; piece++)
        {
            while (walk.Next(Panels.PositionOf(piece)))
                lines[count++] = walk.Current;
        }

        return count;
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

            float* own = arguments.Workspace + (nint)(plan.HeldPanels * panels.Floats) + (worker * (nint)plan.WorkerFloats);
            plan.MultiplyPart(arguments, memory, own, group, batch, part);
        }
    }
}
