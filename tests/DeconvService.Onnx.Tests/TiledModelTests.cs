using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Onnx.Tests;

/// <summary>A network that is run in tiles gives what it gives at once.</summary>
public sealed class TiledModelTests : IDisposable
{
    private static readonly TensorShape Picture = new(1, 3, 76, 92);

    private readonly ConvolutionEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    public static TheoryData<string, Accuracy> Cases
    {
        get
        {
            var cases = new TheoryData<string, Accuracy>();
            foreach (string network in (string[])["upconv", "u-net"])
            {
                cases.Add(network, Accuracy.Exact);
                cases.Add(network, Accuracy.Default);
            }

            return cases;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Execute_SmallTiles_GivesTheWhole(string network, Accuracy accuracy)
    {
        using CompiledModel model = Compile(network);
        float[] input = RandomTensor.Make(Picture.Count, seed: 3);
        PreparedModel whole = model.Prepare([Picture], accuracy);
        using ModelRun run = whole.Rent();
        input.CopyTo(run.Input(0));
        run.Execute(TestContext.Current.CancellationToken);

        TiledModel tiled = Assert.IsType<TiledModel>(TiledModel.TryPlan(model, Picture, accuracy, tileBytes: 0));
        float[] output = new float[tiled.OutputShape.Count];
        output.AsSpan().Fill(float.NaN);
        tiled.Execute(input, output, TestContext.Current.CancellationToken);

        Assert.Equal(whole.OutputShapes[0], tiled.OutputShape);
        Assert.InRange(tiled.Count, 6, 12);
        Assert.True(tiled.Largest.MemoryBytes < whole.MemoryBytes);
        Assert.True(tiled.MultiplyAdds >= whole.MultiplyAdds);
        if (accuracy == Accuracy.Exact)
            Assert.Equal(run.Output(0).ToArray(), output);
        else
            Tolerance.AssertClose(run.Output(0), output, 1e-5);
    }

    [Fact]
    public void TryPlan_WhatMayOrMustGoAtOnce_IsNull()
    {
        using CompiledModel model = Compile("u-net");
        using CompiledModel fixedSize = Compile("u-net", 76, 92);
        using CompiledModel pooled = Compile("pooled");

        Assert.NotNull(TiledModel.TryPlan(model, Picture, Accuracy.Default, tileBytes: 0));
        Assert.Null(TiledModel.TryPlan(model, Picture, Accuracy.Default, tileBytes: 1 << 30));
        Assert.Null(TiledModel.TryPlan(model, new TensorShape(2, 3, 76, 92), Accuracy.Default, tileBytes: 0));
        Assert.Null(TiledModel.TryPlan(model, new TensorShape(1, 3, 76, 91), Accuracy.Default, tileBytes: 0));
        Assert.Null(TiledModel.TryPlan(fixedSize, Picture, Accuracy.Default, tileBytes: 0));
        Assert.Null(TiledModel.TryPlan(pooled, Picture, Accuracy.Default, tileBytes: 0));
    }

    [Fact]
    public void TileSize_FarSeeingNetwork_IsNoShorterThanItsHalo()
    {
        using CompiledModel model = Compile("far");

        Assert.Equal(60, model.Geometry!.Halo);
        Assert.Equal(64, model.TileSize(3, Accuracy.Default, bytes: 0));
        Assert.Null(TiledModel.TryPlan(model, new TensorShape(1, 3, 600, 600), Accuracy.Default, tileBytes: 0));
        Assert.NotNull(TiledModel.TryPlan(model, new TensorShape(1, 3, 600, 600), Accuracy.Default, tileBytes: 16 << 20));
    }

    [Fact]
    public void TryPlan_TwoTilesAtOnce_TakeWhatIsAllowed()
    {
        using CompiledModel model = Compile("u-net");
        long whole = model.Prepare([Picture]).MemoryBytes, allowed = whole * 9 / 10;
        TiledModel tiled = TiledModel.TryPlan(model, Picture, Accuracy.Default, allowed)!;

        Assert.Equal(2 * tiled.Largest.MemoryBytes, tiled.MemoryBytes);
        Assert.InRange(tiled.MemoryBytes, 1, allowed);
    }

    [Fact]
    public async Task Execute_CancelledWhileTilesRun_Stops()
    {
        using CompiledModel model = Compile("u-net");
        var shape = new TensorShape(1, 3, 2048, 2048);
        TiledModel tiled = TiledModel.TryPlan(model, shape, Accuracy.Default, tileBytes: 0)!;
        float[] input = new float[shape.Count], output = new float[tiled.OutputShape.Count];
        output.AsSpan().Fill(float.NaN);
        using var source = new CancellationTokenSource();
        var watching = new TaskCompletionSource();
        Task cancel = Task.Factory.StartNew(
            () =>
            {
                watching.SetResult();
                while (float.IsNaN(Volatile.Read(ref output[0])) && !TestContext.Current.CancellationToken.IsCancellationRequested)
                    Thread.Yield();

                source.Cancel();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        await watching.Task;

        Assert.Throws<OperationCanceledException>(() => tiled.Execute(input, output, source.Token));
        await cancel;
        Assert.Contains(output, float.IsNaN);
    }

    [Fact]
    public void Execute_Cancelled_Stops()
    {
        using CompiledModel model = Compile("upconv");
        TiledModel tiled = TiledModel.TryPlan(model, Picture, Accuracy.Default, tileBytes: 0)!;

        Assert.Throws<OperationCanceledException>(() => tiled.Execute(new float[Picture.Count], new float[tiled.OutputShape.Count], new CancellationToken(canceled: true)));
    }

    private CompiledModel Compile(string network, int height = -1, int width = -1)
    {
        var builder = new ModelBuilder();
        string x = builder.Input("x", -1, 3, height, width);
        switch (network)
        {
            case "upconv":
                builder.Conv("y", builder.Node("Relu", "r", [builder.Conv("c1", x, 3, 20, 3)]), 20, 3, 4, stride: 2, pad: 3, op: "ConvTranspose");
                break;
            case "u-net":
                string top = builder.Conv("c1", x, 3, 16, 3, pad: 1);
                string down = builder.Conv("c2", builder.Conv("p", top, 16, 16, 2, stride: 2), 16, 16, 3, pad: 1);
                builder.Conv("y", builder.Node("Add", "a", [top, builder.Conv("u", down, 16, 16, 2, stride: 2, op: "ConvTranspose")]), 16, 3, 3, pad: 1);
                break;
            case "far":
                builder.Conv("y", builder.Conv("c1", x, 3, 3, 61, pad: 30), 3, 3, 61, pad: 30);
                break;
            default:
                string c = builder.Conv("c1", x, 3, 4, 3, pad: 1);
                builder.Node("Mul", "y", [c, builder.Node("GlobalAveragePool", "g", [c])]);
                break;
        }

        return ModelCompiler.Compile(builder.Output("y").Load(), _engine);
    }
}
