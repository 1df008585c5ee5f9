using System.Diagnostics;
using System.Diagnostics.Metrics;
using DeconvService.Api.Limits;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace DeconvService.Benchmarks.Concurrency;

/// <summary>The part of the service between a request that was read and its answer: the queue for the cores, and the engine.</summary>
internal sealed class RequestRunner : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly ConvolutionEngine _engine;
    private readonly ComputeQueue _queue;
    private ConvPlan _plan = null!;
    private ConvWeights? _weights;
    private Request[] _requests = [];

    /// <summary>Makes an engine and a queue of so many threads.</summary>
    public RequestRunner(int threads)
    {
        _engine = new ConvolutionEngine(new EngineOptions { Threads = threads });
        var metrics = new ServiceMetrics(_services.GetRequiredService<IMeterFactory>());
        _queue = new ComputeQueue(new MemoryBudget(new LimitsOptions()), new SchedulingOptions { Concurrency = threads }, metrics, _engine);
    }

    /// <summary>Plans a layer and makes tensors for each caller; answers with the algorithm.</summary>
    public string Prepare(ConvCase layer, int callers)
    {
        Release();
        _weights = layer.MakeWeights();
        _plan = _engine.CreatePlan(layer.Shape, _weights);
        _requests = [.. Enumerable.Range(0, callers).Select(_ => new Request(layer.MakeInput(), new float[layer.Shape.Output.Count], _engine.RentWorkspace(_plan)))];
        return _plan.Algorithm;
    }

    /// <summary>Sends requests one after another.</summary>
    public async Task<TimeSpan> InTurnAsync(int count)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
            await RunAsync(_requests[i % _requests.Length]);

        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Sends as many requests from several callers, each of which waits for its answer before it sends the next.</summary>
    public async Task<TimeSpan> AtOnceAsync(int count, int callers)
    {
        int sent = 0;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(_requests.Take(callers).Select(request => Task.Run(() => CallAsync(request))));
        return Stopwatch.GetElapsedTime(start);

        async Task CallAsync(Request request)
        {
            while (Interlocked.Increment(ref sent) <= count)
                await RunAsync(request);
        }
    }

    public void Dispose()
    {
        Release();
        _queue.Dispose();
        _engine.Dispose();
        _services.Dispose();
    }

    private Task RunAsync(Request request) => _queue.RunAsync(
        bytes: 0,
        token => _plan.Run(request.Input, request.Output, request.Workspace, cancellationToken: token),
        CancellationToken.None,
        _plan.Shape.MultiplyAdds);

    private void Release()
    {
        foreach (Request request in _requests)
            request.Workspace.Dispose();

        _weights?.Dispose();
    }

    private sealed record Request(float[] Input, float[] Output, Workspace Workspace);
}
