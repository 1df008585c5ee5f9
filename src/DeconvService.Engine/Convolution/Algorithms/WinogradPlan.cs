using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned for Winograd tiles; see <see cref="Winograd"/>.</summary>
internal sealed unsafe class WinogradPlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    // The transformed input of a block should leave room in a second-level cache of 1 MB for the weights that pass by.
    private const int BlockBytes = 640 << 10;

    // Inputs and outputs that are smaller stay in a last-level cache, where asking for them costs what it gains: measured at 3 to 10 MB.
    private const long FetchedBytes = 8 << 20;

    // Rows of tiles that are transformed at a time where tiles are shared.
    private const int SharedRows = 4;

    // Transformed tiles that workers share, but for their own, should not come from memory.
    private const long SharedTilesBytes = 8 << 20;

    // Products that workers share should stay in the caches between them.
    private const long SharedProductsBytes = 8 << 20;

    // Items for each worker, so that all of them end at about the same time; but not shorter pieces of rows of outputs than these.
    private const int WorkerItems = 4;
    private const int FewestColumns = 4;

    private readonly ConvRequest _request;
    private readonly WinogradGeometry _geometry;
    private readonly WinogradInput<V> _input;
    private readonly WinogradPlanarProducts<V> _planar;
    private readonly WinogradProducts<V> _products;
    private readonly WinogradOutput<V> _output;
    private readonly PackedWeights _weights;
    private readonly int _groups;
    private readonly int _chunks;

    // Blocks of tiles of outputs: what a worker multiplies by one chunk of weights.
    private readonly EvenSplit _blockRows;
    private readonly EvenSplit _blockColumns;

    private readonly EvenSplit _inputRows;

    // Whether inputs and outputs are fetched ahead.
    private readonly bool _fetches;

    public WinogradPlan(ConvRequest request, WinogradGeometry geometry, WinogradTileFunctions tile)
    {
        (_request, _geometry) = (request, geometry);
        _groups = request.Shape.Groups;
        _chunks = (geometry.Outputs + (2 * V.Count) - 1) / (2 * V.Count);

        // As many tiles as fit, at least two register blocks, so that weights are used more than once when they are loaded. Shared tiles
        // are not of one block. Rows are cut only where four register blocks are left: in short pieces of rows, reading and writing takes
        // two to three times as long, which costs a sixth of the time of a layer of 130 tiles a row. Few long rows are cut for all threads.
        int registerTiles = Blocking.Rows<V>(2), fitting = (int)(BlockBytes / (sizeof(float) * (long)geometry.Points * geometry.Channels * geometry.Parts));
        int tiles = Math.Clamp(fitting, 2 * registerTiles, 4 * registerTiles);
        int tilesWide = geometry.Width.Tiles, wide = tilesWide;
        if (!geometry.Shares)
        {
            int perRow = (int)Math.Clamp(WorkerItems * request.Threads / ((long)_groups * geometry.OutputRows), 1, tilesWide);
            wide = Math.Min(Math.Max(fitting, 4 * registerTiles), Math.Max(4 * registerTiles, geometry.RowTiles / perRow));
            wide = Math.Min(tilesWide, Math.Max(1, wide / geometry.Width.Spread));
        }

        _blockColumns = new EvenSplit(tilesWide, wide);
        int high = Math.Max(1, tiles / (_blockColumns.Largest * geometry.Width.Spread));
        _blockRows = new EvenSplit(geometry.Shares ? geometry.Height.Tiles : geometry.OutputRows, high);
        _inputRows = geometry.Shares ? new EvenSplit(geometry.InputRows, SharedRows) : new EvenSplit(_blockRows.Largest, _blockRows.Largest);
        _fetches = sizeof(float) * (request.Shape.Input.Count + request.Shape.Output.Count) > FetchedBytes;
        _input = new WinogradInput<V>(geometry, tile, TransformedRows, TransformedColumns(_blockColumns.Largest));
        _output = new WinogradOutput<V>(geometry, tile, request.Output, ProductPoint, _blockColumns.Largest);
        _products = new WinogradProducts<V>(geometry, TransformedRows, TransformedColumns(_blockColumns.Largest), ProductPoint);
        _planar = new WinogradPlanarProducts<V>(geometry, TransformedRows, TransformedColumns(_blockColumns.Largest), ProductPoint);
        _weights = request.Weights.Packed(
            request.Pool,
            ("winograd", request.Shape.Kind, V.Count, geometry.Key),
            WinogradFilter.Count(geometry),
            (weight, packed) => WinogradFilter.Pack<V>(geometry, tile, request.Pool, weight, packed));
    }

    public override string Name => _geometry.Name;

    public override long PackedBytes => _weights.Bytes;

    public override long WorkspaceBytes =>
        sizeof(float) * ((TransformedFloats * TransformedUnits) + (_request.Threads * WorkerFloats) + (SharesPoints(_request.Threads) ? SharedProductFloats : 0));

    // What is transformed at a time: a block of one group, or everything of one group.
    private int Units => _groups * (_geometry.Shares ? 1 : Blocks);

    // Room for a unit each, of all workers or of all units that they share.
    private int TransformedUnits => IsShared(_request.Threads) ? Math.Max(Units, IsShared(1) ? 0 : _request.Threads) : _request.Threads;

    private int Blocks => _blockRows.Pieces * _blockColumns.Pieces * (_geometry.Shares ? _geometry.OutputRows / _geometry.Height.Tiles : 1);

    private int TransformedRows => _geometry.Shares ? _geometry.InputRows : _blockRows.Largest;

    private nint TransformedFloats => RoundUp(_geometry.PointFloats(TransformedRows, TransformedColumns(_blockColumns.Largest)) * _geometry.Points);

    private int BlockTiles => _blockRows.Largest * _blockColumns.Largest * _geometry.Width.Spread;

    private nint ProductPoint => ((nint)BlockTiles * 2 * V.Count) + V.Count;

    private nint GatheredFloats => RoundUp((nint)_input.GatheredFloats(_inputRows.Largest));

    // Blocks of tiles, each multiplied by one chunk of weights.
    private int Products => _groups * _chunks * Blocks;

    private nint SharedProductFloats => (nint)Products * _geometry.Phases * ProductFloats;

    private nint ProductFloats => _geometry.Points * ProductPoint;

    // Phases are gathered in the lanes until the last has been computed.
    private nint OutputFloats => ((_geometry.Phases > 1 ? 2 * _blockRows.Largest : 1) * _output.RowFloats) + (V.Count * V.Count);

    private nint WorkerFloats => GatheredFloats + ProductFloats + OutputFloats;

    // Whether transformed tiles are in memory that all workers share, because there are too few blocks to occupy them; else each worker has
    // those of one block, which stay in its caches. So they do where all of them are too much for the caches, if there is one for each worker.
    private bool IsShared(int threads) =>
        _geometry.Shares || Units < threads || (Units < WorkerItems * threads && sizeof(float) * Units * TransformedFloats <= SharedTilesBytes);

    // Whether workers share out the points of a product, and then its outputs, because there are too few products to occupy them.
    private bool SharesPoints(int threads) =>
        threads > 1 && IsShared(threads) && Products < 2 * threads && sizeof(float) * SharedProductFloats <= SharedProductsBytes;

    public override void Run(in ConvArguments arguments)
    {
        int threads = arguments.Threads.HasHelp ? _request.Threads : 1;
        if (IsShared(threads))
        {
            arguments.Threads.Run(Units * _input.Pieces * _inputRows.Pieces, new TransformItems(this, arguments), arguments.Cancellation);
            if (SharesPoints(threads))
            {
                int products = Products * _geometry.Phases, rows = Products * 2 * _blockRows.Largest;
                EvenSplit points = ShareOut(_geometry.Points, products, fewest: 1), columns = ShareOut(_blockColumns.Largest, rows, FewestColumns);
                arguments.Threads.Run(products * points.Pieces, new PointItems(this, arguments, points), arguments.Cancellation);
                arguments.Threads.Run(rows * columns.Pieces, new OutputItems(this, arguments, columns), arguments.Cancellation);
            }
            else
            {
                arguments.Threads.Run(Products, new ChunkItems(this, arguments), arguments.Cancellation);
            }
        }
        else
        {
            arguments.Threads.Run(Units, new BlockItems(this, arguments), arguments.Cancellation);
        }
    }

    // Cuts each of so many items so that there are enough for all workers.
    private EvenSplit ShareOut(int length, int items, int fewest) => new(length, Math.Max(fewest, (int)(length * (long)items / (WorkerItems * _request.Threads))));

    private static nint RoundUp(nint floats) => (floats + V.Count - 1) / V.Count * V.Count;

    private int TransformedColumns(int columns) => _geometry.Shares ? _geometry.Width.InputTiles : columns;

    // Where the tiles of a phase begin.
    private nint PhasePlace(int phase) =>
        _geometry.FirstPart(phase) * _geometry.ChannelBlocks * _geometry.SlabFloats(TransformedRows, TransformedColumns(_blockColumns.Largest));

    private int ChunkVectors(int chunk) => _geometry.Outputs - (chunk * 2 * V.Count) > V.Count ? 2 : 1;

    private Block BlockAt(int number)
    {
        (int rest, int column) = Math.DivRem(number, _blockColumns.Pieces);
        (int plane, int row) = Math.DivRem(rest, _blockRows.Pieces);
        int first = (plane * _geometry.Height.Tiles) + _blockRows.Begin(row);
        return new Block(first, _blockRows.Size(row), _blockColumns.Begin(column), _blockColumns.Size(column));
    }

    // The products and outputs of a block of tiles and one chunk of output channels, all phases. What is ahead is fetched with the first phase,
    // the chunk's own outputs with the last.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyChunk(in ConvArguments arguments, float* transformed, float* worker, int group, int chunk, Block block, ReadAhead ahead = default)
    {
        float* products = worker + GatheredFloats;
        float* lanes = products + ProductFloats;
        int vectors = ChunkVectors(chunk), phases = _geometry.Phases;
        for (int phase = 0; phase < phases; phase++)
        {
            ReadAhead after = phase == phases - 1 ? OutputsAhead(arguments, group, chunk, block) : default;
            Multiply(transformed, products, group, chunk, block, phase, 0, _geometry.Points, phase == 0 ? ahead : default, after);
            for (int half = 0; half < vectors; half++)
            {
                for (int i = 0; i < block.Rows; i++)
                {
                    var row = new OutputRow(group, (2 * chunk) + half, block, i, 0, block.Columns);
                    float* target = lanes + (phases > 1 ? ((half * block.Rows) + i) * _output.RowFloats : 0);
                    Transform(products, target, row, phase);
                    if (phase == phases - 1)
                        Write(arguments, target, row);
                }
            }
        }
    }

    // Some points of the products of a block of tiles and one chunk of output channels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(
        float* transformed, float* products, int group, int chunk, Block block, int phase, int firstPoint, int points, ReadAhead before = default, ReadAhead after = default)
    {
        int vectors = ChunkVectors(chunk), groupVectors = (_geometry.Outputs + V.Count - 1) / V.Count;
        nint phaseVectors = _geometry.Points * (nint)_geometry.Reduction;
        float* weights = _weights.Pointer + ((((((nint)group * groupVectors) + (2 * chunk)) * _geometry.Phases) + (phase * vectors)) * phaseVectors * V.Count);
        if (_geometry.Planar)
            _planar.Multiply(transformed, weights, products, block.FirstRow, block.Rows, block.Columns, vectors, firstPoint, points);
        else
            _products.Multiply(transformed + PhasePlace(phase), weights, products, block.FirstRow, block.Rows, block.Columns, vectors, firstPoint, points, before, after);
    }

    // The outputs of a phase.
    private void Transform(float* products, float* lanes, in OutputRow row, int phase)
    {
        nint tileStride = ChunkVectors(row.Vector / 2) * V.Count, spreadStride = row.Block.Columns * tileStride;
        products += (row.Row * _geometry.Width.Spread * spreadStride) + (row.Column * tileStride) + (row.Vector % 2 * V.Count);
        _output.Transform(products, tileStride, spreadStride, lanes, phase, row.Columns, FirstChannel(row));
    }

    private void Write(in ConvArguments arguments, float* lanes, in OutputRow row)
    {
        int channels = Math.Min(V.Count, _geometry.Outputs - (row.Vector * V.Count));
        _output.Write(arguments, lanes, row.Block.FirstRow + row.Row, row.Block.FirstColumn + row.Column, row.Columns, FirstChannel(row), channels);
    }

    private int FirstChannel(in OutputRow row) => (row.Group * _geometry.Outputs) + (row.Vector * V.Count);

    private ReadAhead OutputsAhead(in ConvArguments arguments, int group, int chunk, Block block)
    {
        int channel = chunk * 2 * V.Count, channels = Math.Min(2 * V.Count, _geometry.Outputs - channel);
        return _fetches
            ? _output.Ahead(arguments.Output, block.FirstRow, block.Rows, block.FirstColumn, block.Columns, (group * _geometry.Outputs) + channel, channels)
            : default;
    }

    // A chunk's share of the channels that a block will read.
    private ReadAhead InputsAhead(in ConvArguments arguments, int unit, int chunk)
    {
        if (!_fetches || unit >= Units)
            return default;

        (int group, int number) = Math.DivRem(unit, Blocks);
        Block block = BlockAt(number);
        var channels = new EvenSplit(_geometry.Channels, (_geometry.Channels + _chunks - 1) / _chunks);
        return chunk < channels.Pieces
            ? _input.Ahead(arguments.Input, group, block.FirstRow, block.Rows, block.FirstColumn, block.Columns, channels.Begin(chunk), channels.Size(chunk))
            : default;
    }

    private float* Unit(in ConvArguments arguments, int unit) => arguments.Workspace + (unit * TransformedFloats);

    private float* Worker(in ConvArguments arguments, int worker) =>
        arguments.Workspace + (TransformedUnits * TransformedFloats) + (worker * WorkerFloats);

    private float* SharedProducts(in ConvArguments arguments, int product) => Worker(arguments, _request.Threads) + (product * _geometry.Phases * ProductFloats);

    // All chunks of a block follow each other: so the worker that gets a run of products mostly reads tiles that it transformed itself. Another
    // core's come at memory's pace where cores share no cache, and two threads were no faster than one.
    private Product ProductAt(int number)
    {
        (int rest, int chunk) = Math.DivRem(number, _chunks);
        (int group, int block) = Math.DivRem(rest, Blocks);
        return new Product(group, chunk, BlockAt(block), _geometry.Shares ? group : (group * Blocks) + block);
    }

    // Rows and columns of tiles of outputs.
    private readonly record struct Block(int FirstRow, int Rows, int FirstColumn, int Columns);

    // A block of tiles and a chunk of output channels; the tiles are those of a unit.
    private readonly record struct Product(int Group, int Chunk, Block Block, int Unit);

    // Some columns of a row of tiles of a block, for one of the group's vectors of output channels.
    private readonly record struct OutputRow(int Group, int Vector, Block Block, int Row, int Column, int Columns);

    private readonly struct TransformItems(WinogradPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            (int rest, int rows) = Math.DivRem(item, plan._inputRows.Pieces);
            (int unit, int piece) = Math.DivRem(rest, plan._input.Pieces);
            float* gathered = plan.Worker(arguments, worker), transformed = plan.Unit(arguments, unit);
            if (plan._geometry.Shares)
            {
                int first = plan._inputRows.Begin(rows);
                plan._input.Transform(arguments.Input, gathered, transformed, unit, piece, first, plan._inputRows.Size(rows), first, 0, plan._geometry.Width.InputTiles);
                return;
            }

            (int group, int number) = Math.DivRem(unit, plan.Blocks);
            Block block = plan.BlockAt(number);
            plan._input.Transform(arguments.Input, gathered, transformed, group, piece, block.FirstRow, block.Rows, 0, block.FirstColumn, block.Columns);
        }
    }

    private readonly struct ChunkItems(WinogradPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            Product product = plan.ProductAt(item);
            plan.MultiplyChunk(arguments, plan.Unit(arguments, product.Unit), plan.Worker(arguments, worker), product.Group, product.Chunk, product.Block);
        }
    }

    private readonly struct PointItems(WinogradPlan<V> plan, ConvArguments arguments, EvenSplit points) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            (int rest, int piece) = Math.DivRem(item, points.Pieces);
            (int number, int phase) = Math.DivRem(rest, plan._geometry.Phases);
            Product product = plan.ProductAt(number);
            float* sums = plan.SharedProducts(arguments, number) + (phase * plan.ProductFloats);
            plan.Multiply(plan.Unit(arguments, product.Unit), sums, product.Group, product.Chunk, product.Block, phase, points.Begin(piece), points.Size(piece));
        }
    }

    private readonly struct OutputItems(WinogradPlan<V> plan, ConvArguments arguments, EvenSplit columns) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            (int rest, int piece) = Math.DivRem(item, columns.Pieces);
            (rest, int row) = Math.DivRem(rest, plan._blockRows.Largest);
            (int number, int half) = Math.DivRem(rest, 2);
            Product product = plan.ProductAt(number);
            int column = columns.Begin(piece), count = Math.Min(columns.Size(piece), product.Block.Columns - column);
            if (half >= plan.ChunkVectors(product.Chunk) || row >= product.Block.Rows || count <= 0)
                return;

            var outputs = new OutputRow(product.Group, (2 * product.Chunk) + half, product.Block, row, column, count);
            float* sums = plan.SharedProducts(arguments, number), lanes = plan.Worker(arguments, worker) + plan.GatheredFloats + plan.ProductFloats;
            for (int phase = 0; phase < plan._geometry.Phases; phase++, sums += plan.ProductFloats)
                plan.Transform(sums, lanes, outputs, phase);

            plan.Write(arguments, lanes, outputs);
        }
    }

    private readonly struct BlockItems(WinogradPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            (int group, int number) = Math.DivRem(item, plan.Blocks);
            Block block = plan.BlockAt(number);
            float* transformed = plan.Unit(arguments, worker);
            for (int piece = 0; piece < plan._input.Pieces; piece++)
            {
                plan._input.Transform(
                    arguments.Input, plan.Worker(arguments, worker), transformed, group, piece, block.FirstRow, block.Rows, 0, block.FirstColumn, block.Columns);
            }

            // The worker's next block is the one after this.
            for (int chunk = 0; chunk < plan._chunks; chunk++)
                plan.MultiplyChunk(arguments, transformed, plan.Worker(arguments, worker), group, chunk, block, plan.InputsAhead(arguments, item + 1, chunk));
        }
    }
}
