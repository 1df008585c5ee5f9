using DeconvService.Api.Errors;
using DeconvService.Api.Limits;
using DeconvService.Api.Models;
using DeconvService.Api.Models.Pictures;
using DeconvService.Api.Models.Progress;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tests.Observability;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Imaging;
using DeconvService.Onnx;

namespace DeconvService.Api.Tests.Models.Pictures;

/// <summary>No seam: the tiles of a picture are those of the whole picture run at once.</summary>
public sealed class TileRunTests : IDisposable
{
    private readonly ConvolutionEngine _engine = new();
    private readonly ComputeQueue _queue;

    public TileRunTests() =>
        _queue = new(new MemoryBudget(new LimitsOptions()), new SchedulingOptions(), new ServiceMetrics(new MeterFactory()), _engine);

    public static TheoryData<string, int, Accuracy> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, Accuracy>();
            foreach (string network in (string[])["border", "padded", "down-and-up"])
            {
                foreach (int channels in (int[])[1, 2, 3, 4])
                    cases.Add(network, channels, Accuracy.Exact);

                cases.Add(network, 3, Accuracy.Default);
                cases.Add(network, 3, Accuracy.Fast);
            }

            return cases;
        }
    }

    public void Dispose()
    {
        _queue.Dispose();
        _engine.Dispose();
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task Execute_InTiles_IsTheWholePicture(string network, int channels, Accuracy accuracy)
    {
        using PixelBuffer picture = RandomPicture(83, 59, channels);
        ServedModel model = Serve(network switch { "border" => TestNetwork.Border(), "padded" => TestNetwork.Padded(), _ => TestNetwork.DownAndUp() });
        (Planes whole, int one) = await RunAsync(model, picture, accuracy, tileBytes: long.MaxValue);
        (Planes tiled, int many) = await RunAsync(model, picture, accuracy, tileBytes: 0);

        Assert.Equal(1, one);
        Assert.Equal(6, many);
        Assert.DoesNotContain(float.NaN, tiled.Values);
        if (accuracy == Accuracy.Exact)
            Assert.Equal(whole.Values, tiled.Values);
        else
            Assert.InRange(whole.Values.Zip(tiled.Values, (a, b) => MathF.Abs(a - b)).Max(), 0, accuracy == Accuracy.Default ? 1e-5f : 1e-3f);

        model.Release();
    }

    [Fact]
    public async Task Execute_NetworkThatConsumesItsBorder_GetsTheEdgeRepeated()
    {
        using PixelBuffer picture = RandomPicture(21, 17, 3);
        ServedModel model = Serve(TestNetwork.Border());
        int border = model.Network.Geometry!.Border;
        (Planes tiled, _) = await RunAsync(model, picture, Accuracy.Exact, tileBytes: 0);

        var padded = new float[3 * (17 + (2 * border)) * (21 + (2 * border))];
        int i = 0;
        for (int c = 0; c < 3; c++)
        {
            for (int y = -border; y < 17 + border; y++)
            {
                for (int x = -border; x < 21 + border; x++)
                    padded[i++] = picture.Rows(Math.Clamp(y, 0, 16), 1)[(Math.Clamp(x, 0, 20) * 3) + c] / 255f;
            }
        }

        TensorValue output = model.Network.Run(
            new Dictionary<string, TensorValue>(StringComparer.Ordinal)
            {
                ["x"] = new(new TensorShape(1, 3, 17 + (2 * border), 21 + (2 * border)), padded),
            },
            Accuracy.Exact,
            TestContext.Current.CancellationToken).Values.Single();
        Assert.Equal(new TensorShape(1, 3, 34, 42), output.Shape);
        Assert.Equal(output.Floats.ToArray(), tiled.Values);
        model.Release();
    }

    [Theory]
    [InlineData(1, 1, 3, 3)] // each colour by itself
    [InlineData(1, 3, 3, 3)] // brightness
    [InlineData(3, 1, 3, 1)]
    [InlineData(3, 1, 4, 2)]
    [InlineData(1, 1, 1, 1)]
    [InlineData(3, 3, 1, 3)]
    public async Task Execute_GreyAndColour_FitTogether(int planesIn, int planesOut, int channels, int expected)
    {
        using PixelBuffer picture = RandomPicture(20, 10, channels);
        ServedModel model = Serve(TestNetwork.Padded(planesIn, planesOut));
        (Planes planes, _) = await RunAsync(model, picture, Accuracy.Exact, tileBytes: 0);
        Assert.Equal(expected, planes.Channels);
        if ((planesIn, planesOut, channels) == (1, 1, 3))
        {
            // The second colour alone gives the second plane.
            using PixelBuffer second = Colour(picture, 1);
            (Planes alone, _) = await RunAsync(model, second, Accuracy.Exact, tileBytes: 0);
            Assert.Equal(alone.Values, planes.Values[200..400]);
        }

        model.Release();
    }

    [Fact]
    public async Task Execute_NetworkThatLooksAtTheWholePicture_RunsInOnePieceUpToALimit()
    {
        using PixelBuffer picture = RandomPicture(83, 59, 3);
        ServedModel model = Serve(TestNetwork.Squeeze());
        Assert.True(model.Network.Geometry!.NeedsWholeInput);
        (Planes planes, int tiles) = await RunAsync(model, picture, Accuracy.Exact, tileBytes: 0);
        Assert.Equal(1, tiles);
        Assert.Equal(83 * 59 * 3, planes.Values.Length);

        ServiceException refused = Assert.Throws<ServiceException>(() => new TileRun(
            model, PictureMapping.Of(model), InfoOf(picture), Accuracy.Exact, new ModelsOptions { WholePictureBytes = 1000 }, _engine.Buffers));
        Assert.Equal(ServiceErrorKind.TooLarge, refused.Faults[0].Kind);
        Assert.Contains("Models:WholePictureBytes", refused.Message, StringComparison.Ordinal);
        model.Release();
    }

    [Fact]
    public async Task Execute_ColoursOfTransparentPixels_DoNotMatter()
    {
        ServedModel model = Serve(TestNetwork.Border());
        using PixelBuffer black = CutOut(hidden: 0);
        using PixelBuffer white = CutOut(hidden: 255);
        (Planes one, _) = await RunAsync(model, black, Accuracy.Exact, tileBytes: 0);
        (Planes other, _) = await RunAsync(model, white, Accuracy.Exact, tileBytes: 0);
        Assert.Equal(one.Values, other.Values);

        // Where the shape ends its colour goes on: inside, nothing shows that it ends.
        using PixelBuffer endless = CutOut(hidden: 90);
        endless.Rows(0, 40).Fill(90);
        (Planes plain, _) = await RunAsync(model, endless, Accuracy.Exact, tileBytes: 0);
        const int Edge = (21 * 80) + 21;
        Assert.Equal(plain.Values[Edge], one.Values[Edge], 1e-5f);
        model.Release();
    }

    [Fact]
    public async Task Execute_Cancelled_StopsWithinATile()
    {
        using PixelBuffer picture = RandomPicture(83, 59, 3);
        ServedModel model = Serve(TestNetwork.Border());
        using var stop = new CancellationTokenSource();
        var planes = new Planes(model, picture);
        var progress = new RequestProgress(TimeProvider.System, _ => { });
        planes.Written = stop.Cancel;
        TileRun run = Plan(model, picture, Accuracy.Exact, tileBytes: 0);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.ExecuteAsync(_queue, picture, planes, progress, stop.Token));
        Assert.Equal(1, progress.Look().Current.Done);
        model.Release();
    }

    [Fact]
    public void Mapping_NetworkWithoutPictures_IsRefused()
    {
        var network = new TestNetwork();
        string x = network.Relu(network.Input("x", ElementType.Float32, 1, 10));
        ServedModel model = Serve(network.Output(x, ElementType.Float32, 1, 10).ToFile());
        ServiceException refused = Assert.Throws<ServiceException>(() => PictureMapping.Of(model));
        Assert.Equal("not-a-picture-network", refused.Faults[0].Code);
        model.Release();
    }

    private ServedModel Serve(byte[] file) =>
        new("net", "1", ModelCompiler.Compile(OnnxModel.Load(file), _engine), new ModelStatistics());

    private TileRun Plan(ServedModel model, PixelBuffer picture, Accuracy accuracy, long tileBytes) => new(
        model, PictureMapping.Of(model), InfoOf(picture), accuracy, new ModelsOptions { TileBytes = tileBytes }, _engine.Buffers);

    private async Task<(Planes Planes, int Tiles)> RunAsync(ServedModel model, PixelBuffer picture, Accuracy accuracy, long tileBytes)
    {
        TileRun run = Plan(model, picture, accuracy, tileBytes);
        var planes = new Planes(model, picture);
        await run.ExecuteAsync(_queue, picture, planes, new RequestProgress(TimeProvider.System, _ => { }), TestContext.Current.CancellationToken);
        Assert.Equal(planes.Height, planes.Published);
        return (planes, run.Plan.Count);
    }

    private static ImageInfo InfoOf(PixelBuffer picture) => new(ImageFormat.Png, picture.Width, picture.Height, picture.Channels, picture.ByteCount);

    private static PixelBuffer RandomPicture(int width, int height, int channels)
    {
        var picture = new PixelBuffer(width, height, channels);
        new Random(7).NextBytes(picture.Rows(0, height));
        picture.Publish(height);
        return picture;
    }

    // A square of one colour, 10 to 30, in a transparent picture of 40 by 40.
    private static PixelBuffer CutOut(byte hidden)
    {
        var picture = new PixelBuffer(40, 40, 4);
        Span<byte> bytes = picture.Rows(0, 40);
        for (int i = 0; i < 40 * 40; i++)
        {
            bool isInside = i % 40 is >= 10 and < 30 && i / 40 is >= 10 and < 30;
            bytes.Slice(4 * i, 3).Fill(isInside ? (byte)90 : hidden);
            bytes[(4 * i) + 3] = isInside ? (byte)255 : (byte)0;
        }

        picture.Publish(40);
        return picture;
    }

    private static PixelBuffer Colour(PixelBuffer picture, int colour)
    {
        var grey = new PixelBuffer(picture.Width, picture.Height, 1);
        for (int i = 0; i < picture.Width * picture.Height; i++)
            grey.Rows(0, grey.Height)[i] = picture.Rows(0, picture.Height)[(i * picture.Channels) + colour];

        grey.Publish(grey.Height);
        return grey;
    }

    /// <summary>Keeps the values as they are, not clamped: a seam outside of 0..1 counts too.</summary>
    private sealed class Planes : IPictureResult
    {
        private readonly int _width;

        public Planes(ServedModel model, PixelBuffer picture)
        {
            PictureMapping mapping = PictureMapping.Of(model);
            _width = mapping.Geometry.ToOutput(picture.Width);
            Height = mapping.Geometry.ToOutput(picture.Height);
            Channels = mapping.ColoursOf(picture.ColourChannels) + (picture.HasAlpha ? 1 : 0);
            Values = new float[Channels * Height * _width];
            Values.AsSpan().Fill(float.NaN);
        }

        public Action? Written { get; set; }

        public float[] Values { get; }

        public int Height { get; }

        public int Channels { get; }

        public int Published { get; private set; }

        public void Write(int x, int y, int width, ReadOnlySpan<float> planes)
        {
            int height = planes.Length / Channels / width;
            for (int c = 0; c < Channels; c++)
            {
                for (int row = 0; row < height; row++)
                    planes.Slice(((c * height) + row) * width, width).CopyTo(Values.AsSpan((((c * Height) + y + row) * _width) + x));
            }

            Written?.Invoke();
        }

        public void Publish(int rows) => Published = rows;
    }
}
