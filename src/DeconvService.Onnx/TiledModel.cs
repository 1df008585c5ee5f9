using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx;

/// <summary>
/// A network planned for one input <c>[1, C, H, W]</c> that goes through it tile by tile, so that its layers take the memory of a tile
/// whatever the size of the input. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// <para>
/// <code>
/// input   +-----------------+      output  +-----------+-----------+
///         | halo            |              |           |           |
///         |   +---------+   |   network    | this tile | next tile |
///         |   |  tile   |   |  -------->   |           |           |
///         |   +---------+   |    crop      +-----------+-----------+
///         +-----------------+              |           |           |
/// </code>
/// </para>
/// <para>
/// Two tiles at a time, each on a core of its own where one is idle (further cores help both): then no core waits for what another has in
/// its caches. One after the other on all cores, they take 15 % longer on two cores that share no cache. On one core it is one at a time.
/// </para>
/// <para>
/// The result is that of the whole input at once: to the bit with <see cref="Accuracy.Exact"/>, otherwise within rounding, because fast
/// algorithms work on blocks of pixels that lie elsewhere in a tile.
/// </para>
/// </remarks>
public sealed class TiledModel
{
    // Memory is saved with work that is done twice, where halos are large; beyond this it is not worth it.
    private const double MostWork = 2;

    // Each further one would halve the tiles again, and make more of them halo.
    private const int MostAtOnce = 2;

    private readonly CompiledModel _model;
    private readonly NetworkGeometry _geometry;
    private readonly TensorShape _input;
    private readonly Accuracy _accuracy;
    private readonly TilePlan _plan;
    private readonly int _atOnce;

    private TiledModel(CompiledModel model, NetworkGeometry geometry, TensorShape input, Accuracy accuracy, TilePlan plan, int atOnce)
    {
        (_model, _geometry, _input, _accuracy, _plan, _atOnce) = (model, geometry, input, accuracy, plan, atOnce);

        // One in the middle has its halo on all sides, so none takes more.
        Largest = Prepare(plan[plan.Columns / 2, plan.Rows / 2]);
        OutputShape = new TensorShape(1, Largest.OutputShapes[0][1], geometry.ToOutput(plan.Height), geometry.ToOutput(plan.Width));
        foreach (Tile tile in Tiles)
            MultiplyAdds += Prepare(tile).MultiplyAdds;
    }

    /// <summary>The largest tile.</summary>
    public PreparedModel Largest { get; }

    /// <summary>Bytes that a run takes inside the network: those of the tiles that run at once.</summary>
    public long MemoryBytes => _atOnce * Largest.MemoryBytes;

    /// <summary>Shape of the output.</summary>
    public TensorShape OutputShape { get; }

    /// <summary>Multiply-adds of all tiles.</summary>
    public long MultiplyAdds { get; }

    /// <summary>Number of tiles.</summary>
    public int Count => _plan.Count;

    private IEnumerable<Tile> Tiles
    {
        get
        {
            for (int row = 0; row < _plan.Rows; row++)
            {
                for (int column = 0; column < _plan.Columns; column++)
                    yield return _plan[column, row];
            }
        }
    }

    /// <summary>
    /// Plans the tiles, or answers null where the input has to go through at once, or may: the network is not from one picture to one
    /// picture, it looks at all of it or so far that tiles would be mostly halo, its sizes are fixed, or the input is no larger than a tile.
    /// </summary>
    /// <param name="model">The network.</param>
    /// <param name="input">Shape of its input.</param>
    /// <param name="accuracy">How exact the convolutions have to be.</param>
    /// <param name="tileBytes">What the tiles that run at once may take inside the network; no tile is smaller than the smallest, though.</param>
    /// <exception cref="OnnxModelException">The input does not go through the network.</exception>
    public static TiledModel? TryPlan(CompiledModel model, TensorShape input, Accuracy accuracy, long tileBytes)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Geometry is not { NeedsWholeInput: false } geometry || input.Rank != 4 || input[0] != 1)
            return null;

        if (model.Inputs[0].Dimensions is not { Count: 4 } declared || declared[2].Size >= 0 || declared[3].Size >= 0)
            return null;

        int height = input[2] - (2 * geometry.Border), width = input[3] - (2 * geometry.Border);
        if (height <= 0 || width <= 0 || height % geometry.Multiple != 0 || width % geometry.Multiple != 0)
            return null;

        if (PlanOf(tileBytes).Count == 1)
            return null;

        // Tiles of half the size have more halo; where it is too much for them, one at a time.
        for (int atOnce = MostAtOnce; atOnce > 0; atOnce--)
        {
            TilePlan plan = PlanOf(tileBytes / atOnce);
            if (InputPixels(plan) <= MostWork * input[2] * input[3])
                return new TiledModel(model, geometry, input, accuracy, plan, atOnce);
        }

        return null;

        TilePlan PlanOf(long bytes) => new(geometry, width, height, model.TileSize(input[1], accuracy, bytes));
    }

    private static double InputPixels(TilePlan plan) =>
        Enumerable.Range(0, plan.Columns).Sum(column => (double)plan[column, 0].X.InputLength) * Enumerable.Range(0, plan.Rows).Sum(row => plan[0, row].Y.InputLength);

    /// <summary>Computes the output.</summary>
    /// <param name="input">Elements of the input, row-major.</param>
    /// <param name="output">Receives those of the output.</param>
    /// <param name="cancellationToken">Looked at between pieces of work of a few milliseconds.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public unsafe void Execute(ReadOnlySpan<float> input, Span<float> output, CancellationToken cancellationToken = default)
    {
        fixed (float* from = input, to = output)
        {
            var tiles = new TileItems(this, new TileQueue(Tiles), from, input.Length, to, output.Length, cancellationToken);
            _model.Engine.Threads.Run(_atOnce, tiles, cancellationToken);

            // What a helper left that had to make room.
            tiles.Execute(item: 0, worker: 0);
        }
    }

    private PreparedModel Prepare(Tile tile)
    {
        PreparedModel prepared = _model.Prepare([new TensorShape(1, _input[1], tile.Y.InputLength, tile.X.InputLength)], _accuracy);
        TensorShape output = prepared.OutputShapes[0];
        if (output.Rank != 4 || output[2] < tile.Y.OutputCrop + tile.Y.OutputLength || output[3] < tile.X.OutputCrop + tile.X.OutputLength)
            throw new OnnxModelException(OnnxModelError.InputShape, $"the network makes {output} of {prepared.InputShapes[0]}, which is not the size that its layers promise");

        return prepared;
    }

    // The input has the border that the network consumes around the picture, and a tile counts pixels of the picture.
    private void CopyIn(ReadOnlySpan<float> input, Tile tile, Span<float> planes)
    {
        (int height, int width) = (tile.Y.InputLength, tile.X.InputLength);
        (int top, int left) = (tile.Y.InputBegin + _geometry.Border, tile.X.InputBegin + _geometry.Border);
        for (int c = 0; c < _input[1]; c++)
        {
            for (int y = 0; y < height; y++)
                input.Slice((((c * _input[2]) + top + y) * _input[3]) + left, width).CopyTo(planes[(((c * height) + y) * width)..]);
        }
    }

    private void CopyOut(ModelRun run, Tile tile, Span<float> output)
    {
        TensorShape made = run.Prepared.OutputShapes[0];
        ReadOnlySpan<float> planes = run.Output(0);
        for (int c = 0; c < made[1]; c++)
        {
            for (int y = 0; y < tile.Y.OutputLength; y++)
            {
                int from = (((c * made[2]) + tile.Y.OutputCrop + y) * made[3]) + tile.X.OutputCrop;
                int to = (((c * OutputShape[2]) + tile.OutputY + y) * OutputShape[3]) + tile.OutputX;
                planes.Slice(from, tile.X.OutputLength).CopyTo(output[to..]);
            }
        }
    }

    // Tiles that are still to be run, for several threads.
    private sealed class TileQueue(IEnumerable<Tile> tiles)
    {
        private readonly Tile[] _tiles = [.. tiles];
        private int _next = -1;

        public bool TryTake(out Tile tile)
        {
            int number = Interlocked.Increment(ref _next);
            tile = number < _tiles.Length ? _tiles[number] : default;
            return number < _tiles.Length;
        }
    }

    // An item is a thread that runs tile after tile.
    private readonly unsafe struct TileItems(
        TiledModel model, TileQueue queue, float* input, int inputLength, float* output, int outputLength, CancellationToken cancellationToken) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            while ((worker == 0 || !model._model.Engine.Threads.IsCrowded) && queue.TryTake(out Tile tile))
            {
                using ModelRun run = model.Prepare(tile).Rent();
                model.CopyIn(new ReadOnlySpan<float>(input, inputLength), tile, run.Input(0));
                run.Execute(cancellationToken);
                model.CopyOut(run, tile, new Span<float>(output, outputLength));
            }
        }
    }
}
