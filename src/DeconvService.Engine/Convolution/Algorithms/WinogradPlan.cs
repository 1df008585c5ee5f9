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
        // two to three times as long, which costs a sixth of the time of a layer of 130 tiles a row.
        int registerTiles = Blocking.Rows<V>(2), fitting = (int)(BlockBytes / (sizeof(float) * (long)geometry.Points * geometry.Channels * geometry.Parts));
        int tiles = Math.Clamp(fitting, 2 * registerTiles, 4 * registerTiles);
        int tilesWide = geometry.Width.Tiles;
        int wide = geometry.Shares ? tilesWide : Math.Min(tilesWide, Math.Max(1, Math.Max(fitting, 4 * registerTiles) / geometry.Width.Spread));
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
        sizeof(float) * ((TransformedFloats * TransformedUnits) + (_request.Threads * WorkerFloats));

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

    private nint ProductFloats => _geometry.Points * ProductPoint;

    // Phases are gathered in the lanes until the last has been computed.
    private nint OutputFloats => ((_geometry.Phases > 1 ? 2 * _blockRows.Largest : 1) * _output.RowFloats) + (V.Count * V.Count);

    private nint WorkerFloats => GatheredFloats + ProductFloats + OutputFloats;

    // Whether transformed tiles are in memory that all workers share, because there are too few blocks to occupy them; else each worker has
    // those of one block, which stay in its second-level cache.
    private bool IsShared(int threads) => _geometry.Shares || Units < 4 * threads;

    public override void Run(in ConvArguments arguments)
    {
        if (IsShared(arguments.Threads.HasHelp ? _request.Threads : 1))
        {
            arguments.Threads.Run(Units * _input.Pieces * _inputRows.Pieces, new TransformItems(this, arguments), arguments.Cancellation);
            arguments.Threads.Run(_groups * _chunks * Blocks, new ChunkItems(this, arguments), arguments.Cancellation);
        }
        else
        {
            arguments.Threads.Run(Units, new BlockItems(this, arguments), arguments.Cancellation);
        }
    }

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
        int vectors = ChunkVectors(chunk), phases = _geometry.Phases, groupVectors = (_geometry.Outputs + V.Count - 1) / V.Count;
        nint reduction = _geometry.Reduction, phaseVectors = _geometry.Points * reduction;
        float* weights = _weights.Pointer + ((((nint)group * groupVectors) + (2 * chunk)) * phases * phaseVectors * V.Count);
        nint row = _output.RowFloats, productRow = (nint)_geometry.Width.Spread * block.Columns * vectors * V.Count;
        for (int phase = 0; phase < phases; phase++, weights += phaseVectors * vectors * V.Count)
        {
            if (_geometry.Planar)
                _planar.Multiply(transformed, weights, products, block.FirstRow, block.Rows, block.Columns, vectors);
            else
                _products.Multiply(
                    transformed + PhasePlace(phase), weights, products, block.FirstRow, block.Rows, block.Columns, vectors,
                    phase == 0 ? ahead : default, phase == phases - 1 ? OutputsAhead(arguments, group, chunk, block) : default);

            for (int half = 0; half < vectors; half++)
            {
                int channel = (chunk * 2 * V.Count) + (half * V.Count), number = (group * _geometry.Outputs) + channel;
                for (int i = 0; i < block.Rows; i++)
                {
                    float* target = lanes + (phases > 1 ? ((half * block.Rows) + i) * row : 0);
                    _output.Transform(products + (i * productRow) + (half * V.Count), vectors * V.Count, target, phase, block.Columns, number);
                    if (phase == phases - 1)
                        _output.Write(arguments, target, block.FirstRow + i, block.FirstColumn, block.Columns, number, Math.Min(V.Count, _geometry.Outputs - channel));
                }
            }
        }
    }

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

    // Rows and columns of tiles of outputs.
    private readonly record struct Block(int FirstRow, int Rows, int FirstColumn, int Columns);

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
            (int rest, int block) = Math.DivRem(item, plan.Blocks);
            (int group, int chunk) = Math.DivRem(rest, plan._chunks);
            float* transformed = plan.Unit(arguments, plan._geometry.Shares ? group : (group * plan.Blocks) + block);
            plan.MultiplyChunk(arguments, transformed, plan.Worker(arguments, worker), group, chunk, plan.BlockAt(block));
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
