using DeconvService.Engine;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Proto;
using Google.Protobuf;

namespace DeconvService.Onnx.Tests.Loading;

/// <summary>What is refused, and with which words.</summary>
public sealed class OnnxModelTests : IDisposable
{
    private readonly ConvolutionEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Load_UnsupportedOperators_ListsAllOfThem()
    {
        ModelBuilder builder = Small();
        builder.Node("LSTM", "a", ["x"]);
        builder.Node("Relu", "b", ["x"]);
        builder.Node("NonMaxSuppression", "c", ["x"]);
        builder.Node("LSTM", "d", ["x"]);
        builder.Node("FusedConv", "e", ["x"]);
        builder.Proto.Graph.Node[^1].Domain = "com.microsoft";

        OnnxModelException error = Refused(builder, OnnxModelError.Unsupported);

        Assert.Equal(["LSTM", "NonMaxSuppression", "com.microsoft.FusedConv"], error.UnsupportedOperators);
    }

    [Fact]
    public void Load_OperatorNewerThanItsSet_IsUnsupported()
    {
        var builder = new ModelBuilder(opset: 13);
        builder.Node("HardSwish", "y", [builder.Input("x", 1, 2)]);
        builder.Output("y");

        Assert.Equal(["HardSwish"], Refused(builder, OnnxModelError.Unsupported).UnsupportedOperators);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(23)]
    public void Load_OperatorSetOutOfRange_SaysWhichAreSupported(int opset)
    {
        var builder = new ModelBuilder(opset);
        builder.Node("Relu", "y", [builder.Input("x", 1, 2)]);
        builder.Output("y");

        Assert.Contains("7 to 22", Refused(builder, OnnxModelError.Unsupported).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_Cycle_NamesANodeOfIt()
    {
        ModelBuilder builder = Small();
        builder.Node("Relu", "a", ["b"]);
        builder.Node("Relu", "b", ["a"]);

        Assert.Equal("Relu_a", Refused(builder, OnnxModelError.Malformed).Node);
    }

    [Fact]
    public void Load_DanglingInput_NamesTheNode()
    {
        ModelBuilder builder = Small();
        builder.Node("Add", "a", ["x", "nowhere"]);

        OnnxModelException error = Refused(builder, OnnxModelError.InvalidNode);

        Assert.Equal("Add_a", error.Node);
        Assert.Contains("'nowhere'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_OutputMadeTwice_IsRefused()
    {
        ModelBuilder builder = Small();
        builder.Node("Relu", "a", ["x"]);
        builder.Node("Neg", "a", ["x"]);

        Assert.Contains("'a' is already taken", Refused(builder, OnnxModelError.Malformed).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_OutputThatNobodyMakes_IsRefused()
    {
        ModelBuilder builder = Small();
        builder.Output("nowhere");

        Assert.Contains("'nowhere' is made by no node", Refused(builder, OnnxModelError.Malformed).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TensorWithTooFewElements_IsRefused()
    {
        ModelBuilder builder = Small();
        builder.Constant("w", new float[7], 2, 4);

        Assert.Contains("holds 28 bytes, its sizes ask for 32", Refused(builder, OnnxModelError.Malformed).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1L << 40)]
    public void Load_TensorWithImpossibleSize_IsRefused(long size)
    {
        ModelBuilder builder = Small();
        builder.Constant("w", new float[4], 4);
        builder.Proto.Graph.Initializer[^1].Dims[0] = size;

        Refused(builder, OnnxModelError.Malformed);
    }

    [Fact]
    public void Load_TensorWhoseSizesOverflow_IsRefused()
    {
        ModelBuilder builder = Small();
        builder.Constant("w", new float[4], 4);
        builder.Proto.Graph.Initializer[^1].Dims.Add([int.MaxValue, int.MaxValue, int.MaxValue]);

        Refused(builder, OnnxModelError.Malformed);
    }

    [Fact]
    public void Load_ExternalData_SaysSo()
    {
        ModelBuilder builder = Small();
        builder.Constant("w", new float[4], 4);
        builder.Proto.Graph.Initializer[^1].DataLocation = TensorProto.Types.DataLocation.External;

        Assert.Contains("another file", Refused(builder, OnnxModelError.Unsupported).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_OverALimit_SaysTheLimit()
    {
        ModelBuilder builder = Small();
        for (int i = 0; i < 20; i++)
            builder.Node("Relu", $"r{i}", ["x"]);

        byte[] file = builder.ToBytes();
        Assert.Contains("limit is 10", Refused(file, OnnxModelError.OverLimit, new OnnxLimits { Nodes = 10 }).Message, StringComparison.Ordinal);
        Refused(file, OnnxModelError.OverLimit, new OnnxLimits { FileBytes = file.Length - 1 });
        Refused(file, OnnxModelError.OverLimit, new OnnxLimits { Messages = 50 });
        Refused(file, OnnxModelError.OverLimit, new OnnxLimits { NameLength = 3 });
        Assert.Throws<OnnxModelException>(() => OnnxModel.Load(new MemoryStream(file), new OnnxLimits { FileBytes = file.Length - 1 }));
        Assert.Equal(21, OnnxModel.Load(new MemoryStream(file)).NodeCount);
    }

    [Fact]
    public void Load_ManyEmptyMessages_IsRefusedBeforeTheyTakeMemory()
    {
        // A hundred million nodes of two bytes each would become objects of a hundred.
        byte[] graph = new byte[4_000_000];
        for (int i = 0; i < graph.Length; i += 2)
            graph[i] = 0x0A;

        using var file = new MemoryStream();
        using (var output = new CodedOutputStream(file, leaveOpen: true))
        {
            output.WriteTag(7, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(graph));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(file.ToArray(), OnnxModelError.OverLimit);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a model at all")]
    [InlineData("{\"graph\": []}")]
    public void Load_OtherFiles_IsRefused(string text) => Refused(System.Text.Encoding.UTF8.GetBytes(text), OnnxModelError.Malformed);

    [Fact]
    public void Compile_NodeThatBreaksItsSpecification_IsNamed()
    {
        ModelBuilder builder = Small();
        builder.Node("Conv", "c", [builder.Input("picture", 1, 3, 8, 8), builder.Random("w", 4, 2, 3, 3)]);
        builder.Output("c");

        OnnxModelException error = Assert.Throws<OnnxModelException>(() => ModelCompiler.Compile(builder.Load(), _engine));

        Assert.Equal((OnnxModelError.InvalidNode, "Conv_c"), (error.Error, error.Node));
    }

    [Fact]
    public void Compile_AttributeOfTheWrongType_IsNamed()
    {
        ModelBuilder builder = Small();
        builder.Node("LeakyRelu", "c", ["x"], ("alpha", 3));
        builder.Output("c");

        OnnxModelException error = Assert.Throws<OnnxModelException>(() => ModelCompiler.Compile(builder.Load(), _engine));

        Assert.Equal("LeakyRelu_c", error.Node);
        Assert.Contains("'alpha' is of type Int, expected Float", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prepare_ShapesThatDoNotFit_SayWhatWasExpected()
    {
        using CompiledModel model = ModelCompiler.Compile(Small().Load(), _engine);

        OnnxModelException error = Assert.Throws<OnnxModelException>(() => model.Prepare([new TensorShape(2, 3)]));
        Assert.Equal(OnnxModelError.InputShape, error.Error);
        Assert.Contains("[2, 3], expected [1, 2]", error.Message, StringComparison.Ordinal);
        Assert.Throws<OnnxModelException>(() => model.Prepare([new TensorShape(1)]));
        Assert.Throws<OnnxModelException>(() => model.Prepare([]));
    }

    [Fact]
    public void Prepare_MoreMemoryThanThereCanBe_IsRefusedWithoutTakingIt()
    {
        var builder = new ModelBuilder();
        builder.Constant("scales", [1, 1, 1000, 1000], 4);
        builder.Node("Resize", "y", [builder.Input("x", -1, -1, -1, -1), string.Empty, "scales"]);
        builder.Output("y");
        using CompiledModel model = ModelCompiler.Compile(builder.Load(), _engine);

        OnnxModelException error = Assert.Throws<OnnxModelException>(() => model.Prepare([new TensorShape(1, 1, 4000, 4000)]));

        Assert.Equal((OnnxModelError.InputShape, "Resize_y"), (error.Error, error.Node));
    }

    [Fact]
    public void Compile_ConstantsThatGrow_TakesNoMemoryForThem()
    {
        var builder = new ModelBuilder();
        string x = builder.Node("ConstantOfShape", "big", [builder.Constant("shape", 1000, 1000)]);
        for (int i = 0; i < 10; i++)
            x = builder.Node("Concat", $"c{i}", [x, x], ("axis", 0));

        builder.Node("ReduceSum", "sum", [x]);
        builder.Node("Add", "y", [builder.Input("x", 1, 2), "sum"]);
        builder.Output("y");

        long before = GC.GetAllocatedBytesForCurrentThread();
        using CompiledModel model = ModelCompiler.Compile(builder.Load(), _engine);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20_000_000);
        Assert.InRange(model.Prepare([new TensorShape(1, 2)]).MemoryBytes, 1_000_000_000, long.MaxValue);
    }

    private static ModelBuilder Small()
    {
        var builder = new ModelBuilder();
        builder.Node("Relu", "y", [builder.Input("x", 1, 2)]);
        return builder.Output("y");
    }

    private static OnnxModelException Refused(ModelBuilder builder, OnnxModelError error) => Refused(builder.ToBytes(), error);

    private static OnnxModelException Refused(byte[] file, OnnxModelError error, OnnxLimits? limits = null)
    {
        OnnxModelException exception = Assert.Throws<OnnxModelException>(() => OnnxModel.Load(file, limits));
        Assert.Equal(error, exception.Error);
        return exception;
    }
}
