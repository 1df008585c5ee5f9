using DeconvService.Engine;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Onnx.Tests.Passes;

/// <summary>A fused network computes what its nodes compute one by one. A node that is also an output cannot be fused, which gives the other side.</summary>
public sealed class FusionTests : IDisposable
{
    private readonly ConvolutionEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    public static TheoryData<string, string> Networks => new()
    {
        { "relu", "Conv+Relu" },
        { "leaky", "Conv+LeakyRelu" },
        { "clip", "Conv+Clip" },
        { "prelu", "Conv+PRelu" },
        { "prelu, one slope", "Conv+PRelu" },
        { "residual", "Conv+Add" },
        { "residual, relu", "Conv+Add+Relu" },
        { "relu, residual", "Conv+Relu+Add" },
        { "relu, residual, relu", "Conv+Relu+Add Relu" },
        { "two convolutions", "Conv Conv+Add" },
        { "batch normalisation, relu", "Conv+Relu" },
        { "transposed, batch normalisation", "ConvTranspose" },
        { "scaled residual", "Conv+Add" },
        { "affine", "Conv" },
        { "divided", "Conv Div" },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void Run_FusedNetwork_EqualsNodeByNode(string name, string layers)
    {
        float[] input = RandomTensor.Make(2 * 4 * 9 * 11, seed: 3);
        (string fusedLayers, float[] fused) = Run(Build(name), input);
        ModelBuilder open = Build(name);
        foreach (Proto.NodeProto node in open.Proto.Graph.Node.SkipLast(1))
            open.Output(node.Output[0]);

        (string plainLayers, float[] plain) = Run(open, input);

        Assert.Equal(layers, fusedLayers);
        Assert.DoesNotContain("+", plainLayers, StringComparison.Ordinal);
        Tolerance.AssertClose(plain, fused, 2e-6, name);
    }

    [Fact]
    public void Compile_WeightsThroughNodes_FoldsThem()
    {
        var builder = new ModelBuilder();
        string x = builder.Input("x", 1, 2, 5, 5);
        string turned = builder.Node("Transpose", "t", [builder.Random("w", 3, 3, 2, 4)], ("perm", new[] { 3, 2, 0, 1 }));
        builder.Node("Conv", "y", [x, builder.Node("Mul", "m", [turned, builder.Constant("two", [2f], 1)])]);
        builder.Output("y");

        using CompiledModel model = ModelCompiler.Compile(builder.Load(), _engine);

        Assert.Equal("Conv", Assert.Single(model.Prepare([new TensorShape(1, 2, 5, 5)]).Layers).Operator);
        Assert.Equal(4 * 2 * 9, model.Parameters);
    }

    [Fact]
    public void Prepare_ShapeArithmetic_LeavesNoStep()
    {
        // x.view(n, c / 2, 2, -1), as exporters write it.
        var builder = new ModelBuilder();
        string x = builder.Input("x", -1, -1, -1, -1);
        string shape = builder.Node("Shape", "s", [x]);
        string n = builder.Node("Gather", "n", [shape, builder.Constant("zero", 0L)]);
        string c = builder.Node("Div", "c", [builder.Node("Gather", "c0", [shape, builder.Constant("one", 1L)]), builder.Constant("two", 2L)]);
        string target = builder.Node("Concat", "target", [n, c, "two", builder.Constant("rest", -1L)], ("axis", 0));
        builder.Node("Relu", "unused", [x]);
        builder.Node("Reshape", "r", [x, target]);
        builder.Node("Neg", "y", ["r"]);
        builder.Output("y");

        using CompiledModel model = ModelCompiler.Compile(builder.Load(), _engine);
        PreparedModel prepared = model.Prepare([new TensorShape(2, 6, 4, 5)]);

        Assert.Equal(new TensorShape(2, 3, 2, 20), prepared.OutputShapes[0]);
        Assert.Equal("Neg", Assert.Single(prepared.Layers).Operator);
    }

    private static ModelBuilder Build(string name)
    {
        var builder = new ModelBuilder();
        string x = builder.Input("x", -1, 4, -1, -1);
        string conv = builder.Conv("c", x, 4, 4, 3, pad: 1, op: name.StartsWith("transposed", StringComparison.Ordinal) ? "ConvTranspose" : "Conv");
        switch (name)
        {
            case "relu":
                builder.Node("Relu", "y", [conv]);
                break;
            case "leaky":
                builder.Node("LeakyRelu", "y", [conv], ("alpha", 0.2f));
                break;
            case "clip":
                builder.Node("Clip", "y", [conv, builder.Constant("low", [-0.5f]), builder.Constant("high", [0.25f])]);
                break;
            case "prelu":
                builder.Node("PRelu", "y", [conv, builder.Random("slopes", 4, 1, 1)]);
                break;
            case "prelu, one slope":
                builder.Node("PRelu", "y", [conv, builder.Random("slopes", 1)]);
                break;
            case "residual":
                builder.Node("Add", "y", [x, conv]);
                break;
            case "residual, relu":
                builder.Node("Relu", "y", [builder.Node("Add", "a", [conv, x])]);
                break;
            case "relu, residual":
                builder.Node("Add", "y", [builder.Node("Relu", "r", [conv]), x]);
                break;
            case "relu, residual, relu":
                builder.Node("Relu", "y", [builder.Node("Add", "a", [x, builder.Node("Relu", "r", [conv])])]);
                break;
            case "two convolutions":
                builder.Node("Add", "y", [conv, builder.Conv("c2", x, 4, 4, 1)]);
                break;
            case "batch normalisation, relu":
                builder.Node("Relu", "y", [BatchNormalization(builder, conv)]);
                break;
            case "transposed, batch normalisation":
                BatchNormalization(builder, conv, "y");
                break;
            case "scaled residual":
                builder.Node("Add", "y", [builder.Node("Mul", "m", [conv, builder.Constant("scale", [0.2f])]), x]);
                break;
            case "affine":
                builder.Node("Sub", "y", [builder.Random("mean", 1, 4, 1, 1), builder.Node("Div", "d", [conv, builder.Constant("std", [2f, 3f, 4f, 5f], 4, 1, 1)])]);
                break;
            case "divided":
                builder.Node("Div", "y", [builder.Constant("one", [1f]), conv]);
                break;
            default:
                throw new ArgumentException(name);
        }

        return builder.Output("y");
    }

    private static string BatchNormalization(ModelBuilder builder, string input, string name = "bn") => builder.Node(
        "BatchNormalization",
        name,
        [input, builder.Random("gamma", 4), builder.Random("beta", 4), builder.Random("mean", 4), builder.Constant("variance", [0.5f, 1f, 2f, 3f], 4)]);

    private (string Layers, float[] Output) Run(ModelBuilder builder, float[] input)
    {
        using CompiledModel model = ModelCompiler.Compile(builder.Load(), _engine);
        using ModelRun run = model.Prepare([new TensorShape(2, 4, 9, 11)]).Rent();
        input.CopyTo(run.Input(0));
        run.Execute(TestContext.Current.CancellationToken);
        return (string.Join(' ', run.Prepared.Layers.Select(layer => layer.Operator)), run.Output(0).ToArray());
    }
}
