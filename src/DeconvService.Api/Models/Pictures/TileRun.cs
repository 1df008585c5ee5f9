using System.Diagnostics;
using DeconvService.Api.Errors;
using DeconvService.Api.Models.Progress;
using DeconvService.Api.Scheduling;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Imaging;
using DeconvService.Onnx;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Api.Models.Pictures;

/// <summary>Runs a network over a picture, tile by tile. Each result is used for one run.</summary>
internal sealed class TileRun
{
    private readonly ServedModel _model;
    private readonly AlignedBufferPool _buffers;
    private readonly SortedSet<string> _algorithms = new(StringComparer.Ordinal);

    /// <summary>Cuts a picture into tiles.</summary>
    /// <param name="model">The network; leased by the caller.</param>
    /// <param name="mapping">How colours go through it.</param>
    /// <param name="picture">Size and channels of the picture.</param>
    /// <param name="accuracy">How exact the convolutions have to be.</param>
    /// <param name="options">How much memory a tile may take.</param>
    /// <param name="buffers">Where memory comes from.</param>
    /// <exception cref="ServiceException">The picture has not the size that the network needs, or is too large for one that needs it in one piece.</exception>
    public TileRun(ServedModel model, PictureMapping mapping, ImageInfo picture, Accuracy accuracy, ModelsOptions options, AlignedBufferPool buffers)
    {
        (_model, Mapping, Accuracy, _buffers) = (model, mapping, accuracy, buffers);
        NetworkGeometry geometry = mapping.Geometry;
        bool isFixed = mapping.FixedSize.Height > 0 || mapping.FixedSize.Width > 0;
        int tileSize = isFixed || geometry.NeedsWholeInput ? int.MaxValue : model.Network.TileSize(mapping.InputPlanes, accuracy, options.TileBytes);
        Plan = new TilePlan(geometry, picture.Width, picture.Height, tileSize);
        if (isFixed)
            ThrowUnlessFits(model, mapping, Plan[0, 0], picture);

        // One in the middle has its halo on all sides, so none takes more.
        TileBytes = Prepare(Plan[Plan.Columns / 2, Plan.Rows / 2]).MemoryBytes;
        if (geometry.NeedsWholeInput && TileBytes > options.WholePictureBytes)
            throw TooLargeForOnePiece(model, picture, TileBytes, options.WholePictureBytes);
    }

    /// <summary>How the picture is cut.</summary>
    public TilePlan Plan { get; }

    /// <summary>How colours go through the network.</summary>
    public PictureMapping Mapping { get; }

    /// <summary>How exact the convolutions have to be.</summary>
    public Accuracy Accuracy { get; }

    /// <summary>Bytes that a tile takes inside the network.</summary>
    public long TileBytes { get; }

    /// <summary>Names of the algorithms that ran.</summary>
    public string Algorithms => string.Join(", ", _algorithms);

    /// <summary>Seconds that tiles were computed for; the rest of the time they waited for a core or for the decoder.</summary>
    public TimeSpan ComputeTime { get; private set; }

    /// <summary>Multiply-adds of the tiles so far.</summary>
    public long MultiplyAdds { get; private set; }

    /// <summary>Computes the result. Each tile waits for a core of its own, so that others get their turn between two tiles.</summary>
    /// <param name="queue">Where the cores are.</param>
    /// <param name="pixels">The picture; may still be growing.</param>
    /// <param name="result">Takes the tiles.</param>
    /// <param name="progress">Hears of every tile.</param>
    /// <param name="cancellationToken">Looked at every few milliseconds.</param>
    /// <exception cref="IOException">The picture could not be decoded to its end.</exception>
    /// <exception cref="OnnxModelException">The picture does not go through the network.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task ExecuteAsync(
        ComputeQueue queue, PixelBuffer pixels, IPictureResult result, RequestProgress progress, CancellationToken cancellationToken)
    {
        progress.Report(0, Plan.Count);
        for (int row = 0; row < Plan.Rows; row++)
        {
            int bottom = 0;
            for (int column = 0; column < Plan.Columns; column++)
            {
                Tile tile = Plan[column, row];
                bottom = tile.OutputY + tile.Y.OutputLength;
                long multiplyAdds = Prepare(tile).MultiplyAdds;
                await queue.RunAsync(bytes: 0, token => ExecuteTile(pixels, tile, result, token), cancellationToken, multiplyAdds);
                MultiplyAdds += multiplyAdds;
                progress.Report((row * Plan.Columns) + column + 1, Plan.Count);
            }

            result.Publish(bottom);
        }
    }

    private void ExecuteTile(PixelBuffer pixels, Tile tile, IPictureResult result, CancellationToken cancellationToken)
    {
        WaitForRows(pixels, tile, cancellationToken);
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<PlaneSource> passes = Mapping.Passes(pixels.ColourChannels);
        int width = tile.X.OutputLength;
        int height = tile.Y.OutputLength;
        int colours = Mapping.ColoursOf(pixels.ColourChannels);
        int channels = colours + (pixels.HasAlpha ? 1 : 0);
        using AlignedBuffer planes = _buffers.Rent((long)channels * width * height);
        PreparedModel prepared = Prepare(tile);
        using (ModelRun run = prepared.Rent())
        {
            for (int pass = 0; pass < passes.Count; pass++)
            {
                TileInput.Fill(pixels, tile, passes[pass], run.Input(0), _buffers);
                run.Execute(cancellationToken);
                Crop(run.Output(0), prepared.OutputShapes[0], tile, planes.Span[(pass * width * height)..]);
            }
        }

        if (pixels.HasAlpha)
            FillAlpha(pixels, tile, planes.Span[(colours * width * height)..]);

        result.Write(tile.OutputX, tile.OutputY, width, planes.Span);
        ComputeTime += Stopwatch.GetElapsedTime(start);
    }

    private void FillAlpha(PixelBuffer pixels, Tile tile, Span<float> plane)
    {
        (int numerator, int denominator) = (Mapping.Geometry.ScaleNumerator, Mapping.Geometry.ScaleDenominator);
        int width = tile.X.OutputLength;
        for (int y = 0; y < tile.Y.OutputLength; y++)
            AlphaPlane.FillRow(pixels, numerator, denominator, tile.OutputX, tile.OutputY + y, plane.Slice(y * width, width));
    }

    // Copies the tile's own part of the network's output [1, F, h, w].
    private static void Crop(ReadOnlySpan<float> output, TensorShape shape, Tile tile, Span<float> planes)
    {
        int width = tile.X.OutputLength;
        int height = tile.Y.OutputLength;
        for (int c = 0; c < shape[1]; c++)
        {
            for (int y = 0; y < height; y++)
            {
                int from = (((c * shape[2]) + tile.Y.OutputCrop + y) * shape[3]) + tile.X.OutputCrop;
                output.Slice(from, width).CopyTo(planes.Slice(((c * height) + y) * width, width));
            }
        }
    }

    private void WaitForRows(PixelBuffer pixels, Tile tile, CancellationToken cancellationToken)
    {
        int rows = Math.Clamp(tile.Y.InputEnd + (pixels.HasAlpha ? HiddenColours.Reach : 0), 1, pixels.Height);
        if (pixels.HasAlpha)
        {
            int bottom = tile.OutputY + tile.Y.OutputLength;
            rows = Math.Max(rows, AlphaPlane.RowsNeeded(bottom, Mapping.Geometry.ScaleNumerator, Mapping.Geometry.ScaleDenominator, pixels.Height));
        }

        pixels.WaitForRows(rows, cancellationToken);
    }

    private PreparedModel Prepare(Tile tile)
    {
        PreparedModel prepared = _model.Network.Prepare(
            [new TensorShape(1, Mapping.InputPlanes, tile.Y.InputLength, tile.X.InputLength)], Accuracy);
        TensorShape output = prepared.OutputShapes[0];
        if (output.Rank != 4 || output[1] != Mapping.OutputPlanes
            || output[2] < tile.Y.OutputCrop + tile.Y.OutputLength || output[3] < tile.X.OutputCrop + tile.X.OutputLength)
        {
            throw new ServiceException(new ServiceFault(
                ServiceErrorKind.InvalidModel, $"the network makes {output} of {prepared.InputShapes[0]}, which is not the size that its layers promise"));
        }

        _algorithms.UnionWith(prepared.Layers.Select(layer => layer.Algorithm).OfType<string>());
        return prepared;
    }

    private static void ThrowUnlessFits(ServedModel model, PictureMapping mapping, Tile whole, ImageInfo picture)
    {
        int border = 2 * mapping.Geometry.Border;
        (int height, int width) = mapping.FixedSize;
        if ((height > 0 && whole.Y.InputLength != height) || (width > 0 && whole.X.InputLength != width))
        {
            throw new ServiceException(new ServiceFault(
                ServiceErrorKind.InvalidShape,
                $"the network '{model.Name}' takes pictures of one size only, {width - border} x {height - border}; this one has {picture.Width} x {picture.Height}")
            {
                Facts = [new("width", picture.Width), new("height", picture.Height), new("expectedWidth", width - border), new("expectedHeight", height - border)],
            });
        }
    }

    private static ServiceException TooLargeForOnePiece(ServedModel model, ImageInfo picture, long bytes, long limit)
    {
        const string setting = $"{ModelsOptions.Section}:{nameof(ModelsOptions.WholePictureBytes)}";
        return new ServiceException(new ServiceFault(
            ServiceErrorKind.TooLarge,
            $"the network '{model.Name}' looks at the whole picture at once, so it cannot be run in tiles; {picture.Width} x {picture.Height} pixels "
            + $"take {bytes} bytes in one piece, the limit is {limit} ({setting} raises it)")
        {
            Facts = [new("limit", limit), new("value", bytes), new("unit", "bytes"), new("setting", setting)],
        });
    }
}
