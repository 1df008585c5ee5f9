using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A tap as a panel sees it.</summary>
/// <param name="Kernel">Row-major index in the kernel.</param>
/// <param name="Plane">Which of the panel's planes it reads.</param>
internal readonly record struct PanelTap(int Kernel, int Plane);

/// <summary>
/// The input as panels for a matrix product: for some consecutive positions q of the grid (images, depth, height, width; row by row),
/// <c>panel[plane][c][q] = x[n, c, q * step + shift(plane)]</c>, a plane for each combination of the axes' shifts.
/// </summary>
internal sealed unsafe class InputPanels<V>
    where V : struct, IVec<V>
{
    private readonly TapAxis _depth;
    private readonly TapAxis _height;
    private readonly TapAxis _width;
    private readonly PaddingMode _mode;
    private readonly int _allChannels;
    private readonly int _outputChannels;
    private readonly int _positions;

    public InputPanels(ConvShape shape)
    {
        _mode = shape.PaddingMode;
        TapAxis[] axes = TapAxis.Of(shape);
        (_depth, _height, _width) = (axes[0], axes[1], axes[2]);
        if (_mode == PaddingMode.Zeros && TapAxis.Join(_height, _width) is { } joined)
        {
            (_depth, _height, _width) = (TapAxis.None, _depth, joined);
            if (TapAxis.Join(_height, _width) is { } all)
                (_height, _width) = (TapAxis.None, all);
        }

        Channels = shape.InputChannels / shape.Groups;
        (_allChannels, _outputChannels) = (shape.InputChannels, shape.OutputChannels);
        Planes = _depth.Shifts.Length * _height.Shifts.Length * _width.Shifts.Length;
        _positions = checked(shape.Batch * _depth.Grid * _height.Grid * _width.Grid);
        Split = new EvenSplit((int)(((long)_positions + V.Count - 1) / V.Count), Blocking.Vectors<V>());
        Phases = [.. from d in _depth.Phases from h in _height.Phases from w in _width.Phases select TapsOf(d, h, w)];
        WidthPhases = _width.Phases.Length;
        Interleaved = Phases.Length > 1;
    }

    /// <summary>Channels of a group.</summary>
    public int Channels { get; }

    /// <summary>Number of planes.</summary>
    public int Planes { get; }

    /// <summary>The panels, in vectors of positions.</summary>
    public EvenSplit Split { get; }

    /// <summary>Elements of a row of a panel, the same for all panels.</summary>
    public int Width => Split.Largest * V.Count;

    /// <summary>Elements of a panel.</summary>
    public long Floats => (long)Planes * Channels * Width;

    /// <summary>The taps of each phase of the output; those of the width follow each other.</summary>
    public PanelTap[][] Phases { get; }

    /// <summary>Phases of the width: what has to be interleaved in an output row.</summary>
    public int WidthPhases { get; }

    /// <summary>Whether there is more than one phase.</summary>
    public bool Interleaved { get; }

    /// <summary>Gathers one plane of a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Gather(float* input, float* panel, int group, int piece, int plane)
    {
        int width = Width;
        float* rows = panel + (plane * (nint)Channels * width);
        (int rest, int w) = Math.DivRem(plane, _width.Shifts.Length);
        (int d, int h) = Math.DivRem(rest, _height.Shifts.Length);
        nint channelStride = (nint)_depth.Input * _height.Input * _width.Input;
        int begin = Split.Begin(piece) * V.Count;
        int end = Math.Min((Split.Begin(piece) + Split.Size(piece)) * V.Count, _positions);
        for (int q = begin; q < end;)
        {
            (int line, int mw) = Math.DivRem(q, _width.Grid);
            (line, int mh) = Math.DivRem(line, _height.Grid);
            (int n, int md) = Math.DivRem(line, _depth.Grid);
            int count = Math.Min(end - q, _width.Grid - mw);
            int inputD = Border.Source((md * _depth.InputStep) + _depth.Shifts[d], _depth.Input, _mode);
            int inputH = Border.Source((mh * _height.InputStep) + _height.Shifts[h], _height.Input, _mode);
            float* target = rows + (q - begin);
            if (inputD < 0 || inputH < 0)
            {
                for (int c = 0; c < Channels; c++, target += width)
                    new Span<float>(target, count).Clear();
            }
            else
            {
                nint first = ((((nint)n * _allChannels) + ((nint)group * Channels)) * channelStride) + ((((nint)inputD * _height.Input) + inputH) * _width.Input);
                var line1 = new BorderedRow(_width.Input, (mw * _width.InputStep) + _width.Shifts[w], _width.InputStep, count, _mode);
                for (int c = 0; c < Channels; c++, target += width, first += channelStride)
                    line1.Copy<V>(input + first, target);
            }

            q += count;
        }

        int used = end - begin, all = Split.Size(piece) * V.Count;
        for (int c = 0; c < Channels && used < all; c++)
            new Span<float>(rows + (c * (nint)width) + used, all - used).Clear();
    }

    /// <summary>Writes the sums of one output channel at a panel's positions, all phases of the width, interleaved.</summary>
    /// <param name="stage">Finishes the values.</param>
    /// <param name="arguments">Where to.</param>
    /// <param name="piece">The panel.</param>
    /// <param name="firstPhase">Index of the first of the phases in <see cref="Phases"/>.</param>
    /// <param name="sums">Sums of the first of the phases.</param>
    /// <param name="phaseStride">Elements to the sums of the next phase.</param>
    /// <param name="spare">Room for <see cref="WidthPhases"/> times <see cref="Width"/> elements.</param>
    /// <param name="channel">Output channel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Write(
        OutputStage stage, in ConvArguments arguments, int piece, int firstPhase, float* sums, nint phaseStride, float* spare, int channel)
    {
        nint image = (nint)_depth.Output * _height.Output * _width.Output;
        int begin = Split.Begin(piece) * V.Count;
        int end = Math.Min((Split.Begin(piece) + Split.Size(piece)) * V.Count, _positions);
        if (!Interleaved)
        {
            // Positions are output elements: they only break at the end of an image.
            for (int q = begin; q < end;)
            {
                (int n, int at) = Math.DivRem(q, (int)image);
                int count = Math.Min(end - q, (int)image - at);
                nint place = ((((nint)n * _outputChannels) + channel) * image) + at;
                stage.WriteRow<V>(sums + (q - begin), arguments.Output + place, arguments.Residual + place, count, channel);
                q += count;
            }

            return;
        }

        (int phaseD, int phaseH) = Math.DivRem(firstPhase / WidthPhases, _height.Phases.Length);
        for (int q = begin; q < end;)
        {
            (int line, int mw) = Math.DivRem(q, _width.Grid);
            (line, int mh) = Math.DivRem(line, _height.Grid);
            (int n, int md) = Math.DivRem(line, _depth.Grid);
            int count = Math.Min(end - q, _width.Grid - mw);
            int od = (md * _depth.Phases.Length) + phaseD, oh = (mh * _height.Phases.Length) + phaseH, ow = mw * WidthPhases;
            if (od < _depth.Output && oh < _height.Output)
            {
                float* row = sums + (q - begin);
                if (WidthPhases > 1)
                {
                    Interleaving.Run<V>(row, phaseStride, WidthPhases, count, spare);
                    row = spare;
                }

                nint place = ((((nint)n * _outputChannels) + channel) * image) + ((((nint)od * _height.Output) + oh) * _width.Output) + ow;
                int elements = Math.Min(count * WidthPhases, _width.Output - ow);
                stage.WriteRow<V>(row, arguments.Output + place, arguments.Residual + place, elements, channel);
            }

            q += count;
        }
    }

    private PanelTap[] TapsOf(Tap[] depth, Tap[] height, Tap[] width) =>
    [
        .. from d in depth
           from h in height
           from w in width
           select new PanelTap(
               (((d.Kernel * _height.Kernel) + h.Kernel) * _width.Kernel) + w.Kernel,
               (((d.Shift * _height.Shifts.Length) + h.Shift) * _width.Shifts.Length) + w.Shift),
    ];
}
