using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx;

/// <summary>
/// A network planned for one input <c>[1, C, H, W]</c> that goes through it tile by tile, so that its layers take the memory of a tile
/// whatever the size of the input. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// <code>
/// input   +-----------------+      output  +-----------+-----------+
///         | halo            |              |           |           |
///         |   +---------+   |   network    | this tile | next tile |
///         |   |  tile   |   |  -------->   |           |           |
///         |   +---------+   |    crop      +-----------+-----------+
///         +-----------------+              |           |           |
/// </code>
/// The result is that of the whole input at once: to the bit with <see cref="Accuracy.Exact"/>, otherwise within rounding, because fast
/// algorithms work on blocks of pixels that lie elsewhere in a tile.
/// </remarks>
public sealed class TiledModel
{
    // Memory is saved with work that is done twice, where halos are large; beyond this it is not worth it.
    private const double MostWork = 2;

    private readonly CompiledModel _model;
    private readonly NetworkGeometry _geometry;
    private readonly TensorShape _input;
    private readonly Accuracy _accuracy;
    private readonly TilePlan _plan;

    private TiledModel(CompiledModel model, NetworkGeometry geometry, TensorShape input, Accuracy accuracy, TilePlan plan)
    {
        (_model, _geometry, _input, _accuracy, _plan) = (model, geometry, input, accuracy, plan);

        // One in the middle has its halo on all sides, so none takes more.
        Largest = Prepare(plan[plan.Columns / 2, plan.Rows / 2]);
        OutputShape = new TensorShape(1, Largest.OutputShapes[0][1], geometry.ToOutput(plan.Height), geometry.ToOutput(plan.Width));
        foreach (Tile tile in Tiles)
            MultiplyAdds += Prepare(tile).MultiplyAdds;
    }

    /// <summary>The largest tile: what is rented at a time.</summary>
    public PreparedModel Largest { get; }

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
    /// <param name="tileBytes">What a tile may take inside the network.</param>
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

        int size = model.TileSize(input[1], accuracy, tileBytes);
        var plan = new TilePlan(geometry, width, height, size);
        return plan.Count > 1 && InputPixels(plan) <= MostWork * input[2] * input[3] ? new TiledModel(model, geometry, input, accuracy, plan) : null;
    }

    private static double InputPixels(TilePlan plan) =>
        Enumerable.Range(0, plan.Columns).Sum(column => (double)plan[column, 0].X.InputLength) * Enumerable.Range(0, plan.Rows).Sum(row => plan[0, row].Y.InputLength);

    /// <summary>Computes the output.</summary>
    /// <param name="input">Elements of the input, row-major.</param>
    /// <param name="output">Receives those of the output.</param>
    /// <param name="cancellationToken">Looked at between pieces of work of a few milliseconds.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public void Execute(ReadOnlySpan<float> input, Span<float> output, CancellationToken cancellationToken = default)
    {
        foreach (Tile tile in Tiles)
        {
            using ModelRun run = Prepare(tile).Rent();
            CopyIn(input, tile, run.Input(0));
            run.Execute(cancellationToken);
            CopyOut(run, tile, output);
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
}
