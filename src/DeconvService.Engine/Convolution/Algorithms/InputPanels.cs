using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A tap as a panel sees it.</summary>
/// <param name="Kernel">Row-major index in the kernel.</param>
/// <param name="Plane">Which of the panel's planes it reads.</param>
internal readonly record struct PanelTap(int Kernel, int Plane);

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
    // Where the input is read; lines of it may be longer than those of the output (TapAxis.JoinPositions), and need fewer pieces.
    private readonly TapAxis _depth;
    private readonly TapAxis _height;
    private readonly TapAxis _width;
    private readonly PaddingMode _mode;
    private readonly int _allChannels;
    private readonly int _unit;

    /// <summary>Cuts the positions of a layer into panels.</summary>
    /// <param name="shape">The layer.</param>
    /// <param name="axes">Its <see cref="InputPanels.Axes"/>.</param>
    /// <param name="unit">A panel has a multiple of so many positions; the last one is filled up with zeros.</param>
    /// <param name="largest">The most units of a panel.</param>
    public InputPanels(ConvShape shape, TapAxis[] axes, int unit, int largest)
    {
        _unit = unit;
        _mode = shape.PaddingMode;
        TapAxis? positions = TapAxis.JoinPositions(axes);
        (_depth, _height, _width) = positions is null ? (axes[0], axes[1], axes[2]) : (TapAxis.None, TapAxis.None, positions);
        Grid = new OutputGrid(shape, axes);
        Channels = shape.InputChannels / shape.Groups;
        _allChannels = shape.InputChannels;
        Planes = _depth.Shifts.Length * _height.Shifts.Length * _width.Shifts.Length;
        Split = new EvenSplit((int)(((long)Grid.Positions + unit - 1) / unit), largest);
        Width = Split.Largest * unit;
        Floats = (long)Planes * Channels * Width;
        Phases = [.. from d in axes[0].Phases from h in axes[1].Phases from w in axes[2].Phases select TapsOf(axes, d, h, w)];
    }

    /// <summary>The outputs at the panels' positions.</summary>
    public OutputGrid Grid { get; }

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

    /// <summary>The taps of each phase of the output; those of the width follow each other.</summary>
    public PanelTap[][] Phases { get; }

    /// <summary>Gathers one plane of a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Gather(float* input, float* panel, int group, int piece, int plane)
    {
        int width = Width;
        float* rows = panel + (plane * (nint)Channels * width);
        (int rest, int w) = Math.DivRem(plane, _width.Shifts.Length);
        (int d, int h) = Math.DivRem(rest, _height.Shifts.Length);
        nint channelStride = (nint)_depth.Input * _height.Input * _width.Input;
        int begin = PositionOf(piece), end = Math.Min(PositionOf(piece + 1), Grid.Positions);
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

        // The next panel goes on behind this one's columns. No hardware foresees rows that are a plane apart.
        float* next = row + first + ((nint)count * S.Value);

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

            V.Prefetch(next);
            V.Prefetch(next + 16);
            next += rowStride;
        }
    }

    private static PanelTap[] TapsOf(TapAxis[] axes, Tap[] depth, Tap[] height, Tap[] width) =>
    [
        .. from d in depth
           from h in height
           from w in width
           select new PanelTap(
               (((d.Kernel * axes[1].Kernel) + h.Kernel) * axes[2].Kernel) + w.Kernel,
               (((d.Shift * axes[1].Shifts.Length) + h.Shift) * axes[2].Shifts.Length) + w.Shift),
    ];
}
