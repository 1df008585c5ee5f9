using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned for direct convolution; see <see cref="Direct"/>.</summary>
internal sealed unsafe class DirectPlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    private readonly ConvRequest _request;
    private readonly DirectGeometry _geometry;
    private readonly EvenSplit _rows;
    private readonly PackedWeights _weights;
    private readonly long[] _groupStart;
    private readonly int[][] _copiedOffsets;
    private readonly int[][] _inPlaceOffsets;

    public DirectPlan(ConvRequest request, DirectGeometry geometry)
    {
        (_request, _geometry) = (request, geometry);
        _rows = new EvenSplit(geometry.ProductRows, Blocking.Rows<V>(geometry.PanelVectors));
        long plane = (long)geometry.Depth.Input * geometry.Height.Input * geometry.Width.Input;
        _copiedOffsets = Array.ConvertAll(geometry.Groups, group => Pinned(group.Taps, geometry.CopiedOffset, geometry.ChannelLength));
        _inPlaceOffsets = geometry.CopiesNothing ? Array.ConvertAll(geometry.Groups, group => Pinned(group.Taps, InPlaceOffset, plane)) : [];
        _groupStart = new long[geometry.Groups.Length + 1];
        for (int i = 0; i < geometry.Groups.Length; i++)
            _groupStart[i + 1] = _groupStart[i] + ((long)geometry.Groups[i].Taps.Length * geometry.Channels * geometry.ProductRows);

        _weights = request.Weights.Packed(
            request.Pool,
            ("direct", request.Shape.Kind, _rows, request.Shape.Groups, string.Join(';', geometry.Groups.SelectMany(group => group.Taps.SelectMany(tap => tap.Kernels)))),
            _groupStart[^1] * request.Shape.Groups,
            Pack);
    }

    public override string Name => _geometry.Groups.Length > 1 || _geometry.Merged ? "phase-direct" : "direct";

    public override long PackedBytes => _weights.Bytes;

    public override long WorkspaceBytes => sizeof(float) * _request.Threads * WorkerFloats;

    private int Panel => _geometry.PanelVectors * V.Count;

    private int Phases => _geometry.Width.Phases.Length;

    private long CopiedFloats => _geometry.ChannelLength * _geometry.Channels;

    // A copied block, sums of a row block for all phases of the width, and an interleaved row.
    private long WorkerFloats => CopiedFloats + (((long)_rows.Largest + 1) * Phases * Panel);

    public override void Run(in ConvArguments arguments)
    {
        int items = _request.Shape.Batch * _request.Shape.Groups * _geometry.Depth.Grid * _geometry.Rows.Pieces * _geometry.Columns.Pieces;
        arguments.Threads.Run(items, new BlockItems(this, arguments), arguments.Cancellation);
    }

    // [channel block][tap]
    private int[] Pinned(DirectTap[] taps, Func<DirectTap, int> offset, long channelStride)
    {
        int blocks = _geometry.Channels / _geometry.ChannelBlock;
        int[] offsets = GC.AllocateUninitializedArray<int>(Math.Max(blocks * taps.Length, 1), pinned: true);
        for (int i = 0; i < blocks * taps.Length; i++)
            offsets[i] = checked((int)((i / taps.Length * _geometry.ChannelBlock * channelStride) + offset(taps[i % taps.Length])));

        return offsets;
    }

    private int InPlaceOffset(DirectTap tap) =>
        (((_geometry.Depth.Shifts[tap.Depth] * _geometry.Height.Input) + tap.Row) * _geometry.Width.Input) + tap.Column;

    // [channel group][product group][row block][channel block][tap][c][R]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pack(float* weight, float* packed)
    {
        int channels = _geometry.Channels, outputs = _geometry.GroupOutputs;
        nint kernel = (nint)_geometry.Depth.Kernel * _geometry.Height.Kernel * _geometry.Width.Kernel;
        bool transposed = _request.Shape.Kind == ConvKind.Transposed;
        nint rowStride = transposed ? kernel : channels * kernel, channelStride = transposed ? outputs * kernel : kernel;
        for (int g = 0; g < _request.Shape.Groups; g++, weight += channels * (nint)outputs * kernel)
        {
            foreach (DirectGroup group in _geometry.Groups)
            {
                for (int block = 0; block < _rows.Pieces; block++)
                {
                    for (int first = 0; first < channels; first += _geometry.ChannelBlock)
                    {
                        foreach (DirectTap tap in group.Taps)
                        {
                            for (int c = first; c < first + _geometry.ChannelBlock; c++)
                            {
                                for (int r = _rows.Begin(block); r < _rows.Begin(block + 1); r++)
                                {
                                    int index = tap.Kernels[_geometry.Merged ? r : 0];
                                    nint row = _geometry.Merged ? 0 : r * rowStride;
                                    *packed++ = index < 0 ? 0 : weight[row + (c * channelStride) + index];
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeBlock(in ConvArguments arguments, float* memory, int image, int channelGroup, int depth, int rowPiece, int columnPiece)
    {
        DirectGeometry geometry = _geometry;
        int row = geometry.Rows.Begin(rowPiece), rowEnd = row + geometry.Rows.Size(rowPiece);
        int column = geometry.Columns.Begin(columnPiece), columns = geometry.Columns.Size(columnPiece);
        nint plane = (nint)geometry.Depth.Input * geometry.Height.Input * geometry.Width.Input;
        float* channel0 = arguments.Input + ((((nint)image * _request.Shape.InputChannels) + ((nint)channelGroup * geometry.Channels)) * plane);
        var source = new Source { ChannelStride = plane, RowStride = (nint)geometry.Height.InputStep * geometry.Width.Input, Offsets = _inPlaceOffsets };
        source.First = channel0 + ((((nint)depth * geometry.Depth.InputStep * geometry.Height.Input) + ((nint)row * geometry.Height.InputStep)) * geometry.Width.Input) + column;
        if (!MayReadInPlace(image, channelGroup, depth, row, rowEnd, column, columns))
        {
            Copy(channel0, plane, memory, depth, row, rowEnd - row, column);
            source = new Source
            {
                First = memory,
                ChannelStride = (nint)geometry.ChannelLength,
                RowStride = (nint)geometry.Height.InputStep * geometry.Width.InputStep * geometry.PartLength,
                Offsets = _copiedOffsets,
            };
        }

        float* sums = memory + CopiedFloats;
        float* weights = _weights.Pointer + (channelGroup * (nint)_groupStart[^1]);
        int together = geometry.Merged ? 1 : Phases;
        var panels = new EvenSplit((columns + V.Count - 1) / V.Count, geometry.PanelVectors);
        for (int group = 0; group < geometry.Groups.Length; group += together)
        {
            for (int block = 0; block < _rows.Pieces; block++)
            {
                for (int y = row; y < rowEnd; y++)
                {
                    for (int panel = 0; panel < panels.Pieces; panel++)
                    {
                        float* first = source.First + ((y - row) * source.RowStride) + (panels.Begin(panel) * V.Count);
                        for (int phase = 0; phase < together; phase++)
                            Multiply(source, first, weights, sums + (phase * (nint)_rows.Size(block) * Panel), group + phase, block, y, panels.Size(panel));

                        int x = panels.Begin(panel) * V.Count;
                        Write(arguments, sums, image, channelGroup, group, block, depth, y, column + x, Math.Min(panels.Size(panel) * V.Count, columns - x));
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(in Source source, float* first, float* weights, float* sums, int groupIndex, int block, int y, int vectors)
    {
        DirectGroup group = _geometry.Groups[groupIndex];
        (int begin, int end) = UsefulSegments(group, y);
        int rows = _rows.Size(block);
        nint tapWeights = (nint)_geometry.Channels * rows;
        var product = new MicroProduct
        {
            A = weights + (nint)_groupStart[groupIndex] + (_rows.Begin(block) * (nint)group.Taps.Length * _geometry.Channels) + (begin * tapWeights),
            X = first,
            Offsets = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(source.Offsets[groupIndex])) + begin,
            Segments = end - begin,
            Depth = _geometry.ChannelBlock,
            LastDepth = _geometry.ChannelBlock,
            Step = source.ChannelStride,
            C = sums,
            RowStride = Panel,
        };
        MicroKernelTable.Find<V, SideBySide>(rows, vectors)(in product);
    }

    // The segments (channel blocks times taps); of a single channel block without the rows of the kernel, at its beginning and end, that meet only zero padding.
    private (int Begin, int End) UsefulSegments(DirectGroup group, int y)
    {
        int begin = 0, end = group.Taps.Length * (_geometry.Channels / _geometry.ChannelBlock);
        if (_request.Shape.PaddingMode != PaddingMode.Zeros || _geometry.Depth.Shifts.Length > 1 || end > group.Taps.Length)
            return (begin, end);

        int row = y * _geometry.Height.InputStep, size = _geometry.Height.Input;
        while (begin < end && (uint)(row + group.Taps[begin].Row) >= (uint)size)
            begin++;

        while (begin < end && (uint)(row + group.Taps[end - 1].Row) >= (uint)size)
            end--;

        return (begin, end);
    }

    private bool MayReadInPlace(int image, int channelGroup, int depth, int row, int rowEnd, int column, int columns)
    {
        DirectGeometry geometry = _geometry;
        if (!geometry.CopiesNothing)
            return false;

        int firstDepth = depth * geometry.Depth.InputStep;
        int firstRow = (row * geometry.Height.InputStep) + geometry.FirstRow;
        int lastRow = ((rowEnd - 1) * geometry.Height.InputStep) + geometry.FirstRow + geometry.RowSpan - 1;
        int firstColumn = column + geometry.FirstColumn, lastColumn = firstColumn + columns + geometry.ColumnSpan - 2;
        bool inside = firstRow >= 0 && lastRow < geometry.Height.Input && firstColumn >= 0 && lastColumn < geometry.Width.Input
            && firstDepth + geometry.Depth.Shifts[0] >= 0 && firstDepth + geometry.Depth.Shifts[^1] < geometry.Depth.Input;
        if (!inside || geometry.Depth.Shifts[0] > geometry.Depth.Shifts[^1])
            return false;

        // The last vector may reach over the end of its row, but not over the end of the input.
        long lastChannel = ((long)image * _request.Shape.InputChannels) + ((channelGroup + 1L) * geometry.Channels) - 1;
        long line = (((lastChannel * geometry.Depth.Input) + firstDepth + geometry.Depth.Shifts[^1]) * geometry.Height.Input) + lastRow;
        return (line * geometry.Width.Input) + lastColumn + V.Count <= _request.Shape.Input.Count;
    }

    // [c][depth shift][row][part][column]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Copy(float* channel0, nint plane, float* target, int depth, int row, int rows, int column)
    {
        DirectGeometry geometry = _geometry;
        PaddingMode mode = _request.Shape.PaddingMode;
        int step = geometry.Width.InputStep, length = geometry.PartLength;
        int copied = ((rows - 1) * geometry.Height.InputStep) + geometry.RowSpan;
        for (int part = 0; part < step; part++)
        {
            var bordered = new BorderedRow(geometry.Width.Input, (column * step) + geometry.FirstColumn + part, step, geometry.PartColumns, mode);
            for (int d = 0; d < geometry.Depth.Shifts.Length; d++)
            {
                int z = Border.Source((depth * geometry.Depth.InputStep) + geometry.Depth.Shifts[d], geometry.Depth.Input, mode);
                for (int r = 0; r < copied; r++)
                {
                    int y = Border.Source((row * geometry.Height.InputStep) + geometry.FirstRow + r, geometry.Height.Input, mode);
                    float* to = target + ((((((nint)d * geometry.CopiedRows) + r) * step) + part) * length);
                    float* from = channel0 + ((((nint)z * geometry.Height.Input) + y) * geometry.Width.Input);
                    for (int c = 0; c < geometry.Channels; c++, to += geometry.ChannelLength, from += plane)
                    {
                        if (z < 0 || y < 0)
                            new Span<float>(to, geometry.PartColumns).Clear();
                        else
                            bordered.Copy<V>(from, to);
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Write(
        in ConvArguments arguments, float* sums, int image, int channelGroup, int groupIndex, int block, int depth, int y, int x, int count)
    {
        DirectGeometry geometry = _geometry;
        DirectGroup group = geometry.Groups[groupIndex];
        int od = (depth * geometry.Depth.Phases.Length) + group.PhaseDepth, oh = (y * geometry.Height.Phases.Length) + group.PhaseHeight, ow = x * Phases;
        if (od >= geometry.Depth.Output || oh >= geometry.Height.Output)
            return;

        int rows = _rows.Size(block), outputs = geometry.Merged ? 1 : rows;
        nint phaseStride = geometry.Merged ? Panel : rows * (nint)Panel;
        float* spare = sums + (_rows.Largest * (nint)Phases * Panel);
        int elements = Math.Min(count * Phases, geometry.Width.Output - ow);
        for (int r = 0; r < outputs; r++)
        {
            float* line = sums + (r * (nint)Panel);
            if (Phases > 1)
            {
                Interleaving.Run<V>(line, phaseStride, Phases, count, spare);
                line = spare;
            }

            int channel = (channelGroup * geometry.GroupOutputs) + (geometry.Merged ? 0 : _rows.Begin(block) + r);
            nint at = (nint)((((((long)image * _request.Shape.OutputChannels) + channel) * geometry.Depth.Output) + od) * geometry.Height.Output) + oh;
            at = (at * geometry.Width.Output) + ow;
            _request.Output.WriteRow<V>(line, arguments.Output + at, arguments.Residual + at, elements, channel);
        }
    }

    /// <summary>Where the products read: the image itself or a copied block.</summary>
    private struct Source
    {
        public float* First;
        public nint ChannelStride;
        public nint RowStride;
        public int[][] Offsets;
    }

    private readonly struct BlockItems(DirectPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            DirectGeometry geometry = plan._geometry;
            (item, int column) = Math.DivRem(item, geometry.Columns.Pieces);
            (item, int row) = Math.DivRem(item, geometry.Rows.Pieces);
            (item, int depth) = Math.DivRem(item, geometry.Depth.Grid);
            (int image, int group) = Math.DivRem(item, plan._request.Shape.Groups);
            plan.ComputeBlock(arguments, arguments.Workspace + (worker * (nint)plan.WorkerFloats), image, group, depth, row, column);
        }
    }
}
