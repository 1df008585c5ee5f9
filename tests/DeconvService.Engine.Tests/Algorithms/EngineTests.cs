using DeconvService.Engine.Convolution;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Algorithms;

/// <summary>The engine as a host uses it: whatever the planner chooses. Also run in child processes with fewer SIMD instructions.</summary>
public sealed class EngineTests
{
    [Fact]
    public void SimdLevel_IsWhatTheProcessMayUse()
    {
        SimdChild.AssertExpectedLevel();
        SimdLevel expected = SimdChild.WidestBits switch { 512 => SimdLevel.Vector512, 256 => SimdLevel.Vector256, _ => SimdLevel.Vector128 };
        Assert.Equal(expected, SimdLevels.Best);
    }

    [Fact]
    public void Run_ShapeTable_KeepsTheContract()
    {
        foreach (ConvCase layer in ShapeTable.Special)
            AlgorithmContract.Check(layer, (engine, shape, weights, epilogue) => engine.CreatePlan(shape, weights, epilogue));
    }

    /// <summary>A stride that nobody means must not cost a list of as many phases: that would be gigabytes before the first limit is looked at.</summary>
    [Fact]
    public void CreatePlan_StrideOfAHundredMillion_TakesLittleMemory()
    {
        var parameters = new ConvParameters { Kind = ConvKind.Transposed, Stride = 100_000_000 };
        ConvShape shape = ConvShape.Create(parameters, new TensorShape(1, 1, 2), new TensorShape(1, 1, 1));
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 1 });
        using var weights = new ConvWeights(new float[1]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ConvPlan plan = engine.CreatePlan(shape, weights);
        Assert.Equal("reference", plan.Algorithm);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Run_Cancelled_Throws()
    {
        ConvCase layer = ShapeTable.Get("groups_2");
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 2 });
        using ConvWeights weights = layer.MakeWeights();
        ConvPlan plan = engine.CreatePlan(layer.Shape, weights);
        using Workspace workspace = engine.RentWorkspace(plan);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => plan.Run(layer.MakeInput(), new float[layer.Shape.Output.Count], workspace, cancellationToken: cancelled.Token));
    }

    [Fact]
    public void Run_Repeated_AllocatesNothing()
    {
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 2 });
        foreach (ConvCase layer in ShapeTable.Special)
        {
            using ConvWeights weights = layer.MakeWeights();
            ConvPlan plan = engine.CreatePlan(layer.Shape, weights);
            using Workspace workspace = engine.RentWorkspace(plan);
            float[] input = layer.MakeInput(), output = new float[layer.Shape.Output.Count];
            plan.Run(input, output, workspace);
            long before = GC.GetAllocatedBytesForCurrentThread();
            plan.Run(input, output, workspace);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() == before, $"{layer.Name} by {plan.Algorithm} allocates");
        }
    }

    // Where the caller is alone, tiles are not shared out as where it has help.
    [Theory]
    [InlineData(20)]
    [InlineData(36)]
    [InlineData(50)]
    [InlineData(64)]
    public void Run_OtherCoresAreTaken_SameBits(int size)
    {
        var layer = new ConvCase("3x3", new ConvParameters { Padding = 1 }, new TensorShape(1, 64, size, size), new TensorShape(64, 64, 3, 3));
        foreach (SimdLevel level in SimdLevels.Supported)
        {
            using var engine = new ConvolutionEngine(new EngineOptions { Threads = 2, SimdLevel = level });
            using ConvWeights weights = layer.MakeWeights();
            ConvPlan plan = engine.CreatePlan(layer.Shape, weights);
            using Workspace workspace = engine.RentWorkspace(plan);
            float[] input = layer.MakeInput(), helped = new float[layer.Shape.Output.Count], alone = new float[layer.Shape.Output.Count];
            plan.Run(input, helped, workspace);
            engine.Threads.Announce();
            plan.Run(input, alone, workspace);
            Assert.StartsWith("winograd", plan.Algorithm, StringComparison.Ordinal);
            Tolerance.AssertSameBits(helped, alone, $"{level}");
        }
    }

    [Fact]
    public async Task Run_ManyAtOnce_AllRight()
    {
        ConvCase layer = ShapeTable.Get("t_4x4_stride_2");
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 3 });
        using ConvWeights weights = layer.MakeWeights();
        ConvPlan plan = engine.CreatePlan(layer.Shape, weights);
        float[] input = layer.MakeInput(), expected = Run();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 50; i++)
                Tolerance.AssertSameBits(expected, Run());
        })));

        float[] Run()
        {
            float[] output = new float[layer.Shape.Output.Count];
            using Workspace workspace = engine.RentWorkspace(plan);
            plan.Run(input, output, workspace);
            return output;
        }
    }

    [Fact]
    public void WarmUp_GivesItsMemoryBack()
    {
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 2 });
        engine.WarmUp();
        Assert.Equal(0, engine.Buffers.LentBytes);
        Assert.Throws<OperationCanceledException>(() => engine.WarmUp(new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Run_WrongLengths_Throws()
    {
        ConvCase layer = ShapeTable.Get("groups_2");
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 1 });
        using ConvWeights weights = layer.MakeWeights();
        ConvPlan plan = engine.CreatePlan(layer.Shape, weights);
        using Workspace workspace = engine.RentWorkspace(plan);
        float[] input = layer.MakeInput(), output = new float[layer.Shape.Output.Count];
        Assert.Throws<ArgumentException>(() => plan.Run(input.AsSpan(1), output, workspace));
        Assert.Throws<ArgumentException>(() => plan.Run(input, output.AsSpan(1), workspace));
    }

    [Fact]
    public void CreatePlan_WrongWeights_Throws()
    {
        ConvCase layer = ShapeTable.Get("groups_2");
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 1 });
        using var short1 = new ConvWeights(new float[5]);
        using var biased = new ConvWeights(new float[layer.Shape.Weight.Count], new float[3]);
        Assert.Throws<ArgumentException>(() => engine.CreatePlan(layer.Shape, short1));
        Assert.Throws<ArgumentException>(() => engine.CreatePlan(layer.Shape, biased));
    }

    [Fact]
    public void CreatePlan_SameWeightsOtherSize_SharesThePackedForm()
    {
        ConvCase layer = ShapeTable.Get("groups_2");
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 1 });
        using ConvWeights weights = layer.MakeWeights();
        engine.CreatePlan(layer.Shape, weights);
        long lent = engine.Buffers.LentBytes;
        engine.CreatePlan(layer.Shape, weights);
        Assert.Equal(lent, engine.Buffers.LentBytes);
        weights.Dispose();
        Assert.Equal(0, engine.Buffers.LentBytes);
    }
}
