using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Operators;
using DeconvService.Testing;

namespace DeconvService.Onnx.Tests;

/// <summary>Planning, running and giving back, apart from what is computed.</summary>
public sealed class CompiledModelTests : IDisposable
{
    private readonly ConvolutionEngine _engine = new(new EngineOptions { Threads = 2 });

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Execute_FromSeveralThreads_GivesTheSameBits()
    {
        using CompiledModel model = ModelCompiler.Compile(SmallModels.UNet().Load(), _engine);
        float[] expected = Run(model, 24, seed: 0);

        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            Run(model, 16 + (2 * (i % 3)), seed: i);
            Tolerance.AssertSameBits(expected, Run(model, 24, seed: 0));
        });
    }

    [Fact]
    public void Execute_Again_ReadsTheInputAnew()
    {
        using CompiledModel model = ModelCompiler.Compile(SmallModels.UNet().Load(), _engine);
        using ModelRun run = model.Prepare([new TensorShape(1, 3, 16, 16)]).Rent();
        foreach (int seed in (int[])[1, 2, 1])
        {
            RandomTensor.Fill(run.Input(0), seed);
            run.Execute(TestContext.Current.CancellationToken);
            Tolerance.AssertSameBits(Run(model, 16, seed), run.Output(0).ToArray());
        }
    }

    [Fact]
    public void Execute_Cancelled_ThrowsAndCanBeRunAgain()
    {
        using CompiledModel model = ModelCompiler.Compile(SmallModels.UNet().Load(), _engine);
        using ModelRun run = model.Prepare([new TensorShape(1, 3, 16, 16)]).Rent();
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => run.Execute(source.Token));

        RandomTensor.Fill(run.Input(0), 4);
        run.Execute(TestContext.Current.CancellationToken);
        Tolerance.AssertSameBits(Run(model, 16, seed: 4), run.Output(0).ToArray());
    }

    [Fact]
    public void Rent_TakesTheMemoryThatWasAnnounced_AndDisposeGivesItBack()
    {
        using CompiledModel model = ModelCompiler.Compile(SmallModels.UNet().Load(), _engine);
        PreparedModel prepared = model.Prepare([new TensorShape(1, 3, 256, 256)]);
        long before = _engine.Buffers.LentBytes;

        ModelRun run = prepared.Rent();

        // Sizes are rounded up to eighths of a power of two.
        Assert.InRange(_engine.Buffers.LentBytes - before, prepared.MemoryBytes, (prepared.MemoryBytes * 9 / 8) + 4096);
        run.Dispose();
        run.Dispose();
        Assert.Equal(before, _engine.Buffers.LentBytes);
        Assert.Throws<ObjectDisposedException>(() => run.Execute());
    }

    [Fact]
    public void Prepare_ManyShapes_KeepsTheRecentOnes()
    {
        using CompiledModel model = ModelCompiler.Compile(SmallModels.UNet().Load(), _engine);
        PreparedModel first = model.Prepare([new TensorShape(1, 3, 8, 8)]);
        for (int i = 1; i < 40; i++)
        {
            PreparedModel other = model.Prepare([new TensorShape(1, 3, 8, 8 + (2 * i))]);
            Assert.Same(other, model.Prepare([new TensorShape(1, 3, 8, 8 + (2 * i))]));
        }

        Assert.NotSame(first, model.Prepare([new TensorShape(1, 3, 8, 8)]));
        Assert.NotSame(model.Prepare([new TensorShape(1, 3, 8, 8)]), model.Prepare([new TensorShape(1, 3, 8, 8)], Accuracy.Exact));
    }

    [Fact]
    public void Prepare_InputThatDecidesShapes_NeedsItsValues()
    {
        var builder = new ModelBuilder();
        builder.Node("Reshape", "y", [builder.Input("x", -1, -1), builder.Input("shape", ElementType.Int64, -1)]);
        builder.Output("y");
        using CompiledModel model = ModelCompiler.Compile(builder.Load(), _engine);
        Assert.Equal([false, true], model.Inputs.Select(input => input.DecidesShapes));
        Assert.Throws<OnnxModelException>(() => model.Prepare([new TensorShape(2, 6), new TensorShape(2)]));

        TensorValue output = model.Run(new Dictionary<string, TensorValue>(StringComparer.Ordinal)
        {
            ["x"] = new(new TensorShape(2, 6), RandomTensor.Make(12, 1)),
            ["shape"] = new(new TensorShape(2), [3L, -1L]),
        })["y"];

        Assert.Equal(new TensorShape(3, 4), output.Shape);
    }

    [Fact]
    public void Execute_IndexOutOfRange_IsAnErrorOfTheInput()
    {
        var builder = new ModelBuilder();
        builder.Node("Gather", "y", [builder.Random("table", 5, 2), builder.Input("x", ElementType.Int64, -1)]);
        builder.Output("y");
        using CompiledModel model = ModelCompiler.Compile(builder.Load(), _engine);
        using ModelRun run = model.Prepare([new TensorShape(3)]).Rent();
        new long[] { 0, 5, 1 }.CopyTo(run.IntegerInput(0));

        OnnxModelException error = Assert.Throws<OnnxModelException>(() => run.Execute());

        Assert.Equal((OnnxModelError.InputValue, "Gather_y"), (error.Error, error.Node));
        Assert.Throws<InvalidOperationException>(() => run.Input(0).Length);
    }

    [Fact]
    public void Load_LargeWeights_TakesASmallMultipleOfTheFile()
    {
        var builder = new ModelBuilder();
        builder.Node("Conv", "y", [builder.Input("x", -1, 1000, -1, -1), builder.Random("w", 1000, 1000, 3, 3)]);
        builder.Output("y");
        byte[] file = builder.ToBytes();

        long before = GC.GetAllocatedBytesForCurrentThread();
        using CompiledModel model = ModelCompiler.Compile(OnnxModel.Load(file), _engine);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, file.Length, file.Length * 5L / 2);
    }

    [Fact]
    public void OperatorTable_HoldsWhatIsPromised()
    {
        const string Promised = """
            Conv ConvTranspose Relu LeakyRelu PRelu Clip Sigmoid HardSigmoid HardSwish Tanh Elu Selu Softplus Gelu Erf Exp Log Sqrt Abs Neg
            Pow Min Max Add Sub Mul Div Concat Split Slice Pad Transpose Reshape Flatten Squeeze Unsqueeze Expand DepthToSpace SpaceToDepth
            Resize Upsample MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean ReduceSum BatchNormalization
            InstanceNormalization Gemm MatMul Softmax ArgMax Constant ConstantOfShape Shape Gather Range Cast Identity Dropout
            """;
        Assert.Empty(Promised.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).Except(OperatorTable.Names, StringComparer.Ordinal));
    }

    private static float[] Run(CompiledModel model, int size, int seed)
    {
        using ModelRun run = model.Prepare([new TensorShape(1, 3, size, size)]).Rent();
        RandomTensor.Fill(run.Input(0), seed);
        run.Execute(TestContext.Current.CancellationToken);
        return run.Output(0).ToArray();
    }
}
