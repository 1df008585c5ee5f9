using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Some tiles and columns of one channel group of one image.</summary>
internal struct RowWinogradBlock
{
    public int Image;
    public int ChannelGroup;
    public int Tile;
    public int Tiles;

    /// <summary>Grid columns.</summary>
    public int Column;
    public int Columns;

    /// <summary>Input column that the first sum of a row belongs to, a multiple of the lanes; negative where there is none.</summary>
    public int Origin;

    /// <summary>Input columns that are multiplied, in whole vectors; where there are none, both are <see cref="Origin"/>.</summary>
    public int InputBegin;
    public int InputEnd;
}

/// <summary>A layer planned for <see cref="RowWinograd"/>.</summary>
internal sealed unsafe class RowWinogradPlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    private readonly ConvRequest _request;
    private readonly RowWinogradGeometry _geometry;
    private readonly RowWinogradOutput<V> _output;
    private readonly PackedWeights _weights;
    private readonly EvenSplit _slices;

    public RowWinogradPlan(ConvRequest request, RowWinogradGeometry geometry)
    {
        (_request, _geometry) = (request, geometry);
        _output = new RowWinogradOutput<V>(request, geometry);
        _slices = geometry.CutChannels();
        _weights = request.Weights.Packed(
            request.Pool,
            ("row-winograd", request.Shape.Kind, request.Shape.Groups, geometry.Taps, geometry.Blocks, string.Join(';', geometry.Height.Phases.Select(taps => string.Join(',', taps)))),
            GroupFloats * request.Shape.Groups,
            (weight, packed) => RowWinogradFilter.Pack(request.Shape, geometry, weight, packed));
    }

    public override string Name => $"{(_request.Shape.Kind == ConvKind.Transposed ? "phase-" : "")}row-winograd-f{_geometry.TileRows}";

    public override long PackedBytes => _weights.Bytes;

    public override long WorkspaceBytes => sizeof(float) * _request.Threads * WorkerFloats;

    private long GroupFloats => (long)RowWinogradGeometry.Alpha * _geometry.Segments * _geometry.Channels * _geometry.Rows;

    private int Plane => _geometry.Height.Input * _geometry.Width.Input;

    // A vector more than a row, so that the last vector may be read whole; zeros for rows outside of the image are one such row.
    private int RowFloats => ((_geometry.Width.Input + V.Count - 1) / V.Count * V.Count) + (2 * V.Count);

    private long LastRowFloats => _geometry.Width.Input % V.Count == 0 ? 0 : RowFloats * (long)_geometry.Channels;

    private long SumFloats => RowWinogradGeometry.Alpha * (long)_geometry.Rows * _geometry.SumStride;

    // The sums of a tile, a row of zeros, the copy of the last row, the rows that are interleaved.
    private long WorkerFloats => SumFloats + RowFloats + LastRowFloats + _output.Floats;

    public override void Run(in ConvArguments arguments)
    {
        int items = _request.Shape.Batch * _request.Shape.Groups * _geometry.BlockTiles.Pieces * _geometry.Columns.Pieces;
        arguments.Threads.Run(items, new BlockItems(this, arguments), arguments.Cancellation);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeBlock(in ConvArguments arguments, float* sums, in RowWinogradBlock block)
    {
        float* zeros = sums + SumFloats, lastRow = zeros + RowFloats, spare = lastRow + LastRowFloats;
        new Span<float>(zeros, RowFloats).Clear();
        int channel = (block.Image * _request.Shape.InputChannels) + (block.ChannelGroup * _geometry.Channels);
        float* image = arguments.Input + (channel * (nint)Plane);
        var source = new RowSource { Image = image, Zeros = zeros };
        bool overreads = block.InputBegin + (Vectors(block) * V.Count) > _geometry.Width.Input;
        if (overreads && channel + _geometry.Channels == _request.Shape.Batch * _request.Shape.InputChannels)
        {
            CopyLastRow(image, lastRow);
            source.LastRow = lastRow;
        }

        ClearColumns(sums, block, block.Origin, block.InputBegin - block.Origin);
        ClearColumns(sums, block, block.InputEnd, block.Origin + _geometry.SumStride - block.InputEnd);
        for (int tile = block.Tile; tile < block.Tile + block.Tiles; tile++)
        {
            MultiplyTile(source, sums, block, tile);
            if (overreads)
                ClearAfterEnd(sums + block.InputEnd - block.Origin, block.Column + block.Columns + _geometry.Width.Shifts[^1] - block.InputEnd);

            _output.Write(arguments, sums, spare, block, tile);
        }
    }

    private static int Vectors(in RowWinogradBlock block) => (block.InputEnd - block.InputBegin + V.Count - 1) / V.Count;

    // The last row of the image's last channel is followed by nothing that a vector could read.
    private void CopyLastRow(float* image, float* target)
    {
        int width = _geometry.Width.Input;
        for (int c = 0; c < _geometry.Channels; c++)
            new Span<float>(image + ((c + 1) * (nint)Plane) - width, width).CopyTo(new Span<float>(target + (c * (nint)RowFloats), width));
    }

    // Sums of columns outside of the image are zero.
    // In whole vectors, of which count has none or at least one: a masked store of nothing took 70 cycles.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ClearColumns(float* sums, in RowWinogradBlock block, int column, int count)
    {
        sums += column - block.Origin;
        for (int row = 0; row < RowWinogradGeometry.Alpha * _geometry.Rows; row++, sums += _geometry.SumStride)
        {
            for (int i = 0; i < count; i += V.Count)
                V.Zero.Store(sums + Math.Min(i, count - V.Count));
        }
    }

    // The last vector of a row reads over its end, so after each tile the few sums there that outputs read are zero again. One by one: a
    // vector would mostly touch another cache line of each row, which took a tenth of the layer's time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ClearAfterEnd(float* sums, int count)
    {
        nint stride = _geometry.SumStride;
        for (int row = 0; row < RowWinogradGeometry.Alpha * _geometry.Rows; row++, sums += stride)
        {
            for (int i = 0; i < count; i++)
                sums[i] = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyTile(in RowSource source, float* sums, in RowWinogradBlock block, int tile)
    {
        var panels = new EvenSplit(Vectors(block), _geometry.Vectors);
        float* weights = _weights.Pointer + (block.ChannelGroup * (nint)GroupFloats);
        int row = (tile * _geometry.TileRows) + _geometry.Height.Shifts[0];
        for (int panel = 0; panel < panels.Pieces; panel++)
        {
            bool last = panel == panels.Pieces - 1;
            int column = block.InputBegin + (panels.Begin(panel) * V.Count), vectors = panels.Size(panel);
            for (int slice = 0; slice < _slices.Pieces; slice++)
            {
                var ahead = new NextPanel(row + _geometry.Window - 1 + (last ? _geometry.TileRows : 0), last ? block.InputBegin : column + (vectors * V.Count), vectors);
                for (int point = 0; point < RowWinogradGeometry.Alpha; point++)
                {
                    float* target = sums + (point * (nint)_geometry.Rows * _geometry.SumStride) + column - block.Origin;
                    MultiplyPoint(source, weights, target, point, slice, row, column, vectors, ref ahead);
                }
            }
        }
    }

    // All sums of a panel at one point, of some of the channels: those of the first slice are stored, others are added.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyPoint(in RowSource source, float* weights, float* sums, int point, int slice, int row, int column, int vectors, ref NextPanel ahead)
    {
        (int first, int second) = RowWinograd.InputRows(point);
        nint size = _geometry.Channels * (nint)_geometry.Rows;
        int channel = _slices.Begin(slice), channels = _slices.Size(slice);
        bool any = slice > 0;
        for (int segment = 0; segment < _geometry.Segments; segment++, row += _geometry.Taps)
        {
            bool outside = (uint)(row + first) >= (uint)_geometry.Height.Input && (uint)(row + second) >= (uint)_geometry.Height.Input;
            if (outside || _geometry.IsZero(point, segment))
                continue;

            var product = new MicroProduct { Segments = 1, LastDepth = channels, RowStride = _geometry.SumStride, NextStep = Plane, Accumulate = any };
            product.X = RowAt(source, channel, row + first, column, vectors, out product.Step);
            product.Other = RowAt(source, channel, row + second, column, vectors, out product.OtherStep);
            for (int i = 0; i < _geometry.Blocks.Pieces; i++)
            {
                int begin = _geometry.Blocks.Begin(i), rows = _geometry.Blocks.Size(i);
                product.A = weights + (((point * _geometry.Segments) + segment) * size) + (begin * _geometry.Channels) + (channel * rows);
                product.C = sums + (begin * (nint)_geometry.SumStride);
                product.Next = Ahead(source, channel, ref ahead);
                if (point == 1)
                    MicroKernelTable.Find<V, OfSums>(rows, vectors)(in product);
                else
                    MicroKernelTable.Find<V, OfDifferences>(rows, vectors)(in product);
            }

            any = true;
        }

        for (int i = 0; i < _geometry.Rows && !any; i++, sums += _geometry.SumStride)
            new Span<float>(sums, vectors * V.Count).Clear();
    }

    // What the next call of the micro-kernel is to fetch of every channel: two cache lines of a row; or nothing.
    private float* Ahead(in RowSource source, int channel, ref NextPanel next)
    {
        int halves = ((next.Vectors * V.Count) + NextPanel.Floats - 1) / NextPanel.Floats;
        (int back, int half) = Math.DivRem(next.Calls++, halves);
        int row = next.Row - back;
        return back > _geometry.TileRows || (uint)row >= (uint)_geometry.Height.Input
            ? null
            : source.Image + (channel * (nint)Plane) + (row * (nint)_geometry.Width.Input) + next.Column + (half * NextPanel.Floats);
    }

    // Where a row of a channel is read, and how far the next channel's is.
    private float* RowAt(in RowSource source, int channel, int row, int column, int vectors, out nint step)
    {
        step = 0;
        if ((uint)row >= (uint)_geometry.Height.Input)
            return source.Zeros;

        bool last = source.LastRow is not null && row == _geometry.Height.Input - 1 && column + (vectors * V.Count) > _geometry.Width.Input;
        step = last ? RowFloats : Plane;
        float* first = last ? source.LastRow : source.Image + (row * (nint)_geometry.Width.Input);
        return first + (channel * step) + column;
    }

    // What is fetched while a panel is multiplied: the rows of the next one from the last on, one more than a tile has, because the first that
    // two tiles have in common was read a whole tile ago. Without it every channel of every tile begins with a wait for memory.
    private struct NextPanel(int row, int column, int vectors)
    {
        public const int Floats = 32;

        public readonly int Row = row;
        public readonly int Column = column;
        public readonly int Vectors = vectors;
        public int Calls;
    }

    private struct RowSource
    {
        public float* Image;
        public float* Zeros;

        /// <summary>Copy of the last row, <c>[channel][row]</c>; null where the image may be read past its end.</summary>
        public float* LastRow;
    }

    private readonly struct BlockItems(RowWinogradPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            RowWinogradGeometry geometry = plan._geometry;
            (item, int columns) = Math.DivRem(item, geometry.Columns.Pieces);
            (item, int tiles) = Math.DivRem(item, geometry.BlockTiles.Pieces);
            (int image, int group) = Math.DivRem(item, plan._request.Shape.Groups);
            int column = geometry.Columns.Begin(columns), count = geometry.Columns.Size(columns);
            int origin = (int)Math.Floor((column + geometry.Width.Shifts[0]) / (double)V.Count) * V.Count;
            int begin = Math.Max(0, origin), end = Math.Min(geometry.Width.Input, column + count + geometry.Width.Shifts[^1]);
            var block = new RowWinogradBlock
            {
                Image = image,
                ChannelGroup = group,
                Tile = geometry.BlockTiles.Begin(tiles),
                Tiles = geometry.BlockTiles.Size(tiles),
                Column = column,
                Columns = count,
                Origin = origin,
                InputBegin = begin < end ? begin : origin,
                InputEnd = begin < end ? end : origin,
            };
            plan.ComputeBlock(arguments, arguments.Workspace + (worker * (nint)plan.WorkerFloats), block);
        }
    }
}
