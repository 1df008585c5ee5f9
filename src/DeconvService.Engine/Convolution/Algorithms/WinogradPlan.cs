using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned for Winograd tiles of <typeparamref name="TH"/> by <typeparamref name="TW"/>; see <see cref="Winograd"/>.</summary>
internal sealed unsafe class WinogradPlan<V, TH, TW> : PlannedAlgorithm
    where V : struct, IVec<V>
    where TH : struct, IWinogradAxis
    where TW : struct, IWinogradAxis
{
    // The transformed input of a block should leave room in a second-level cache of 1 MB for the weights that pass by.
    private const int BlockBytes = 640 << 10;

    private readonly ConvRequest _request;
    private readonly WinogradGrid _height;
    private readonly WinogradGrid _width;
    private readonly PackedWeights _weights;
    private readonly int _channels;
    private readonly int _channelBlocks;
    private readonly int _outputs;
    private readonly int _chunks;
    private readonly EvenSplit _blockRows;
    private readonly EvenSplit _blockColumns;
    private readonly bool _shared;

    public WinogradPlan(ConvRequest request, WinogradGrid height, WinogradGrid width)
    {
        (_request, _height, _width) = (request, height, width);
        ConvShape shape = request.Shape;
        (_channels, _outputs) = (shape.InputChannels, shape.OutputChannels);
        _channelBlocks = (_channels + V.Count - 1) / V.Count;
        _chunks = (_outputs + (2 * V.Count) - 1) / (2 * V.Count);

        // As many tiles as fit, at least two register blocks, so that weights are used more than once when they are loaded.
        int tiles = Math.Clamp(BlockBytes / (sizeof(float) * Points * _channels), 2 * RegisterTiles, 4 * RegisterTiles);
        int tilesWide = width.Tiles(TW.M);
        int wide = tilesWide <= tiles ? tilesWide : Math.Max(4, tiles / 3 / 4 * 4);
        _blockColumns = new EvenSplit(tilesWide, wide);
        _blockRows = new EvenSplit(shape.Batch * height.Tiles(TH.M), Math.Max(1, tiles / _blockColumns.Largest));
        _shared = Blocks < 4 * request.Threads;
        _weights = request.Weights.Packed(
            request.Pool,
            ("winograd", shape.Kind, V.Count, typeof(TH), typeof(TW), string.Join(',', height.Low), string.Join(',', width.Low)),
            (long)Points * Phases * _channels * _chunks * 2 * V.Count,
            Pack);
    }

    public override string Name =>
        (Phases > 1 ? "phase-" : "") + (Points == 1 ? "pointwise" : TH.M == TW.M ? $"winograd-f{TW.M}" : $"winograd-f{TH.M}x{TW.M}");

    public override long PackedBytes => _weights.Bytes;

    public override long WorkspaceBytes =>
        sizeof(float) * ((_shared ? Blocks * InputFloats : _request.Threads * InputFloats) + (_request.Threads * WorkerFloats));

    private static int Points => TH.Alpha * TW.Alpha;

    // Tiles of a register block, beside two vectors of outputs.
    private static int RegisterTiles => Blocking.Rows<V>(2);

    private int Phases => _height.Low.Length * _width.Low.Length;

    private int Blocks => _blockRows.Pieces * _blockColumns.Pieces;

    private int BlockTiles => _blockRows.Largest * _blockColumns.Largest;

    // One vector more than needed, so that the points of a tile do not all fall into the same set of the first-level cache.
    private nint PointStride => ((nint)BlockTiles * _channelBlocks * V.Count) + V.Count;

    private nint ProductStride => ((nint)BlockTiles * 2 * V.Count) + V.Count;

    // V of a block.
    private long InputFloats => Points * (long)PointStride;

    // What a worker needs: gathered rows, products, and outputs in lanes.
    private long GatheredFloats => ((((long)_blockRows.Largest * TH.M) + TH.Alpha) * GatheredColumns * V.Count) + (V.Count * V.Count);

    private long GatheredColumns => (_blockColumns.Largest * (long)TW.M) + TW.Alpha;

    private long ProductFloats => Points * (long)ProductStride;

    // The outputs of a row of tiles.
    private long TileRowFloats => _height.Low.Length * TH.M * OutputColumns * V.Count;

    private long OutputColumns => _width.Low.Length * (long)TW.M * _blockColumns.Largest;

    private long OutputFloats => ((Phases > 1 ? 2 * _blockRows.Largest : 1) * TileRowFloats) + (V.Count * V.Count);

    private long WorkerFloats => GatheredFloats + ProductFloats + OutputFloats;

    public override void Run(in ConvArguments arguments)
    {
        if (_shared)
        {
            arguments.Threads.Run(Blocks * _channelBlocks, new TransformItems(this, arguments), arguments.Cancellation);
            arguments.Threads.Run(Blocks * _chunks, new ChunkItems(this, arguments), arguments.Cancellation);
        }
        else
        {
            arguments.Threads.Run(Blocks, new BlockItems(this, arguments), arguments.Cancellation);
        }
    }

    // [chunk][phase][point][c][2L], L in the last chunk where that is enough.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pack(float* weight, float* packed)
    {
        ConvShape shape = _request.Shape;
        bool transposed = shape.Kind == ConvKind.Transposed;
        int kernelWidth = _width.Axis.Kernel;
        nint kernel = (nint)_height.Axis.Kernel * kernelWidth;
        nint outputStride = transposed ? kernel : _channels * kernel, channelStride = transposed ? _outputs * kernel : kernel;
        double[][] matrixH = WinogradFilter.Matrix(TH.Points, _height.Taps), matrixW = WinogradFilter.Matrix(TW.Points, _width.Taps);
        double* rows = stackalloc double[TH.Alpha * kernelWidth];
        for (int chunk = 0; chunk < _chunks; chunk++)
        {
            int lanes = ChunkVectors(chunk) * V.Count, first = chunk * 2 * V.Count;
            for (int phase = 0; phase < Phases; phase++)
            {
                (int phaseH, int phaseW) = Math.DivRem(phase, _width.Low.Length);
                Tap[] tapsH = _height.Axis.Phases[phaseH], tapsW = _width.Axis.Phases[phaseW];
                double[][] columnsH = WinogradFilter.Columns(matrixH, _height, phaseH), columnsW = WinogradFilter.Columns(matrixW, _width, phaseW);
                nint pointStride = (nint)_channels * lanes;
                for (int c = 0; c < _channels; c++)
                {
                    for (int lane = 0; lane < lanes; lane++)
                    {
                        float* target = packed + ((nint)c * lanes) + lane;
                        if (first + lane >= _outputs)
                        {
                            for (int i = 0; i < Points; i++)
                                target[i * pointStride] = 0;

                            continue;
                        }

                        float* g = weight + ((first + lane) * outputStride) + (c * channelStride);
                        for (int i = 0; i < TH.Alpha; i++)
                        {
                            for (int w = 0; w < tapsW.Length; w++)
                            {
                                double sum = 0;
                                for (int h = 0; h < tapsH.Length; h++)
                                    sum += columnsH[h][i] * g[(tapsH[h].Kernel * kernelWidth) + tapsW[w].Kernel];

                                rows[(i * kernelWidth) + w] = sum;
                            }

                            for (int j = 0; j < TW.Alpha; j++)
                            {
                                double sum = 0;
                                for (int w = 0; w < tapsW.Length; w++)
                                    sum += columnsW[w][j] * rows[(i * kernelWidth) + w];

                                target[((i * TW.Alpha) + j) * pointStride] = (float)sum;
                            }
                        }
                    }
                }

                packed += Points * pointStride;
            }
        }
    }

    private int ChunkVectors(int chunk) => _outputs - (chunk * 2 * V.Count) > V.Count ? 2 : 1;

    private (int FirstRow, int Rows, int FirstColumn, int Columns) BlockAt(int block)
    {
        (int row, int column) = Math.DivRem(block, _blockColumns.Pieces);
        return (_blockRows.Begin(row), _blockRows.Size(row), _blockColumns.Begin(column), _blockColumns.Size(column));
    }

    // B^T d B for all tiles of a block and one block of channels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TransformInput(float* input, float* gathered, float* transformed, int block, int channelBlock)
    {
        (int firstRow, int rows, int firstColumn, int columns) = BlockAt(block);
        int inputHeight = _height.Axis.Input, inputWidth = _width.Axis.Input, tilesHigh = _height.Tiles(TH.M);
        int channels = Math.Min(V.Count, _channels - (channelBlock * V.Count));
        nint plane = (nint)inputHeight * inputWidth;
        PaddingMode mode = _request.Shape.PaddingMode;
        int gatheredColumns = ((columns - 1) * TW.M) + TW.Alpha;
        nint rowStride = (nint)gatheredColumns * V.Count;
        var split = new EvenSplit(rows * columns, RegisterTiles);
        int piece = 0, inPiece = 0;
        float* target = transformed + (channelBlock * (nint)split.Size(0) * V.Count);
        for (int tileRow = firstRow; tileRow < firstRow + rows;)
        {
            // Rows of tiles of the same image share gathered rows.
            (int image, int tile) = Math.DivRem(tileRow, tilesHigh);
            int run = Math.Min(firstRow + rows - tileRow, tilesHigh - tile);
            float* first = input + ((((nint)image * _channels) + (channelBlock * V.Count)) * plane);
            for (int r = 0; r < ((run - 1) * TH.M) + TH.Alpha; r++)
            {
                int y = Border.Source(_height.First + (tile * TH.M) + r, inputHeight, mode);
                float* lanes = gathered + (r * rowStride);
                if (y < 0)
                    new Span<float>(lanes, (int)rowStride).Clear();
                else
                    ChannelLanes.Gather<V>(first + ((nint)y * inputWidth), plane, channels, inputWidth, _width.First + (firstColumn * TW.M), gatheredColumns, mode, lanes);
            }

            for (int i = 0; i < run; i++)
            {
                for (int j = 0; j < columns; j++)
                {
                    if (inPiece == split.Size(piece))
                    {
                        piece++;
                        inPiece = 0;
                        target = transformed + (((split.Begin(piece) * (nint)_channelBlocks) + (channelBlock * (nint)split.Size(piece))) * V.Count);
                    }

                    WinogradTile<V, TH, TW>.Input(gathered + (i * TH.M * rowStride) + (j * TW.M * V.Count), rowStride, target, PointStride);
                    target += V.Count;
                    inPiece++;
                }
            }

            tileRow += run;
        }
    }

    // The products and outputs of a block of tiles and one chunk of output channels, all phases.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyChunk(in ConvArguments arguments, float* transformed, float* worker, int block, int chunk)
    {
        (int firstRow, int rows, int firstColumn, int columns) = BlockAt(block);
        float* products = worker + GatheredFloats;
        float* lanes = products + ProductFloats;
        int vectors = ChunkVectors(chunk);
        nint pointWeights = (nint)_channels * vectors * V.Count;
        float* weights = _weights.Pointer + (chunk * (nint)Points * Phases * _channels * 2 * V.Count);
        OutputStage stage = _request.Output;
        for (int phase = 0; phase < Phases; phase++, weights += Points * pointWeights)
        {
            Multiply(transformed, weights, products, rows * columns, vectors);
            (int phaseH, int phaseW) = Math.DivRem(phase, _width.Low.Length);
            nint place = (nint)((PlaceOf(_height, phaseH) * OutputColumns) + PlaceOf(_width, phaseW)) * V.Count;
            for (int half = 0; half < vectors; half++)
            {
                int channel = (chunk * 2 * V.Count) + (half * V.Count);
                V bias = stage.Epilogue.HasResidual ? V.Zero : V.Load(stage.Bias + channel);
                V slope = V.Load(stage.Slopes + channel);
                for (int row = 0; row < rows; row++)
                {
                    float* target = lanes + (Phases > 1 ? ((half * rows) + row) * (nint)TileRowFloats : 0);
                    float* source = products + (row * (nint)columns * vectors * V.Count) + (half * V.Count);
                    TransformOutput(source, vectors * V.Count, target + place, columns, bias, slope);
                    if (Phases == 1)
                        WriteTileRow(arguments, target, firstRow + row, firstColumn, columns, channel);
                }
            }
        }

        for (int half = 0; half < vectors && Phases > 1; half++)
        {
            for (int row = 0; row < rows; row++)
            {
                float* source = lanes + (((half * rows) + row) * (nint)TileRowFloats);
                WriteTileRow(arguments, source, firstRow + row, firstColumn, columns, (chunk * 2 * V.Count) + (half * V.Count));
            }
        }
    }

    // Where among the outputs of a tile a phase has its first.
    private static int PlaceOf(WinogradGrid grid, int phase) => phase - (grid.Low.Length * grid.Low[phase]) - grid.OutputShift;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(float* transformed, float* weights, float* products, int tiles, int vectors)
    {
        var split = new EvenSplit(tiles, RegisterTiles);
        for (int point = 0; point < Points; point++, weights += (nint)_channels * vectors * V.Count)
        {
            for (int piece = 0; piece < split.Pieces; piece++)
            {
                var product = new MicroProduct
                {
                    A = transformed + (point * PointStride) + (split.Begin(piece) * (nint)_channelBlocks * V.Count),
                    X = weights,
                    Segments = _channelBlocks,
                    Depth = V.Count,
                    LastDepth = _channels - ((_channelBlocks - 1) * V.Count),
                    Step = vectors * V.Count,
                    C = products + (point * ProductStride) + (split.Begin(piece) * (nint)vectors * V.Count),
                    RowStride = vectors * V.Count,
                };
                MicroKernelTable.Find<V, InRuns>(split.Size(piece), vectors)(in product);
            }
        }
    }

    // A^T m A for a row of tiles, and the activation.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TransformOutput(float* products, nint tileStride, float* lanes, int columns, V bias, V slope)
    {
        nint columnStride = _width.Low.Length * V.Count, rowStride = _height.Low.Length * (nint)OutputColumns * V.Count;
        OutputStage stage = _request.Output;
        bool activate = stage.Epilogue is { Activation: not Activation.None, HasResidual: false };
        for (int j = 0; j < columns; j++)
        {
            float* tile = lanes + (j * TW.M * columnStride);
            WinogradTile<V, TH, TW>.Output(products + (j * tileStride), ProductStride, tile, rowStride, columnStride, bias);
            if (!activate)
                continue;

            for (int a = 0; a < TH.M; a++)
            {
                for (int b = 0; b < TW.M; b++)
                {
                    float* value = tile + (a * rowStride) + (b * columnStride);
                    stage.Activate(V.Load(value), slope).Store(value);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WriteTileRow(in ConvArguments arguments, float* lanes, int tileRow, int firstColumn, int columns, int channel)
    {
        int outputHeight = _height.Axis.Output, outputWidth = _width.Axis.Output;
        (int image, int tile) = Math.DivRem(tileRow, _height.Tiles(TH.M));
        int phasesH = _height.Low.Length, phasesW = _width.Low.Length;
        int y = (phasesH * (_height.First + (tile * TH.M))) + _height.OutputShift;
        int x = (phasesW * (_width.First + (firstColumn * TW.M))) + _width.OutputShift;
        int left = Math.Max(x, 0), right = Math.Min(outputWidth, x + (phasesW * TW.M * columns));
        nint plane = (nint)outputHeight * outputWidth;
        for (int row = 0; row < phasesH * TH.M && left < right; row++)
        {
            if (y + row < 0 || y + row >= outputHeight)
                continue;

            nint at = ((((nint)image * _outputs) + channel) * plane) + ((nint)(y + row) * outputWidth) + left;
            float* source = lanes + (((row * OutputColumns) + (left - x)) * V.Count);
            ChannelLanes.Scatter<V>(
                source, _request.Output, arguments.Output + at, arguments.Residual + at, plane, channel, Math.Min(V.Count, _outputs - channel), right - left);
        }
    }

    private float* Worker(in ConvArguments arguments, int worker) =>
        arguments.Workspace + ((_shared ? Blocks : _request.Threads) * (nint)InputFloats) + (worker * (nint)WorkerFloats);

    private readonly struct TransformItems(WinogradPlan<V, TH, TW> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            (int block, int channelBlock) = Math.DivRem(item, plan._channelBlocks);
            float* transformed = arguments.Workspace + (block * (nint)plan.InputFloats);
            plan.TransformInput(arguments.Input, plan.Worker(arguments, worker), transformed, block, channelBlock);
        }
    }

    private readonly struct ChunkItems(WinogradPlan<V, TH, TW> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            (int chunk, int block) = Math.DivRem(item, plan.Blocks);
            float* transformed = arguments.Workspace + (block * (nint)plan.InputFloats);
            plan.MultiplyChunk(arguments, transformed, plan.Worker(arguments, worker), block, chunk);
        }
    }

    private readonly struct BlockItems(WinogradPlan<V, TH, TW> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            float* transformed = arguments.Workspace + (worker * (nint)plan.InputFloats);
            for (int channelBlock = 0; channelBlock < plan._channelBlocks; channelBlock++)
                plan.TransformInput(arguments.Input, plan.Worker(arguments, worker), transformed, item, channelBlock);

            for (int chunk = 0; chunk < plan._chunks; chunk++)
                plan.MultiplyChunk(arguments, transformed, plan.Worker(arguments, worker), item, chunk);
        }
    }
}
