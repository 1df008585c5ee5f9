using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A matrix product that leaves rows of sums, for a batch at a time, which are then finished, interleaved and written.</summary>
internal abstract unsafe class GemmSumsPlan<V> : GemmPlan<V>
    where V : struct, IVec<V>
{
    /// <inheritdoc cref="GemmPlan{V}(ConvRequest, InputPanels{V}, int, int, int)"/>
    protected GemmSumsPlan(ConvRequest request, InputPanels<V> panels, int channelUnit, int largestBlock)
        : base(request, panels, channelUnit, largestBlock)
    {
    }

    /// <summary>Elements from one channel's row of sums to the next's: the positions of a batch, in whole vectors.</summary>
    protected int RowStride => ((BatchPanels * Panels.Width) + V.Count - 1) / V.Count * V.Count;

    /// <summary>What a product needs beside its sums, for each worker.</summary>
    protected virtual long SpareFloats => 0;

    // Sums of one block of channels in all phases of the width, a row of output, and the lines of a batch.
    protected override long WorkerFloats =>
        WholeLines(((PhaseSums + RowStride) * Panels.Grid.WidthPhases) + V.Count + SpareFloats) + LineFloats;

    private long LineFloats => WholeLines(MostLines * (sizeof(OutputLine) / sizeof(float)));

    private long PhaseSums => Blocks.Largest * (long)ChannelUnit * RowStride;

    /// <summary>Computes the sums of a block of output channels at the positions of a batch: <c>sums[channel][position]</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="sums">Receives the sums, rows <see cref="RowStride"/> apart.</param>
    /// <param name="spare"><see cref="SpareFloats"/> elements.</param>
    /// <param name="group">The group.</param>
    /// <param name="phase">The phase.</param>
    /// <param name="block">The block of channels.</param>
    protected abstract void Sum(in PanelBatch batch, float* sums, float* spare, int group, int phase, int block);

    // Parts: all phase rows of the first block, then those of the second ... Weights of a block's phases follow each other, in memory where they
    // are large.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Multiply(in ConvArguments arguments, in PanelBatch batch, int group, int firstPart, int endPart, float* memory)
    {
        float* row = memory + (PhaseSums * Panels.Grid.WidthPhases);
        float* spare = row + ((nint)RowStride * Panels.Grid.WidthPhases) + V.Count;
        var lines = new Span<OutputLine>(memory + WorkerFloats - LineFloats, MostLines);
        int lastRow = -1, lineCount = 0;
        for (int part = firstPart; part < endPart; part++)
        {
            (int block, int phaseRow) = Math.DivRem(part, PhaseRows);
            int first = phaseRow * Panels.Grid.WidthPhases;
            if (phaseRow != lastRow)
                (lastRow, lineCount) = (phaseRow, FindLines(batch, first, lines));

            LineOutputs outputs = OutputsOf(lines[..lineCount], group, block);
            if (FetchesOutput)
                Panels.Grid.Fetch<V>(arguments.Output, outputs);

            for (int phase = 0; phase < Panels.Grid.WidthPhases; phase++)
                Sum(batch, memory + (phase * PhaseSums), spare, group, first + phase, block);

            Panels.Grid.Write<V>(Request.Output, arguments, outputs, memory, RowStride, (nint)PhaseSums, row);
        }
    }

    // The lines of a batch in the phases of the width that begin with the given one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int FindLines(in PanelBatch batch, int firstPhase, Span<OutputLine> lines)
    {
        int count = 0;
        var walk = new OutputLines(Panels.Grid, Panels.PositionOf(batch.First), firstPhase);
        while (walk.Next(Panels.PositionOf(batch.End)))
            lines[count++] = walk.Current;

        return count;
    }
}
