using DeconvService.Api.Errors;
using DeconvService.Api.Limits;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tests.Observability;
using DeconvService.Engine;
using Xunit;

namespace DeconvService.Api.Tests.Scheduling;

public sealed class ComputeQueueTests : IDisposable
{
    private static readonly MemoryBudget Budget = new(new LimitsOptions { MemoryBytes = 16 << 20 });

    private readonly ConvolutionEngine _engine = new(new EngineOptions { Threads = 2 });

    public void Dispose() => _engine.Dispose();

    [Fact]
    public async Task RunAsync_RunsOnItsOwnThreads()
    {
        using ComputeQueue queue = Queue(concurrency: 2);
        bool pooled = true;
        await queue.RunAsync(0, _ => pooled = Thread.CurrentThread.IsThreadPoolThread, CancellationToken.None);
        Assert.False(pooled);
    }

    [Fact]
    public async Task RunAsync_MoreRequestsThanCores_OnlyThatManyAtOnce()
    {
        using ComputeQueue queue = Queue(concurrency: 3);
        int now = 0, most = 0;
        using var lockedStep = new Barrier(3);
        await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => queue.RunAsync(
            0,
            _ =>
            {
                lockedStep.SignalAndWait(CancellationToken.None); // three are really inside at once
                most = Math.Max(most, Interlocked.Increment(ref now));
                lockedStep.SignalAndWait(CancellationToken.None);
                Interlocked.Decrement(ref now);
            },
            CancellationToken.None)));
        Assert.Equal(3, most);
    }

    [Fact]
    public async Task AdmitAsync_TooManyInTheHouse_IsQueueFullAtOnce()
    {
        using ComputeQueue queue = Queue(concurrency: 1, length: 1);
        using IDisposable first = await queue.AdmitAsync(0, CancellationToken.None);
        IDisposable second = await queue.AdmitAsync(0, CancellationToken.None);
        ServiceException refused = await Assert.ThrowsAsync<ServiceException>(() => queue.AdmitAsync(0, CancellationToken.None));
        Assert.Equal(ServiceErrorKind.QueueFull, refused.Faults[0].Kind);
        Assert.Equal("retryAfterSeconds", refused.Faults[0].Facts[0].Key);

        second.Dispose();
        (await queue.AdmitAsync(0, CancellationToken.None)).Dispose();
        Assert.Equal(1, queue.InHouse);
    }

    [Fact]
    public async Task AdmitAsync_LengthUnknown_CountsAsTheLargest()
    {
        using ComputeQueue queue = Queue();
        using IDisposable place = await queue.AdmitAsync(null, CancellationToken.None);
        Assert.Equal(Budget.BodyBytes, queue.Bodies.Taken);
    }

    [Fact]
    public async Task AdmitAsync_NoMemoryInTime_IsQueueFullAndLeavesNothingBehind()
    {
        using ComputeQueue queue = Queue(waitSeconds: 1);
        IDisposable place = await queue.AdmitAsync(Budget.BodyBytes, CancellationToken.None);
        ServiceException refused = await Assert.ThrowsAsync<ServiceException>(() => queue.AdmitAsync(1, CancellationToken.None));
        Assert.Equal(ServiceErrorKind.QueueFull, refused.Faults[0].Kind);
        place.Dispose();
        Assert.Equal(0, queue.InHouse);
        Assert.Equal(0, queue.Bodies.Taken);
    }

    [Fact]
    public async Task Requests_WithBodiesThatFillTheirMemory_StillFindMemoryToWorkIn()
    {
        using ComputeQueue queue = Queue(concurrency: 2);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async _ =>
        {
            using IDisposable place = await queue.AdmitAsync(Budget.BodyBytes / 3, CancellationToken.None);
            using IDisposable output = await queue.ReserveAsync(Budget.WorkBytes / 2, CancellationToken.None);
            await queue.RunAsync(0, _ => { }, CancellationToken.None);
        })).WaitAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
        Assert.Equal(0, queue.Memory.Taken);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task MoreBytesThanThereEverAre_IsTooLarge(bool body)
    {
        using ComputeQueue queue = Queue();
        ServiceException refused = await Assert.ThrowsAsync<ServiceException>(() => body
            ? queue.AdmitAsync(Budget.BodyBytes + 1, CancellationToken.None)
            : queue.RunAsync(Budget.WorkBytes + 1, _ => { }, CancellationToken.None));
        Assert.Equal(ServiceErrorKind.TooLarge, refused.Faults[0].Kind);
        Assert.Contains(refused.Faults[0].Facts, fact => fact is { Key: "setting", Value: "Limits:MemoryBytes" });
    }

    [Fact]
    public async Task RunAsync_CancelledWhileWaiting_EndsAtOnceAndNeverRuns()
    {
        using ComputeQueue queue = Queue(concurrency: 1);
        using var gate = new ManualResetEventSlim();
        using var hangUp = new CancellationTokenSource();
        Task running = queue.RunAsync(0, _ => gate.Wait(CancellationToken.None), CancellationToken.None);
        bool ran = false;
        Task waiting = queue.RunAsync(0, _ => ran = true, hangUp.Token);
        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        gate.Set();
        await running;
        await queue.RunAsync(0, _ => { }, CancellationToken.None);
        Assert.False(ran);
    }

    [Fact]
    public async Task RunAsync_CancelledWhileRunning_EndsWhenTheWorkHasEnded()
    {
        using ComputeQueue queue = Queue(concurrency: 1);
        using var started = new ManualResetEventSlim();
        using var gate = new ManualResetEventSlim();
        using var hangUp = new CancellationTokenSource();
        Task running = queue.RunAsync(
            0,
            token =>
            {
                started.Set();
                gate.Wait(CancellationToken.None);
                token.ThrowIfCancellationRequested();
            },
            hangUp.Token);
        started.Wait(TestContext.Current.CancellationToken);
        await hangUp.CancelAsync();
        Assert.False(running.IsCompleted);

        gate.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task RunAsync_WorkThrows_PassesItOnAndGoesOn()
    {
        using ComputeQueue queue = Queue(concurrency: 1);
        await Assert.ThrowsAsync<DivideByZeroException>(() => queue.RunAsync(5, _ => throw new DivideByZeroException(), CancellationToken.None));
        await queue.RunAsync(Budget.WorkBytes, _ => { }, CancellationToken.None);
        Assert.Equal(0, queue.Cores.Taken);
    }

    [Fact]
    public async Task RunAsync_WhatHasACore_KeepsHelpersFromIt()
    {
        using ComputeQueue queue = Queue(concurrency: 2);
        using var gate = new ManualResetEventSlim();
        Task[] running = [.. Enumerable.Range(0, 6).Select(_ => queue.RunAsync(0, token => gate.Wait(token), CancellationToken.None))];
        Assert.False(_engine.Threads.HasHelp);
        gate.Set();
        await Task.WhenAll(running);
        Assert.True(_engine.Threads.HasHelp);
    }

    private ComputeQueue Queue(int concurrency = 1, int length = 1000, int waitSeconds = 60) => new(
        Budget,
        new SchedulingOptions { Concurrency = concurrency, QueueLength = length, WaitSeconds = waitSeconds },
        new ServiceMetrics(new MeterFactory()),
        _engine);
}
