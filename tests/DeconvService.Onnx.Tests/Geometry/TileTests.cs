using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Geometry;
using DeconvService.Testing;

namespace DeconvService.Onnx.Tests.Geometry;

/// <summary>Tiles that are cut as the geometry says give the very numbers of the whole picture.</summary>
public sealed class TileTests : IDisposable
{
    private const int Height = 44, Width = 37;

    private readonly ConvolutionEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    // Network, and its scale, border, halo and multiple. A halo is a bound, rounded up to the multiple: 2 would do for "space to depth".
    public static TheoryData<string, double, int, int, int> Networks => new()
    {
        { "valid", 1, 3, 3, 1 },
        { "same", 1, 0, 4, 1 },
        { "upconv", 2, 4, 4, 1 },
        { "u-net", 1, 0, 12, 4 },
        { "u-net, cropped", 1, 4, 4, 2 },
        { "nearest", 2, 0, 2, 1 },
        { "linear", 2, 0, 2, 1 },
        { "cubic", 2, 0, 3, 1 },
        { "reflect", 1, 0, 2, 1 },
        { "sub-pixel", 3, 0, 2, 1 },
        { "pool", 1, 0, 4, 2 },
        { "shrink", 0.5, 0, 2, 2 },
        { "shrink by averaging", 0.5, 0, 0, 2 },
        { "space to depth", 1, 0, 4, 2 },
        { "dilated", 1, 0, 4, 1 },
        { "transposed with its own padding", 2, 0, 1, 1 },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void Tile_EveryTile_EqualsTheWholePicture(string name, double scale, int border, int halo, int multiple)
    {
        using CompiledModel model = ModelCompiler.Compile(Build(name).Load(), _engine);
        NetworkGeometry geometry = Assert.IsType<NetworkGeometry>(model.Geometry);
        Assert.False(geometry.NeedsWholeInput);
        Assert.Equal((scale, border, halo, multiple), (geometry.Scale, geometry.Border, geometry.Halo, geometry.Multiple));

        float[] picture = RandomTensor.Make(3 * Height * Width, seed: 7);
        (TensorShape shape, float[] whole) = Run(model, picture, geometry.Tile(Height, 0, Height), geometry.Tile(Width, 0, Width));
        Assert.Equal((geometry.ToOutput(Height), geometry.ToOutput(Width)), (shape[2], shape[3]));

        int side = 8 / geometry.Multiple * geometry.Multiple;
        for (int y = 0; y < Height; y += side)
            for (int x = 0; x < Width; x += side)
            {
                (TensorShape tileShape, float[] tile) = Run(
                    model,
                    picture,
                    geometry.Tile(Height, y, Math.Min(Height, y + side)),
                    geometry.Tile(Width, x, Math.Min(Width, x + side)));
                for (int c = 0; c < shape[1]; c++)
                    for (int i = 0; i < tileShape[2]; i++)
                        for (int j = 0; j < tileShape[3]; j++)
                        {
                            float expected = whole[(((c * shape[2]) + geometry.ToOutput(y) + i) * shape[3]) + geometry.ToOutput(x) + j];
                            float actual = tile[(((c * tileShape[2]) + i) * tileShape[3]) + j];
                            Assert.True(expected == actual, $"tile {y},{x}, channel {c}, output {i},{j}: {actual} instead of {expected}");
                        }
            }
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 1)]
    public void Compile_SqueezeAndExcite_NeedsTheWholeInputButKnowsItsBorder(int pad, int border)
    {
        var builder = new ModelBuilder();
        string x = builder.Conv("c1", builder.Input("x", -1, 3, -1, -1), 3, 4, 3, pad: pad);
        string gate = builder.Node("Sigmoid", "s", [builder.Conv("c2", builder.Node("GlobalAveragePool", "g", [x]), 4, 4, 1)]);
        string gated = builder.Conv("c3", builder.Node("Mul", "m", [x, gate]), 4, 4, 3, pad: pad);
        string normal = builder.Node("InstanceNormalization", "i", [gated, builder.Random("scale", 4), builder.Random("shift", 4)]);
        builder.Conv("y", normal, 4, 3, 4, stride: 2, pad: 3, op: "ConvTranspose");
        builder.Output("y");

        using CompiledModel model = ModelCompiler.Compile(builder.Load(), _engine);

        Assert.True(model.Geometry!.NeedsWholeInput);
        Assert.Equal((2.0, border), (model.Geometry.Scale, model.Geometry.Border));
    }

    [Fact]
    public void Compile_Classifier_HasNoGeometry()
    {
        var builder = new ModelBuilder();
        string x = builder.Node("GlobalAveragePool", "g", [builder.Conv("c1", builder.Input("x", -1, 3, -1, -1), 3, 4, 3)]);
        builder.Node("Flatten", "y", [x]);
        builder.Output("y");

        using CompiledModel model = ModelCompiler.Compile(builder.Load(), _engine);

        Assert.Null(model.Geometry);
        Assert.Equal(new TensorShape(2, 4), model.Prepare([new TensorShape(2, 3, 20, 20)]).OutputShapes[0]);
    }

    private static ModelBuilder Build(string name)
    {
        var builder = new ModelBuilder();
        string x = builder.Input("x", -1, 3, -1, -1);
        switch (name)
        {
            case "valid":
                builder.Conv("y", builder.Node("Relu", "r", [builder.Conv("c1", x, 3, 4, 3)]), 4, 3, 5);
                break;
            case "same":
                builder.Node("Add", "y", [builder.Conv("c3", builder.Conv("c2", builder.Conv("c1", x, 3, 4, 5, pad: 2), 4, 4, 3, pad: 1), 4, 3, 3, pad: 1), x]);
                break;
            case "upconv":
                builder.Conv("y", builder.Conv("c2", builder.Conv("c1", x, 3, 4, 3), 4, 4, 5), 4, 3, 4, stride: 2, pad: 3, op: "ConvTranspose");
                break;
            case "u-net":
                string full = builder.Conv("c1", x, 3, 4, 3, pad: 1);
                string half = builder.Conv("c2", builder.Node("MaxPool", "p1", [full], ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 })), 4, 4, 3, pad: 1);
                string quarter = builder.Conv("c3", builder.Conv("p2", half, 4, 4, 3, stride: 2, pad: 1), 4, 4, 1);
                string up = builder.Node("Concat", "j1", [half, builder.Conv("u1", quarter, 4, 4, 2, stride: 2, op: "ConvTranspose")], ("axis", 1));
                string top = builder.Node("Concat", "j2", [full, builder.Conv("u2", up, 8, 4, 4, stride: 2, pad: 1, op: "ConvTranspose")], ("axis", 1));
                builder.Conv("y", top, 8, 3, 3, pad: 1);
                break;
            case "u-net, cropped":
                string before = builder.Conv("c1", x, 3, 4, 3);
                string down = builder.Conv("c2", builder.Conv("p1", before, 4, 4, 2, stride: 2), 4, 4, 3);
                string back = builder.Conv("u1", down, 4, 4, 2, stride: 2, op: "ConvTranspose");
                string cut = builder.Node(
                    "Slice", "cut", [before, builder.Constant("starts", 2, 2), builder.Constant("ends", -2, -2), builder.Constant("axes", 2, 3)]);
                builder.Conv("y", builder.Node("Add", "j", [back, cut]), 4, 3, 3);
                break;
            case "nearest" or "linear" or "cubic":
                builder.Constant("scales", [1, 1, 2, 2], 4);
                builder.Conv("y", builder.Node("Resize", "r", [builder.Conv("c1", x, 3, 4, 3, pad: 1), string.Empty, "scales"], ("mode", name)), 4, 3, 3, pad: 1);
                break;
            case "reflect":
                builder.Conv("y", builder.Node("Pad", "p", [x, builder.Constant("pads", 0, 0, 2, 2, 0, 0, 2, 2)], ("mode", "reflect")), 3, 3, 5);
                break;
            case "sub-pixel":
                builder.Node("DepthToSpace", "y", [builder.Conv("c1", x, 3, 27, 5, pad: 2)], ("blocksize", 3), ("mode", "CRD"));
                break;
            case "pool":
                builder.Constant("scales", [1, 1, 2, 2], 4);
                string pooled = builder.Node("AveragePool", "p", [x], ("kernel_shape", new[] { 3, 3 }), ("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 }));
                builder.Node("Resize", "y", [builder.Conv("c1", pooled, 3, 3, 3, pad: 1), string.Empty, "scales"], ("mode", "nearest"));
                break;
            case "shrink":
                builder.Conv("y", x, 3, 3, 3, stride: 2, pad: 1);
                break;
            case "shrink by averaging":
                builder.Node("AveragePool", "y", [x], ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }));
                break;
            case "space to depth":
                string deep = builder.Conv("c1", builder.Node("SpaceToDepth", "s", [x], ("blocksize", 2)), 12, 12, 3, pad: 1);
                builder.Node("DepthToSpace", "y", [deep], ("blocksize", 2));
                break;
            case "dilated":
                builder.Node("Conv", "y", [x, builder.Random("w", 3, 3, 3, 3)], ("dilations", new[] { 4, 4 }), ("pads", new[] { 4, 4, 4, 4 }));
                break;
            case "transposed with its own padding":
                builder.Conv("y", x, 3, 3, 4, stride: 2, pad: 1, op: "ConvTranspose");
                break;
            default:
                throw new ArgumentException(name);
        }

        return builder.Output("y");
    }

    // Cuts the input, runs it, and crops the output.
    private static (TensorShape Shape, float[] Data) Run(CompiledModel model, float[] picture, TileAxis rows, TileAxis columns)
    {
        using ModelRun run = model.Prepare([new TensorShape(1, 3, rows.InputLength, columns.InputLength)], Accuracy.Exact).Rent();
        Span<float> input = run.Input(0);
        int at = 0;
        for (int c = 0; c < 3; c++)
            for (int y = rows.InputBegin; y < rows.InputEnd; y++)
                for (int x = columns.InputBegin; x < columns.InputEnd; x++)
                    input[at++] = picture[(((c * Height) + Math.Clamp(y, 0, Height - 1)) * Width) + Math.Clamp(x, 0, Width - 1)];

        run.Execute(TestContext.Current.CancellationToken);
        TensorShape whole = run.Prepared.OutputShapes[0];
        var shape = new TensorShape(1, whole[1], rows.OutputLength, columns.OutputLength);
        float[] data = new float[shape.Count];
        at = 0;
        for (int c = 0; c < shape[1]; c++)
            for (int y = 0; y < shape[2]; y++)
                for (int x = 0; x < shape[3]; x++)
                    data[at++] = run.Output(0)[(((c * whole[2]) + rows.OutputCrop + y) * whole[3]) + columns.OutputCrop + x];

        return (shape, data);
    }
}
