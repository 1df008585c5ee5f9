using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// A layer planned as a matrix product (see <see cref="Gemm"/>) whose kernel writes the outputs: where these are neighbours as the positions are,
/// or those of two phases alternate that read the same inputs, and nothing but a bias and bounds is asked for. Rows of sums would be stored,
/// loaded, finished and stored again, at once instead of between multiplications, while nothing else is done.
/// </summary>
/// <remarks>
/// Lines of outputs end within panels. How a panel's outputs are then stored:
/// <code>
///   positions of a panel    0 1 2 3 4 5 6 7 8 9 . . . . . .
///   outputs, two phases     line 3, its last 12 |line 4, its first 20      each line begins elsewhere
///   whole                                                                  one line: the kernel stores vectors
///   in fours                +---+---+---+-------+---+---+---+---+---+      lines that end at fours: it stores those
///   by copying              all into memory of the worker, from there line by line
/// </code>
/// </remarks>
internal sealed unsafe class GemmOutputsPlan<V> : GemmPlan<V>
    where V : struct, IVec<V>
{
    private readonly FinishingKernels _most;
    private readonly FinishingKernels _fewer;

    // Whether the taps of each phase read planes in their order: one segment, with few channels a change of segments costs as much as
    // some steps.
    private readonly bool[] _consecutive;

    /// <summary>Plans a layer.</summary>
    /// <param name="request">The layer.</param>
    /// <param name="panels">Its input.</param>
    /// <param name="twins">Whether there are <see cref="TapAxis.HasTwins"/> in the width.</param>
    public GemmOutputsPlan(ConvRequest request, InputPanels<V> panels, bool twins)
        : base(request, panels, channelUnit: 1, Blocking.Rows<V>(panels.Split.Largest) / (twins ? 2 : 1), twins ? 2 : 1)
    {
        _consecutive = Array.ConvertAll(panels.Phases, taps => taps.Index().All(tap => tap.Item.Plane == tap.Index));
        _most = new FinishingKernels(Blocks.Largest, PhasesTogether, panels.Split);
        _fewer = new FinishingKernels(Math.Max(1, Blocks.Largest - 1), PhasesTogether, panels.Split);
    }

    public override string Name => Gemm.NameOf(Panels.Grid);

    // The lines of a batch, each cut where its panels are, where they go, and the outputs of one panel that are copied.
    protected override long WorkerFloats => LineFloats + TargetFloats + WholeLines(Blocks.Largest * (long)PanelOutputs);

    private int CutLines => MostLines + BatchPanels;

    private long LineFloats => WholeLines(CutLines * (sizeof(OutputLine) / sizeof(float)));

    private long TargetFloats => WholeLines(BatchPanels * ((sizeof(PanelTarget) + (Fours * sizeof(nint))) / sizeof(float)));

    // Outputs of a channel, of a panel.
    private int PanelOutputs => Panels.Width * PhasesTogether;

    private int Fours => PhasesTogether == 2 ? PanelOutputs / 4 : 0;

    // Parts: all blocks of the first phase row, then those of the second ... The lines of many panels are better found once.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Multiply(in ConvArguments arguments, in PanelBatch batch, int group, int firstPart, int endPart, float* memory)
    {
        var lines = new Span<OutputLine>(memory, CutLines);
        var targets = new Span<PanelTarget>(memory + LineFloats, batch.End - batch.First);
        nint* fours = (nint*)(memory + LineFloats + (BatchPanels * (sizeof(PanelTarget) / sizeof(float))));
        float* copies = memory + LineFloats + TargetFloats;
        for (int part = firstPart, end; part < endPart; part = end)
        {
            (int phaseRow, int block) = Math.DivRem(part, Blocks.Pieces);
            end = Math.Min(part - block + Blocks.Pieces, endPart);
            int phase = phaseRow * PhasesTogether, count = FindTargets(batch, phase, lines, targets, fours);
            MicroProduct product = ProductOf(phase);
            for (; part < end; part++, block++)
            {
                LineOutputs outputs = OutputsOf(lines[..count], group, block);
                if (FetchesOutput)
                    Panels.Grid.Fetch<V>(arguments.Output, outputs);

                product.A = Weights(group, phase, block);
                product.X = batch.Panels;
                product.Bias = Request.Output.Bias + outputs.FirstChannel;

                // The next rows are fetched at the pace at which these are used.
                product.Next = block + 1 < Blocks.Pieces ? Weights(group, phase, block + 1) : null;
                product.NextStep = Blocks.Size(block) * PhasesTogether;
                MultiplyBlock(ref product, Blocks.Size(block), batch.First, outputs, targets, arguments.Output, copies);
            }
        }
    }

    // What the products of a phase have in common.
    private MicroProduct ProductOf(int phase)
    {
        int taps = Panels.Phases[phase].Length, depth = Panels.Channels * (_consecutive[phase] ? taps : 1);
        return new MicroProduct
        {
            Offsets = _consecutive[phase] ? null : Offsets(phase),
            Segments = _consecutive[phase] ? 1 : taps,
            Depth = depth,
            LastDepth = depth,
            Step = Panels.Width,
            Low = Request.Output.Low,
            High = Request.Output.High,
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int FindTargets(in PanelBatch batch, int phase, Span<OutputLine> lines, Span<PanelTarget> targets, nint* fours)
    {
        int count = 0;
        var walk = new OutputLines(Panels.Grid, Panels.PositionOf(batch.First), phase);
        for (int piece = batch.First; piece < batch.End; piece++)
        {
            int first = count, outputs = 0;
            bool inFours = PhasesTogether == 2;
            for (; walk.Next(Panels.PositionOf(piece + 1)); count++)
            {
                OutputLine line = lines[count] = walk.Current;
                outputs += line.Elements;
                inFours = inFours && line.Elements % 4 == 0;
            }

            bool all = outputs == Panels.Split.Size(piece) * V.Count * PhasesTogether;
            PanelStore store = all && count == first + 1 ? PanelStore.Whole : all && inFours ? PanelStore.InFours : PanelStore.ByCopying;
            targets[piece - batch.First] = new PanelTarget(store, first, count, store == PanelStore.Whole ? lines[first].Place : 0, fours);
            if (store != PanelStore.InFours)
                continue;

            foreach (OutputLine line in lines[first..count])
            {
                for (int at = 0; at < line.Elements; at += 4)
                    *fours++ = line.Place + at;
            }
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyBlock(
        ref MicroProduct product, int channels, int firstPiece, in LineOutputs outputs, ReadOnlySpan<PanelTarget> targets, float* output, float* copies)
    {
        FinishingKernels kernels = channels == Blocks.Largest ? _most : _fewer;
        nint image = Panels.Grid.Image, panelFloats = (nint)Panels.Floats;
        int largest = Panels.Split.Largest, panelOutputs = PanelOutputs;
        output += outputs.FirstChannel * image;
        for (int i = 0; i < targets.Length; i++, product.X += panelFloats)
        {
            ref readonly PanelTarget target = ref targets[i];
            bool larger = Panels.Split.Size(firstPiece + i) == largest;
            bool copying = target.Store == PanelStore.ByCopying;
            product.C = copying ? copies : output + target.Place;
            product.RowStride = copying ? panelOutputs : image;
            product.Fours = target.Fours;
            if (target.Store == PanelStore.InFours)
                (larger ? kernels.LargerInFours : kernels.SmallerInFours)(in product);
            else
                (larger ? kernels.Larger : kernels.Smaller)(in product);

            product.Next = null;
            product.NextStep = 0;
            if (copying)
                CopyLines(copies, output, outputs.Lines[target.FirstLine..target.EndLine], channels);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyLines(float* copies, float* output, ReadOnlySpan<OutputLine> lines, int channels)
    {
        foreach (OutputLine line in lines)
        {
            float* from = copies, to = output + line.Place;
            for (int channel = 0; channel < channels; channel++, from += PanelOutputs, to += Panels.Grid.Image)
                Copy(from, to, line.Elements);

            copies += line.Positions * PhasesTogether;
        }
    }

    // Finished outputs; what is left at the end together with some of those before.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy(float* source, float* target, int count)
    {
        if (count < V.Count)
        {
            V.LoadPartial(source, count).StorePartial(target, count);
            return;
        }

        for (int i = 0; i < count; i += V.Count)
        {
            int at = Math.Min(i, count - V.Count);
            V.Load(source + at).Store(target + at);
        }
    }

    private enum PanelStore
    {
        Whole,
        InFours,
        ByCopying,
    }

    // Where a panel's outputs go: lines, and in the first channel the place of the only one, or places of each four outputs from there.
    private readonly struct PanelTarget(PanelStore store, int firstLine, int endLine, nint place, nint* fours)
    {
        public readonly nint Place = place;
        public readonly nint* Fours = fours;
        public readonly PanelStore Store = store;
        public readonly int FirstLine = firstLine;
        public readonly int EndLine = endLine;
    }

    // The kernels for blocks of so many channels, and panels of the larger and the smaller size.
    private readonly struct FinishingKernels
    {
        public readonly delegate*<in MicroProduct, void> Larger;
        public readonly delegate*<in MicroProduct, void> Smaller;
        public readonly delegate*<in MicroProduct, void> LargerInFours;
        public readonly delegate*<in MicroProduct, void> SmallerInFours;

        public FinishingKernels(int channels, int phases, EvenSplit panels)
        {
            int rows = channels * phases, larger = panels.Largest, smaller = panels.Size(panels.Pieces - 1);
            if (phases == 2)
            {
                Larger = MicroKernelTable.Find<V, ToZippedOutputs>(rows, larger);
                Smaller = MicroKernelTable.Find<V, ToZippedOutputs>(rows, smaller);
                LargerInFours = MicroKernelTable.Find<V, ToZippedFours>(rows, larger);
                SmallerInFours = MicroKernelTable.Find<V, ToZippedFours>(rows, smaller);
                return;
            }

            Larger = MicroKernelTable.Find<V, ToOutputs>(rows, larger);
            Smaller = MicroKernelTable.Find<V, ToOutputs>(rows, smaller);
        }
    }
}
