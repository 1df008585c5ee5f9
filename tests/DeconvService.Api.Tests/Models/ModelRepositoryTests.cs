using DeconvService.Api.Errors;
using DeconvService.Api.Models;
using DeconvService.Api.Observability;
using DeconvService.Api.Tests.Observability;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace DeconvService.Api.Tests.Models;

public sealed class ModelRepositoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("models-").FullName;
    private readonly ConvolutionEngine _engine = new();
    private readonly ModelRepository _repository;

    public ModelRepositoryTests() =>
        _repository = new ModelRepository(new ModelDirectory(_root), _engine, new ServiceMetrics(new MeterFactory()), NullLogger<ModelRepository>.Instance);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _repository.Dispose();
        _engine.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task Put_WhileTheOldOneIsLeased_BothRun_AndTheLastRequestFreesTheOld()
    {
        Assert.True(await PutAsync(TestNetwork.Border()));
        ModelLease old = _repository.Lease("net");
        CompiledModel oldNetwork = old.Model.Network;
        Assert.False(await PutAsync(TestNetwork.Padded()));

        using (ModelLease current = _repository.Lease("net"))
            Assert.Equal(1, current.Model.Network.Geometry!.Scale);

        Assert.Equal(new TensorShape(1, 3, 16, 16), Run(oldNetwork, 14));
        old.Dispose();
        old.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Run(oldNetwork, 14));
    }

    [Fact]
    public async Task LoadAll_OneBrokenFile_NotAllReady_OthersServe()
    {
        await File.WriteAllBytesAsync(Path.Combine(_root, "good.onnx"), TestNetwork.Border(), Cancelled);
        await File.WriteAllBytesAsync(Path.Combine(_root, "bad.onnx"), [1, 2, 3], Cancelled);
        await _repository.LoadAllAsync(Cancelled);

        Assert.False(_repository.AllReady);
        _repository.Lease("good").Dispose();
        ServiceException refused = Assert.Throws<ServiceException>(() => _repository.Lease("bad"));
        Assert.Equal(ServiceErrorKind.Unavailable, refused.Faults[0].Kind);

        await _repository.DeleteAsync("bad", Cancelled);
        Assert.True(_repository.AllReady);
    }

    [Fact]
    public async Task Unload_KeepsTheFile_AndLoadBringsItBack()
    {
        await PutAsync(TestNetwork.Border());
        await _repository.UnloadAsync("net", Cancelled);
        Assert.Equal(ServiceErrorKind.Unavailable, Assert.Throws<ServiceException>(() => _repository.Lease("net")).Faults[0].Kind);
        Assert.True(_repository.AllReady); // nobody wants it to run
        await _repository.LoadAsync("net", Cancelled);
        _repository.Lease("net").Dispose();
    }

    [Fact]
    public async Task Load_FileBrokenSince_SaysSoAndTheOldOneServesOn()
    {
        await PutAsync(TestNetwork.Border());
        await File.WriteAllBytesAsync(Path.Combine(_root, "net.onnx"), [1, 2, 3], Cancelled);
        await Assert.ThrowsAsync<ServiceException>(() => _repository.LoadAsync("net", Cancelled));
        _repository.Lease("net").Dispose();
    }

    [Fact]
    public async Task Index_ListsFilesThatAreNotLoadedYet()
    {
        await File.WriteAllBytesAsync(Path.Combine(_root, "new.onnx"), TestNetwork.Border(), Cancelled);
        ModelSlot slot = Assert.Single(_repository.Index());
        Assert.Equal((ModelState.Unavailable, "not loaded"), (slot.State, slot.Reason));
        await _repository.LoadAsync("new", Cancelled);
        Assert.Equal(ModelState.Ready, Assert.Single(_repository.Index()).State);
    }

    [Fact]
    public async Task Lease_VersionGiven_TakesIt_OtherwiseTheNewestThatIsReady()
    {
        foreach ((string version, byte[] file) in ((string, byte[])[])[("1", TestNetwork.Border()), ("2", TestNetwork.Padded()), ("3", [0])])
        {
            Directory.CreateDirectory(Path.Combine(_root, "net", version));
            await File.WriteAllBytesAsync(Path.Combine(_root, "net", version, "model.onnx"), file, Cancelled);
        }

        await _repository.LoadAllAsync(Cancelled);
        using ModelLease newest = _repository.Lease("net");
        using ModelLease first = _repository.Lease("net", "1");
        Assert.Equal("2", newest.Model.Version);
        Assert.Equal("1", first.Model.Version);
        Assert.Equal(ServiceErrorKind.Unavailable, Assert.Throws<ServiceException>(() => _repository.Lease("net", "3")).Faults[0].Kind);
        Assert.Equal(ServiceErrorKind.NotFound, Assert.Throws<ServiceException>(() => _repository.Lease("net", "4")).Faults[0].Kind);
    }

    [Fact]
    public async Task PutAndLease_FromManyThreads_NeverGiveAFreedNetwork()
    {
        await PutAsync(TestNetwork.Border());
        using var stop = new CancellationTokenSource();
        Task[] users = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                using ModelLease lease = _repository.Lease("net");
                Run(lease.Model.Network, 14);
            }
        }))];
        for (int i = 0; i < 20; i++)
            await PutAsync(i % 2 == 0 ? TestNetwork.Padded() : TestNetwork.Border());

        await stop.CancelAsync();
        await Task.WhenAll(users);
    }

    private Task<bool> PutAsync(byte[] file) => _repository.PutAsync("net", new MemoryStream(file), Cancelled);

    private static TensorShape Run(CompiledModel network, int side)
    {
        PreparedModel prepared = network.Prepare([new TensorShape(1, 3, side, side)], Accuracy.Default);
        using ModelRun run = prepared.Rent();
        run.Input(0).Clear();
        run.Execute(Cancelled);
        return prepared.OutputShapes[0];
    }
}
