using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned as a matrix product with output positions in the lanes; see <see cref="Gemm"/>.</summary>
internal sealed unsafe class GemmPositionsPlan<V> : GemmPlan<V>
    where V : struct, IVec<V>
{
    // Whether the taps of each phase read planes in their order: one segment, with few channels a change of segments costs as much as
    // some steps.
    private readonly bool[] _consecutive;

    /// <summary>Plans a layer.</summary>
    /// <param name="request">The layer.</param>
    /// <param name="panels">Its input.</param>
    /// <param name="twins">Whether there are <see cref="TapAxis.HasTwins"/> in the width, and nothing but a bias and bounds is asked for.</param>
    public GemmPositionsPlan(ConvRequest request, InputPanels<V> panels, bool twins)
        : base(request, panels, channelUnit: 1, Blocking.Rows<V>(panels.Split.Largest) / (twins ? 2 : 1), twins ? 2 : 1)
    {
        Finishes = twins || (!panels.Grid.Interleaved && request.Output.OnlyBounds);
        _consecutive = Array.ConvertAll(panels.Phases, taps => taps.Index().All(tap => tap.Item.Plane == tap.Index));
    }

    public override string Name => Panels.Grid.Interleaved ? "phase-gemm" : "gemm";

    /// <summary>
    /// Where outputs are neighbours as the positions are, or those of two phases alternate that read the same inputs, and nothing but a bias and
    /// bounds is asked for.
    /// </summary>
    protected override bool Finishes { get; }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Multiply(float* panels, int firstPiece, int endPiece, float* sums, float* spare, int group, int phase, int block)
    {
        int rows = Blocks.Size(block), taps = Panels.Phases[phase].Length;
        float* weights = Weights(group, phase, block);
        var product = new MicroProduct
        {
            A = weights,
            Offsets = Offsets(phase),
            Segments = taps,
            Depth = Panels.Channels,
            LastDepth = Panels.Channels,
            Step = Panels.Width,
            RowStride = RowStride,

            // The next rows, which follow, are fetched at the pace at which these are used.
            Next = weights + (rows * (nint)Panels.Channels * taps),
            NextStep = rows,
        };
        delegate*<in MicroProduct, void> larger = MicroKernelTable.Find<V, SideBySide>(rows, Panels.Split.Largest);
        delegate*<in MicroProduct, void> smaller = MicroKernelTable.Find<V, SideBySide>(rows, Panels.Split.Size(Panels.Split.Pieces - 1));
        int begin = Panels.PositionOf(firstPiece);
        for (int piece = firstPiece; piece < endPiece; piece++)
        {
            product.X = panels + ((piece - firstPiece) * (nint)Panels.Floats);
            product.C = sums + (Panels.PositionOf(piece) - begin);
            (Panels.Split.Size(piece) == Panels.Split.Largest ? larger : smaller)(in product);
            product.Next = null;
            product.NextStep = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void MultiplyToOutput(
        float* panels, int firstPiece, int endPiece, in LineOutputs outputs, float* sums, float* output, int group, int block)
    {
        int phase = outputs.FirstPhase, rows = Blocks.Size(block) * PhasesTogether, taps = Panels.Phases[phase].Length, depth = Panels.Channels * taps;
        bool consecutive = _consecutive[phase];
        int segmentDepth = consecutive ? depth : Panels.Channels;
        float* weights = Weights(group, phase, block);
        OutputStage stage = Request.Output;
        var product = new MicroProduct
        {
            A = weights,
            X = panels,
            Offsets = consecutive ? null : Offsets(phase),
            Segments = consecutive ? 1 : taps,
            Depth = segmentDepth,
            LastDepth = segmentDepth,
            Step = Panels.Width,
            Bias = stage.Bias + outputs.FirstChannel,
            Low = stage.Low,
            High = stage.High,
            Next = block + 1 < Blocks.Pieces ? Weights(group, phase, block + 1) : null,
            NextStep = rows,
        };
        delegate*<in MicroProduct, void> larger = FinishingKernel(rows, Panels.Split.Largest);
        delegate*<in MicroProduct, void> smaller = FinishingKernel(rows, Panels.Split.Size(Panels.Split.Pieces - 1));

        // A panel's outputs are one line, but not where a line ends within it, and not where it is filled up.
        int units = Panels.Split.Largest, unitElements = V.Count * PhasesTogether, channels = outputs.EndChannel - outputs.FirstChannel;
        nint image = Panels.Grid.Image, panelFloats = (nint)Panels.Floats, sumsStride = (nint)units * unitElements;
        output += outputs.FirstChannel * image;
        for (int piece = firstPiece, i = 0; piece < endPiece; piece++, product.X += panelFloats)
        {
            int size = Panels.Split.Size(piece);
            OutputLine line = outputs.Lines[i++];
            bool whole = line.Elements == size * unitElements;
            product.C = whole ? output + line.Place : sums;
            product.RowStride = whole ? image : sumsStride;
            (size == units ? larger : smaller)(in product);
            product.Next = null;
            product.NextStep = 0;
            if (whole)
                continue;

            int left = Math.Min(Panels.PositionOf(piece + 1), Panels.Grid.Positions) - Panels.PositionOf(piece);
            for (float* from = sums; ; from += line.Positions * PhasesTogether, line = outputs.Lines[i++])
            {
                for (int channel = 0; channel < channels; channel++)
                    Copy(from + (channel * sumsStride), output + line.Place + (channel * image), line.Elements);

                left -= line.Positions;
                if (left == 0)
                    break;
            }
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

    private delegate*<in MicroProduct, void> FinishingKernel(int rows, int vectors) =>
        PhasesTogether == 2 ? MicroKernelTable.Find<V, ToZippedOutputs>(rows, vectors) : MicroKernelTable.Find<V, ToOutputs>(rows, vectors);
}
