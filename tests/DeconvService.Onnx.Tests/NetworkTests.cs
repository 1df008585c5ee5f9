using System.Numerics.Tensors;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Onnx.Tests;

/// <summary>The networks that ship, and their siblings, against outputs of other implementations.</summary>
public sealed class NetworkTests : IDisposable
{
    private readonly ConvolutionEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    [Theory]
    [InlineData("upconv7-scale2x.onnx", "upconv7-scale2x.npz")]
    [InlineData("upconv_7-noise1_scale2.0x.onnx", "upconv_7-noise1_scale2.0x.npz")]
    [InlineData("vgg_7-noise1.onnx", "vgg_7-noise1.npz")]
    public void Run_KnownNetwork_MatchesGolden(string network, string golden)
    {
        using CompiledModel model = Compile(network);
        Golden expected = Golden.Read(golden);

        TensorValue output = model.Run(new Dictionary<string, TensorValue>(StringComparer.Ordinal) { ["input"] = expected.Input })["output"];

        Assert.Equal(expected.Output.Shape, output.Shape);
        float worst = 0;
        for (int i = 0; i < output.Count; i++)
            worst = Math.Max(worst, Math.Abs(output.Floats.Span[i] - expected.Output.Floats.Span[i]));

        Assert.InRange(worst, 0f, 2e-5f);
    }

    [Theory]
    [InlineData("upconv7-scale2x.onnx", 2, 552_483, 551_856)]
    [InlineData("vgg_7-noise1.onnx", 1, 290_467, 290_016)]
    public void Compile_KnownNetwork_FindsItsGeometry(string network, int scale, long parameters, double multiplyAdds)
    {
        using CompiledModel model = Compile(network);

        Assert.Equal(parameters, model.Parameters);
        Assert.NotNull(model.Geometry);
        Assert.Equal(scale, model.Geometry.Scale);
        Assert.Equal(7, model.Geometry.Border);
        Assert.Equal(7, model.Geometry.Halo);
        Assert.Equal(1, model.Geometry.Multiple);
        Assert.False(model.Geometry.PadsItself);
        Assert.False(model.Geometry.NeedsWholeInput);
        Assert.Equal(multiplyAdds, model.Geometry.MultiplyAddsPerPixel, 6);
    }

    [Fact]
    public void Prepare_KnownNetwork_DescribesLayersAndMemory()
    {
        using CompiledModel model = Compile("upconv7-scale2x.onnx");

        PreparedModel prepared = model.Prepare([new TensorShape(1, 3, 46, 46)]);

        Assert.Equal(new TensorShape(1, 3, 64, 64), prepared.OutputShapes[0]);
        Assert.Equal(7, prepared.Layers.Count);
        Assert.Equal("Conv+LeakyRelu", prepared.Layers[0].Operator);
        Assert.Equal("ConvTranspose", prepared.Layers[6].Operator);
        Assert.Equal(44 * 44 * 16 * 27, prepared.Layers[0].MultiplyAdds);

        // Two layers lie in memory at a time, not all seven.
        long largest = prepared.Layers.Max(layer => layer.OutputShape.Count + layer.InputShape.Count) * sizeof(float);
        Assert.InRange(prepared.MemoryFloats * sizeof(float), largest, largest * 3 / 2);
        Assert.InRange(prepared.MemoryBytes, prepared.MemoryFloats * sizeof(float), long.MaxValue);
        Assert.Same(prepared, model.Prepare([new TensorShape(1, 3, 46, 46)]));
    }

    [Fact]
    public void Dispose_WhileARunIsRented_LetsItFinish()
    {
        CompiledModel model = Compile("vgg_7-noise1.onnx");
        PreparedModel prepared = model.Prepare([new TensorShape(1, 3, 16, 16)]);
        using ModelRun run = prepared.Rent();
        run.Input(0).Fill(0.5f);

        model.Dispose();

        run.Execute(TestContext.Current.CancellationToken);
        Assert.True(float.IsFinite(run.Output(0)[0]));
        Assert.Throws<ObjectDisposedException>(() => prepared.Rent());
        Assert.Throws<ObjectDisposedException>(() => model.Prepare([new TensorShape(1, 3, 16, 16)]));
    }

    // Sizes whose remainders modulo tiles and vectors differ from one another.
    [Theory]
    [InlineData(Accuracy.Exact)]
    [InlineData(Accuracy.Default)]
    public void Run_PartOfAPicture_GivesThePartOfTheWhole(Accuracy accuracy)
    {
        using CompiledModel model = Compile("upconv7-scale2x.onnx");
        const int Height = 40, Width = 53, Top = 3, Left = 6, PartHeight = 31, PartWidth = 37;
        float[] picture = RandomTensor.Make(3 * Height * Width, seed: 1), part = new float[3 * PartHeight * PartWidth];
        for (int row = 0; row < 3 * PartHeight; row++)
            picture.AsSpan((((row / PartHeight * Height) + Top + (row % PartHeight)) * Width) + Left, PartWidth).CopyTo(part.AsSpan(row * PartWidth));

        // Pixels are 0 to 1.
        TensorPrimitives.Abs(picture, picture);
        TensorPrimitives.Abs(part, part);
        (TensorShape wholeShape, float[] whole) = Run(model, picture, Height, Width, accuracy);
        (TensorShape partShape, float[] actual) = Run(model, part, PartHeight, PartWidth, accuracy);

        for (int c = 0; c < 3; c++)
            for (int y = 0; y < partShape[2]; y++)
                for (int x = 0; x < partShape[3]; x++)
                {
                    float expected = whole[(((c * wholeShape[2]) + (2 * Top) + y) * wholeShape[3]) + (2 * Left) + x];
                    float tolerance = accuracy == Accuracy.Exact ? 0 : 1e-5f * Math.Max(1, Math.Abs(expected));
                    Assert.Equal(expected, actual[(((c * partShape[2]) + y) * partShape[3]) + x], tolerance);
                }
    }

    private static (TensorShape Shape, float[] Output) Run(CompiledModel model, float[] input, int height, int width, Accuracy accuracy)
    {
        using ModelRun run = model.Prepare([new TensorShape(1, 3, height, width)], accuracy).Rent();
        input.CopyTo(run.Input(0));
        run.Execute(TestContext.Current.CancellationToken);
        return (run.Prepared.OutputShapes[0], run.Output(0).ToArray());
    }

    private CompiledModel Compile(string network) => ModelCompiler.Compile(OnnxModel.Load(File.ReadAllBytes(Golden.PathOf(network))), _engine);
}
