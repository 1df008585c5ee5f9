using System.Numerics.Tensors;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;
using DeconvService.Imaging;
using Tensor = DeconvService.Api.Tensors.Tensor;

namespace DeconvService.Api.Images;

/// <summary>
/// Filters a picture with one kernel for all channels, tile by tile: 8-bit pixels to float planes with a halo, the engine's depthwise
/// convolution, and back. Beyond the pixels that come in and go out it takes a few megabytes, whatever the picture's size.
/// </summary>
/// <remarks>
/// With alpha, colour is filtered premultiplied, <c>c = filter(c * a) / filter(a)</c>, so that colours of transparent pixels, which nobody
/// sees, do not bleed into visible ones. <c>filter(a)</c> is divided by the kernel's gain, so an opaque picture stays opaque and comes out as
/// it would without alpha. Kernels that sum to 0 (derivatives) have no such gain: they keep the alpha of the pixel in the window's middle.
/// </remarks>
internal sealed class ImageFilter : IDisposable
{
    private const int MaximumTileWidth = 2048;

    // Input and output of a tile: they stay in the outer caches.
    private const int TileFloats = 3 << 19;

    private readonly ConvolutionEngine _engine;
    private readonly ConvShape _shape;
    private readonly PaddingMode _outside;
    private readonly ImageFilterLook _look;
    private readonly ConvWeights _weights;
    private readonly Dictionary<(ImageTile Row, ImageTile Column), ConvPlan> _plans = [];
    private readonly ImageTiles _rows;
    private readonly ImageTiles _columns;
    private readonly float? _alphaGain;
    private readonly AlignedBuffer _input;
    private readonly AlignedBuffer _output;

    /// <summary>Plans the tiles and takes their memory.</summary>
    /// <param name="engine">Computes.</param>
    /// <param name="shape">The whole picture's depthwise layer: <c>[1, C, H, W]</c>, weight <c>[C, 1, k, k]</c>.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="outside">What stands outside of the picture.</param>
    /// <param name="look">Scale and offset.</param>
    public ImageFilter(ConvolutionEngine engine, ConvShape shape, ImageKernel kernel, PaddingMode outside, ImageFilterLook look)
    {
        (_engine, _shape, _outside, _look) = (engine, shape, outside, look);
        int channels = shape.InputChannels;
        float[] weights = new float[channels * kernel.Weights.Length];
        for (int c = 0; c < channels; c++)
            kernel.Weights.CopyTo(weights, c * kernel.Weights.Length);

        _weights = new ConvWeights(weights, use: WeightUse.Once);
        double gain = kernel.Sum, magnitude = kernel.Weights.Sum(weight => Math.Abs((double)weight));
        if (shape.Kind == ConvKind.Transposed)
            gain /= shape.Axes[0].Stride * shape.Axes[1].Stride;

        _alphaGain = Math.Abs(kernel.Sum) > 1e-5 * magnitude ? (float)gain : null;

        _columns = new ImageTiles(shape.Axes[1], shape.Kind, TileSize(shape.Kind, shape.Axes[1], MaximumTileWidth));
        ImageTile widest = _columns[0];
        long rowFloats = (long)channels * (((long)widest.InputCount * RowsIn(shape)) + widest.Count);
        _rows = new ImageTiles(shape.Axes[0], shape.Kind, TileSize(shape.Kind, shape.Axes[0], (int)Math.Clamp(TileFloats / rowFloats, 1, 1024)));
        ImageTile highest = _rows[0];
        _input = engine.Buffers.Rent((long)channels * highest.InputCount * widest.InputCount);
        _output = engine.Buffers.Rent((long)channels * highest.Count * widest.Count);
        Algorithm = PlanOf(highest, widest).Algorithm;
    }

    /// <summary>Name of the engine's algorithm.</summary>
    public string Algorithm { get; }

    /// <summary>Filters all of a picture into another one of the output's size, publishing its rows.</summary>
    public void Run(PixelBuffer source, PixelBuffer target, CancellationToken cancellationToken) =>
        Run(source, target, null, cancellationToken);

    /// <summary>Filters all of a picture into a tensor <c>[1, C, H, W]</c>, clamped to 0..1 as a picture is.</summary>
    public void Run(PixelBuffer source, Tensor target, CancellationToken cancellationToken) =>
        Run(source, null, target, cancellationToken);

    /// <summary>Gives the tiles' memory back.</summary>
    public void Dispose()
    {
        _input.Dispose();
        _output.Dispose();
        _weights.Dispose();
    }

    private void Run(PixelBuffer source, PixelBuffer? pixels, Tensor? tensor, CancellationToken cancellationToken)
    {
        for (int row = 0; row < _rows.Count; row++)
        {
            ImageTile rows = _rows[row];
            for (int column = 0; column < _columns.Count; column++)
            {
                ImageTile columns = _columns[column];
                ConvPlan plan = PlanOf(rows, columns);
                _engine.Threads.Run(rows.InputCount, new Gather(this, source, rows, columns), cancellationToken);
                using (Workspace workspace = _engine.RentWorkspace(plan))
                {
                    plan.Run(
                        _input.Span[..(int)plan.Shape.Input.Count], _output.Span[..(int)plan.Shape.Output.Count], workspace, default, cancellationToken);
                }

                _engine.Threads.Run(rows.Count, new Finish(this, pixels, tensor, rows, columns), cancellationToken);
            }

            pixels?.Publish(rows.First + rows.Count);
        }
    }

    private ConvPlan PlanOf(ImageTile rows, ImageTile columns)
    {
        // Tiles differ in their size only, and only the last of a row or column has another one.
        var key = (rows with { First = 0, InputFirst = 0 }, columns with { First = 0, InputFirst = 0 });
        if (!_plans.TryGetValue(key, out ConvPlan? plan))
            _plans.Add(key, plan = _engine.CreatePlan(ShapeOf(rows, columns), _weights));

        return plan;
    }

    private ConvShape ShapeOf(ImageTile rows, ImageTile columns)
    {
        ConvAxis y = _shape.Axes[0], x = _shape.Axes[1];
        var parameters = new ConvParameters
        {
            Kind = _shape.Kind,
            Stride = (int[])[y.Stride, x.Stride],
            Dilation = (int[])[y.Dilation, x.Dilation],
            Groups = _shape.Groups,
            Padding = ConvPadding.Pairs((int[])[rows.CropBegin, columns.CropBegin], (int[])[rows.CropEnd, columns.CropEnd]),
            OutputPadding = (int[])[rows.OutputPadding, columns.OutputPadding],
            Accuracy = _shape.Accuracy,
        };
        return ConvShape.Create(parameters, new TensorShape(1, _shape.InputChannels, rows.InputCount, columns.InputCount), _shape.Weight);
    }

    private static int TileSize(ConvKind kind, ConvAxis axis, int wanted)
    {
        // A strided convolution reads more than it writes; a transposed one's tiles must all begin at the same phase.
        if (kind == ConvKind.Convolution)
            return Math.Max(wanted / axis.Stride, 1);

        return Math.Max(wanted / axis.Stride, 1) * axis.Stride;
    }

    private static int RowsIn(ConvShape shape) => shape.Kind == ConvKind.Convolution ? shape.Axes[0].Stride : 1;

    /// <summary>Item: a row of the tile's input. Fills its float planes.</summary>
    private readonly struct Gather(ImageFilter filter, PixelBuffer source, ImageTile rows, ImageTile columns) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            int channels = source.Channels, plane = rows.InputCount * columns.InputCount;
            Span<float> planes = filter._input.Span[(item * columns.InputCount)..];
            int y = ImageTiles.Source(rows.InputFirst + item, source.Height, filter._outside);
            if (y < 0)
            {
                for (int c = 0; c < channels; c++)
                    planes.Slice(c * plane, columns.InputCount).Clear();

                return;
            }

            ReadOnlySpan<byte> row = source.Rows(y, 1);
            int from = Math.Clamp(columns.InputFirst, 0, source.Width);
            int to = Math.Clamp(columns.InputFirst + columns.InputCount, from, source.Width);
            if (to > from)
                PixelConversion.ToPlanes(row[(from * channels)..(to * channels)], channels, planes[(from - columns.InputFirst)..], plane);

            for (int x = 0; x < columns.InputCount; x++)
            {
                if (to > from && x == from - columns.InputFirst)
                    x = to - columns.InputFirst;
                if (x == columns.InputCount)
                    break;

                int at = ImageTiles.Source(columns.InputFirst + x, source.Width, filter._outside);
                for (int c = 0; c < channels; c++)
                    planes[(c * plane) + x] = at < 0 ? 0 : row[(at * channels) + c] / 255f;
            }

            if (source.HasAlpha)
                PixelConversion.Premultiply(planes, plane, channels, columns.InputCount);
        }
    }

    /// <summary>Item: a row of the tile's output. Unpremultiplies, scales, and writes it as pixels or into the tensor.</summary>
    private readonly struct Finish(ImageFilter filter, PixelBuffer? pixels, Tensor? tensor, ImageTile rows, ImageTile columns) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            int channels = filter._shape.OutputChannels, plane = rows.Count * columns.Count;
            int colours = channels is 2 or 4 ? channels - 1 : channels;
            Span<float> planes = filter._output.Span[(item * columns.Count)..];
            if (colours < channels)
                Unpremultiply(item, planes, plane, colours);

            ImageFilterLook look = filter._look;
            for (int c = 0; c < colours && look != ImageFilterLook.None; c++)
            {
                Span<float> row = planes.Slice(c * plane, columns.Count);
                TensorPrimitives.Multiply(row, look.Scale, row);
                TensorPrimitives.Add(row, look.Offset, row);
            }

            int y = rows.First + item;
            if (pixels is not null)
            {
                PixelConversion.FromPlanes(planes, plane, channels, pixels.Rows(y, 1).Slice(columns.First * channels, columns.Count * channels));
                return;
            }

            int width = filter._shape.Axes[1].Output, height = filter._shape.Axes[0].Output;
            for (int c = 0; c < channels; c++)
            {
                int at = checked((((c * height) + y) * width) + columns.First);
                TensorPrimitives.Clamp(planes.Slice(c * plane, columns.Count), 0f, 1f, tensor!.Data.Slice(at, columns.Count));
            }
        }

        private void Unpremultiply(int item, Span<float> planes, int plane, int colours)
        {
            Span<float> alpha = planes.Slice(colours * plane, columns.Count);
            if (filter._alphaGain is { } gain)
                TensorPrimitives.Divide(alpha, gain, alpha);
            else
                TakeMiddleAlpha(item, alpha, colours);

            for (int c = 0; c < colours; c++)
            {
                Span<float> row = planes.Slice(c * plane, columns.Count);
                for (int x = 0; x < row.Length; x++)
                    row[x] = alpha[x] > 0 ? row[x] / alpha[x] : 0;
            }
        }

        private void TakeMiddleAlpha(int item, Span<float> alpha, int colours)
        {
            ConvAxis y = filter._shape.Axes[0], x = filter._shape.Axes[1];
            ReadOnlySpan<float> source = filter._input.Span.Slice(colours * rows.InputCount * columns.InputCount, rows.InputCount * columns.InputCount);
            int row = Middle(filter._shape.Kind, y, item, rows);
            for (int i = 0; i < alpha.Length; i++)
                alpha[i] = source[(row * columns.InputCount) + Middle(filter._shape.Kind, x, i, columns)];
        }

        private static int Middle(ConvKind kind, ConvAxis axis, int output, ImageTile tile)
        {
            int middle = (axis.Kernel - 1) / 2 * axis.Dilation;
            int input = kind == ConvKind.Convolution ? (output * axis.Stride) + middle : (output + tile.CropBegin - middle) / axis.Stride;
            return Math.Clamp(input, 0, tile.InputCount - 1);
        }
    }
}

/// <summary>How a result is looked at: <c>out = Scale * y + Offset</c>, before clamping. Alpha is left as it is.</summary>
internal readonly record struct ImageFilterLook(float Scale, float Offset)
{
    /// <summary>As it is.</summary>
    public static ImageFilterLook None => new(1, 0);
}
