using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned as a matrix product with output positions in the lanes; see <see cref="Gemm"/>.</summary>
internal sealed unsafe class GemmPositionsPlan<V> : GemmPlan<V>
    where V : struct, IVec<V>
{
    // Whether the kernel finishes outputs itself: where they are neighbours as the positions are, and nothing but a bias and bounds is asked for.
    private readonly bool _finishes;

    // Whether the taps of the first phase read planes in their order: one segment, with few channels a change of segments costs as much as
    // some steps.
    private readonly bool _consecutive;

    public GemmPositionsPlan(ConvRequest request, InputPanels<V> panels)
        : base(request, panels, channelUnit: 1, Blocking.Rows<V>(panels.Split.Largest))
    {
        _finishes = !panels.Interleaved && request.Output.OnlyBounds;
        _consecutive = panels.Phases[0].Index().All(tap => tap.Item.Plane == tap.Index);
    }

    public override string Name => Panels.Interleaved ? "phase-gemm" : "gemm";

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

            // The next block's rows, which follow, are fetched at the pace at which this block's are used.
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
    protected override bool TryMultiplyToOutput(float* panels, in PanelOutputs outputs, float* sums, float* output, int group, int block)
    {
        if (!_finishes)
            return false;

        int rows = Blocks.Size(block), taps = Panels.Phases[0].Length, depth = Panels.Channels * taps;
        int segmentDepth = _consecutive ? depth : Panels.Channels;
        float* weights = Weights(group, phase: 0, block);
        OutputStage stage = Request.Output;
        var product = new MicroProduct
        {
            A = weights,
            Offsets = _consecutive ? null : Offsets(phase: 0),
            Segments = _consecutive ? 1 : taps,
            Depth = segmentDepth,
            LastDepth = segmentDepth,
            Step = Panels.Width,
            Bias = stage.Bias + outputs.FirstChannel,
            Low = stage.Low,
            High = stage.High,
            Next = weights + (rows * (nint)depth),
            NextStep = rows,
        };
        delegate*<in MicroProduct, void> larger = MicroKernelTable.Find<V, ToOutputs>(rows, Panels.Split.Largest);
        delegate*<in MicroProduct, void> smaller = MicroKernelTable.Find<V, ToOutputs>(rows, Panels.Split.Size(Panels.Split.Pieces - 1));

        // A panel's outputs follow each other, but not at the end of an image, nor where the panel is filled up.
        int units = Panels.Split.Largest;
        nint image = Panels.Image, panelFloats = (nint)Panels.Floats, nextImage = (Request.Shape.OutputChannels - 1) * image;
        (nint number, nint at) = Math.DivRem(Panels.PositionOf(outputs.FirstPiece), image);
        float* target = output + (((number * Request.Shape.OutputChannels) + outputs.FirstChannel) * image) + at;
        product.X = panels;
        for (int piece = outputs.FirstPiece; piece < outputs.EndPiece; piece++, product.X += panelFloats)
        {
            int size = Panels.Split.Size(piece), positions = size * V.Count;
            bool whole = at + positions <= image;
            product.C = whole ? target : sums;
            product.RowStride = whole ? image : RowStride;
            (size == units ? larger : smaller)(in product);
            product.Next = null;
            product.NextStep = 0;
            if (!whole)
                Panels.Copy(output, outputs with { FirstPiece = piece, EndPiece = piece + 1 }, sums, RowStride);

            for (at += positions, target += positions; at >= image; at -= image)
                target += nextImage;
        }

        return true;
    }
}
