using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Outputs that are neighbours: those of some consecutive positions.</summary>
/// <param name="Place">Place of the first one in the first channel.</param>
/// <param name="Elements">How many outputs in all phases of the width; none where the line lies behind the output's last.</param>
/// <param name="Positions">How many positions.</param>
internal readonly record struct OutputLine(nint Place, int Elements, int Positions);

/// <summary>Outputs that are written together: some channels in some lines.</summary>
/// <param name="lines">The lines.</param>
/// <param name="firstChannel">The first output channel.</param>
/// <param name="endChannel">The first that is not among them.</param>
internal readonly ref struct LineOutputs(ReadOnlySpan<OutputLine> lines, int firstChannel, int endChannel)
{
    public readonly ReadOnlySpan<OutputLine> Lines = lines;
    public readonly int FirstChannel = firstChannel;
    public readonly int EndChannel = endChannel;
}

/// <summary>
/// The outputs of a matrix product: positions of a grid (images, depth, height, width; row by row), each with one output of every channel in
/// every phase. Those of one phase of depth and height that are neighbours in the output are a line.
/// </summary>
internal sealed unsafe class OutputGrid
{
    /// <summary>The grid of a layer.</summary>
    /// <param name="shape">The layer.</param>
    /// <param name="axes">Its depth, height and width, joined where that is possible.</param>
    public OutputGrid(ConvShape shape, TapAxis[] axes)
    {
        (Depth, Height, Width) = (axes[0], axes[1], axes[2]);
        OutputChannels = shape.OutputChannels;
        Positions = checked(shape.Batch * Depth.Grid * Height.Grid * Width.Grid);
        Image = (nint)Depth.Output * Height.Output * Width.Output;
        Interleaved = Depth.Phases.Length * Height.Phases.Length * Width.Phases.Length > 1;
    }

    /// <summary>The axis of depth.</summary>
    public TapAxis Depth { get; }

    /// <summary>The axis of height.</summary>
    public TapAxis Height { get; }

    /// <summary>The axis of width.</summary>
    public TapAxis Width { get; }

    /// <summary>Output channels of all groups.</summary>
    public int OutputChannels { get; }

    /// <summary>Positions of all images.</summary>
    public int Positions { get; }

    /// <summary>Elements of an output channel of one image.</summary>
    public nint Image { get; }

    /// <summary>Whether there is more than one phase.</summary>
    public bool Interleaved { get; }

    /// <summary>Phases of the width: what has to be interleaved in a line.</summary>
    public int WidthPhases => Width.Phases.Length;

    /// <summary>Positions of a line. Those of outputs that are not interleaved only break at the end of an image.</summary>
    public nint LinePositions => Interleaved ? Width.Grid : Image;

    /// <summary>Writes sums as outputs, all phases of the width interleaved.</summary>
    /// <param name="stage">Finishes the values.</param>
    /// <param name="arguments">Where to.</param>
    /// <param name="outputs">Which outputs.</param>
    /// <param name="sums">Sums of the first of the phases, a row for each channel.</param>
    /// <param name="rowStride">Elements to the next channel's sums.</param>
    /// <param name="phaseStride">Elements to the sums of the next phase.</param>
    /// <param name="spare">Room for the elements of all phases, and a vector.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Write<V>(OutputStage stage, in ConvArguments arguments, in LineOutputs outputs, float* sums, nint rowStride, nint phaseStride, float* spare)
        where V : struct, IVec<V>
    {
        nint image = Image;
        foreach (OutputLine line in outputs.Lines)
        {
            float* row = sums;
            nint place = line.Place + (outputs.FirstChannel * image);
            sums += line.Positions;
            for (int channel = outputs.FirstChannel; channel < outputs.EndChannel && line.Elements > 0; channel++, place += image, row += rowStride)
            {
                if (WidthPhases == 2)
                {
                    stage.WriteZipped<V>(row, phaseStride, arguments.Output + place, arguments.Residual + place, line.Elements, channel);
                    continue;
                }

                float* values = row;
                if (WidthPhases > 1)
                {
                    Interleaving.Run<V>(row, phaseStride, WidthPhases, line.Positions, spare);
                    values = spare;
                }

                stage.WriteRow<V>(values, arguments.Output + place, arguments.Residual + place, line.Elements, channel);
            }
        }
    }

    /// <summary>Tells the caches that outputs will be written: a write waits for the line that it changes a part of.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Fetch<V>(float* output, in LineOutputs outputs)
        where V : struct, IVec<V>
    {
        nint image = Image;
        foreach (OutputLine line in outputs.Lines)
        {
            nint place = line.Place + (outputs.FirstChannel * image);
            for (int channel = outputs.FirstChannel; channel < outputs.EndChannel && line.Elements > 0; channel++, place += image)
            {
                for (int i = 0; i < line.Elements + 15; i += 16)
                    V.Prefetch(output + place + i);
            }
        }
    }
}
