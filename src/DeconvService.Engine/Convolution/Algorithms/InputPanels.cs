using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A tap as a panel sees it.</summary>
/// <param name="Kernel">Row-major index in the kernel.</param>
/// <param name="Plane">Which of the panel's planes it reads.</param>
internal readonly record struct PanelTap(int Kernel, int Plane);

/// <summary>Outputs that are written together: some channels at the positions of some panels.</summary>
/// <param name="FirstPiece">The first of the panels.</param>
/// <param name="EndPiece">The first that is not among them.</param>
/// <param name="FirstPhase">Index of the first phase of the width in <see cref="InputPanels{V}.Phases"/>.</param>
/// <param name="FirstChannel">The first output channel.</param>
/// <param name="EndChannel">The first that is not among them.</param>
internal readonly record struct PanelOutputs(int FirstPiece, int EndPiece, int FirstPhase, int FirstChannel, int EndChannel);

/// <summary>What panels of all widths of vectors have in common.</summary>
internal static class InputPanels
{
    /// <summary>Depth, height and width as panels see them: joined to longer lines where there is nothing to convolve within one.</summary>
    public static TapAxis[] Axes(ConvShape shape)
    {
        TapAxis[] axes = TapAxis.UsefulOf(shape);
        if (shape.PaddingMode != PaddingMode.Zeros || TapAxis.Join(axes[1], axes[2]) is not { } lines)
            return axes;

        return TapAxis.Join(axes[0], lines) is { } all ? [TapAxis.None, TapAxis.None, all] : [TapAxis.None, axes[0], lines];
    }
}

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
    private readonly int _unit;

    /// <summary>Cuts the positions of a layer into panels.</summary>
    /// <param name="shape">The layer.</param>
    /// <param name="unit">A panel has a multiple of so many positions; the last one is filled up with zeros.</param>
    /// <param name="largest">The most units of a panel.</param>
    public InputPanels(ConvShape shape, int unit, int largest)
    {
        _unit = unit;
        _mode = shape.PaddingMode;
        TapAxis[] axes = InputPanels.Axes(shape);
        (_depth, _height, _width) = (axes[0], axes[1], axes[2]);
        Channels = shape.InputChannels / shape.Groups;
        (_allChannels, _outputChannels) = (shape.InputChannels, shape.OutputChannels);
        Planes = _depth.Shifts.Length * _height.Shifts.Length * _width.Shifts.Length;
        _positions = checked(shape.Batch * _depth.Grid * _height.Grid * _width.Grid);
        Split = new EvenSplit((int)(((long)_positions + unit - 1) / unit), largest);
        Width = Split.Largest * unit;
        Floats = (long)Planes * Channels * Width;
        Image = (nint)_depth.Output * _height.Output * _width.Output;
        Phases = [.. from d in _depth.Phases from h in _height.Phases from w in _width.Phases select TapsOf(d, h, w)];
        WidthPhases = _width.Phases.Length;
        Interleaved = Phases.Length > 1;
    }

    /// <summary>Channels of a group.</summary>
    public int Channels { get; }

    /// <summary>Number of planes.</summary>
    public int Planes { get; }

    /// <summary>The panels, in units of positions.</summary>
    public EvenSplit Split { get; }

    /// <summary>Elements of a row of a panel, the same for all panels.</summary>
    public int Width { get; }

    /// <summary>Elements of a panel.</summary>
    public long Floats { get; }

    /// <summary>Elements of an output channel of one image.</summary>
    public nint Image { get; }

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
        int begin = PositionOf(piece), end = Math.Min(PositionOf(piece + 1), _positions);
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
                int column = (mw * _width.InputStep) + _width.Shifts[w];
                if (_mode == PaddingMode.Zeros && _width.InputStep <= StridedLoad.MaximumStep)
                {
                    CopyColumns(input + first, channelStride, column, count, target);
                }
                else
                {
                    var line1 = new BorderedRow(_width.Input, column, _width.InputStep, count, _mode);
                    for (int c = 0; c < Channels; c++, target += width, first += channelStride)
                        line1.Copy<V>(input + first, target);
                }
            }

            q += count;
        }

        int used = end - begin, all = PositionOf(piece + 1) - begin;
        for (int c = 0; c < Channels && used < all; c++)
            new Span<float>(rows + (c * (nint)width) + used, all - used).Clear();
    }

    /// <summary>First position of a panel.</summary>
    public int PositionOf(int piece) => Split.Begin(piece) * _unit;

    /// <summary>Writes the sums of some output channels at the positions of some panels, all phases of the width, interleaved.</summary>
    /// <param name="stage">Finishes the values.</param>
    /// <param name="arguments">Where to.</param>
    /// <param name="range">Which outputs.</param>
    /// <param name="sums">Sums of the first of the phases, a row for each channel.</param>
    /// <param name="rowStride">Elements to the next channel's sums.</param>
    /// <param name="phaseStride">Elements to the sums of the next phase.</param>
    /// <param name="spare">Room for the elements of all phases, and a vector.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Write(OutputStage stage, in ConvArguments arguments, in PanelOutputs range, float* sums, nint rowStride, nint phaseStride, float* spare)
    {
        nint image = Image;
        var lines = new OutputLines(this, range);
        for (; lines.Next(); sums += lines.Count)
        {
            if (lines.Elements == 0)
                continue;

            float* row = sums;
            nint place = lines.Place;
            int elements = lines.Elements;
            for (int channel = range.FirstChannel; channel < range.EndChannel; channel++, place += image, row += rowStride)
            {
                if (WidthPhases == 2)
                {
                    stage.WriteZipped<V>(row, phaseStride, arguments.Output + place, arguments.Residual + place, elements, channel);
                    continue;
                }

                float* values = row;
                if (WidthPhases > 1)
                {
                    Interleaving.Run<V>(row, phaseStride, WidthPhases, lines.Count, spare);
                    values = spare;
                }

                stage.WriteRow<V>(values, arguments.Output + place, arguments.Residual + place, elements, channel);
            }
        }
    }

    /// <summary>Writes outputs that are finished, of one phase; else as <see cref="Write"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Copy(float* output, in PanelOutputs range, float* sums, nint rowStride)
    {
        var lines = new OutputLines(this, range);
        for (; lines.Next(); sums += lines.Count)
        {
            float* row = sums;
            nint place = lines.Place;
            for (int channel = range.FirstChannel; channel < range.EndChannel; channel++, place += Image, row += rowStride)
                new ReadOnlySpan<float>(row, lines.Elements).CopyTo(new Span<float>(output + place, lines.Elements));
        }
    }

    /// <summary>Tells the caches that <see cref="Write"/> will follow: a write waits for the line that it changes a part of.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void FetchOutput(float* output, in PanelOutputs range)
    {
        nint image = Image;
        var lines = new OutputLines(this, range);
        while (lines.Next())
        {
            nint place = lines.Place;
            for (int channel = range.FirstChannel; channel < range.EndChannel && lines.Elements > 0; channel++, place += image)
            {
                for (int i = 0; i < lines.Elements + 15; i += 16)
                    V.Prefetch(output + place + i);
            }
        }
    }

    private void CopyColumns(float* row, nint rowStride, int first, int count, float* target)
    {
        switch (_width.InputStep)
        {
            case 1:
                CopyColumns<Number1>(row, rowStride, first, count, target);
                break;
            case 2:
                CopyColumns<Number2>(row, rowStride, first, count, target);
                break;
            case 3:
                CopyColumns<Number3>(row, rowStride, first, count, target);
                break;
            default:
                CopyColumns<Number4>(row, rowStride, first, count, target);
                break;
        }
    }

    // Columns first, first + S ... of the same row in all channels of a group, with zeros outside of it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyColumns<S>(float* row, nint rowStride, int first, int count, float* target)
        where S : struct, INumberConstant
    {
        int size = _width.Input;
        int left = Math.Min(first >= 0 ? 0 : (-first + S.Value - 1) / S.Value, count);
        int right = Math.Clamp(first >= size ? 0 : ((size - 1 - first) / S.Value) + 1, left, count);
        float* source = row + first + ((nint)left * S.Value);
        nint targetStride = Width;

        // Here the last whole vector may begin; with a step it reads elements that are not wanted and need not exist.
        int whole = right - V.Count - (S.Value > 1 ? 1 : 0);
        for (int c = 0; c < Channels; c++, source += rowStride, target += targetStride)
        {
            for (int i = 0; i < left; i++)
                target[i] = 0;

            int at = left;
            float* from = source;
            for (; at <= whole; at += V.Count, from += S.Value * V.Count)
                StridedLoad.Load<V, S>(from).Store(target + at);

            if (at < right)
                StridedLoad.LoadPartial<V, S>(from, right - at).StorePartial(target + at, right - at);

            for (int i = right; i < count; i++)
                target[i] = 0;
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

    // The outputs of some panels line by line: positions that are neighbours in the output.
    private struct OutputLines
    {
        private readonly InputPanels<V> _panels;
        private readonly int _phaseDepth;
        private readonly int _phaseHeight;
        private readonly int _channel;
        private readonly int _end;
        private int _position;
        private nint _image;
        private int _depth;
        private int _height;

        // Where in its line the position is; of outputs that are not interleaved an image is one line.
        private nint _column;

        public OutputLines(InputPanels<V> panels, in PanelOutputs range)
        {
            (_panels, _channel) = (panels, range.FirstChannel);
            (_phaseDepth, _phaseHeight) = Math.DivRem(range.FirstPhase / panels.WidthPhases, panels._height.Phases.Length);
            (_position, _end) = (panels.PositionOf(range.FirstPiece), Math.Min(panels.PositionOf(range.EndPiece), panels._positions));
            if (panels.Interleaved)
            {
                (int line, _column) = Math.DivRem(_position, panels._width.Grid);
                (line, _height) = Math.DivRem(line, panels._height.Grid);
                (_image, _depth) = Math.DivRem(line, panels._depth.Grid);
            }
            else
            {
                (_image, _column) = Math.DivRem(_position, panels.Image);
            }
        }

        /// <summary>Place of the first output in the first channel.</summary>
        public nint Place { get; private set; }

        /// <summary>How many outputs in all phases of the width; none where the line lies behind the output's last.</summary>
        public int Elements { get; private set; }

        /// <summary>How many positions.</summary>
        public int Count { get; private set; }

        public bool Next()
        {
            if (_position >= _end)
                return false;

            nint first = ((_image * _panels._outputChannels) + _channel) * _panels.Image;
            if (_panels.Interleaved)
                InterleavedLine(first);
            else
                Line(first);

            _position += Count;
            return true;
        }

        // Positions are output elements: they only break at the end of an image.
        private void Line(nint first)
        {
            Count = (int)Math.Min(_end - _position, _panels.Image - _column);
            (Place, Elements) = (first + _column, Count);
            (_image, _column) = (_image + 1, 0);
        }

        private void InterleavedLine(nint first)
        {
            TapAxis depth = _panels._depth, height = _panels._height, width = _panels._width;
            int z = (_depth * depth.Phases.Length) + _phaseDepth, y = (_height * height.Phases.Length) + _phaseHeight, x = (int)_column * _panels.WidthPhases;
            Count = Math.Min(_end - _position, width.Grid - (int)_column);
            Elements = z < depth.Output && y < height.Output ? Math.Min(Count * _panels.WidthPhases, width.Output - x) : 0;
            Place = first + ((((nint)z * height.Output) + y) * width.Output) + x;
            _column = 0;
            if (++_height == height.Grid)
            {
                _height = 0;
                if (++_depth == depth.Grid)
                    (_image, _depth) = (_image + 1, 0);
            }
        }
    }
}
