using DeconvService.Api.Scheduling;
using Xunit;

namespace DeconvService.Api.Tests.Scheduling;

public sealed class GateTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task EnterAsync_ThereIsRoom_TakesIt()
    {
        var gate = new Gate("things", 10);
        using GateLease? lease = await gate.EnterAsync(7, 1, Long, CancellationToken.None);
        Assert.Equal(7, gate.Taken);
        lease!.Dispose();
        lease.Dispose();
        Assert.Equal(0, gate.Taken);
    }

    [Fact]
    public async Task EnterAsync_MoreThanThereEverIs_Throws() =>
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await new Gate("things", 10).EnterAsync(11, 1, Long, CancellationToken.None));

    [Fact]
    public async Task EnterAsync_EqualEfforts_FirstInFirstOut()
    {
        var gate = new Gate("things", 1);
        GateLease held = (await gate.EnterAsync(1, 1, Long, CancellationToken.None))!;
        Task<GateLease?>[] line = [.. Enumerable.Range(0, 20).Select(_ => gate.EnterAsync(1, 1, Long, CancellationToken.None).AsTask())];
        foreach (Task<GateLease?> expected in line)
        {
            Assert.DoesNotContain(line, task => task.IsCompleted && !ReferenceEquals(task.Result, held) && gate.Taken == 0);
            held.Dispose();
            held = (await expected)!;
        }

        Assert.Equal(0, gate.Waiting);
    }

    [Fact]
    public async Task EnterAsync_SmallBehindLarge_GoesPastItSoManyTimesAndNoMore()
    {
        var gate = new Gate("things", 1);
        GateLease held = (await gate.EnterAsync(1, 1, Long, CancellationToken.None))!;
        Task<GateLease?> large = gate.EnterAsync(1, 8000, Long, CancellationToken.None).AsTask();
        for (int i = 0; i < Gate.MaximumPasses; i++)
        {
            Task<GateLease?> small = gate.EnterAsync(1, 1000, Long, CancellationToken.None).AsTask();
            held.Dispose();
            held = (await small)!;
            Assert.False(large.IsCompleted);
        }

        Task<GateLease?> late = gate.EnterAsync(1, 1000, Long, CancellationToken.None).AsTask();
        held.Dispose();
        held = (await large)!;
        Assert.False(late.IsCompleted);
        held.Dispose();
        (await late)!.Dispose();
    }

    [Fact]
    public async Task EnterAsync_NotMuchSmaller_DoesNotGoPast()
    {
        var gate = new Gate("things", 1);
        GateLease held = (await gate.EnterAsync(1, 1, Long, CancellationToken.None))!;
        Task<GateLease?> first = gate.EnterAsync(1, 8000, Long, CancellationToken.None).AsTask();
        Task<GateLease?> second = gate.EnterAsync(1, 1001, Long, CancellationToken.None).AsTask();
        held.Dispose();
        (await first)!.Dispose();
        (await second)!.Dispose();
    }

    [Fact]
    public async Task EnterAsync_FirstDoesNotFit_OthersUseTheRoomUntilItsTurnIsDue()
    {
        var gate = new Gate("things", 10);
        GateLease held = (await gate.EnterAsync(6, 6, Long, CancellationToken.None))!;
        Task<GateLease?> large = gate.EnterAsync(10, 10, Long, CancellationToken.None).AsTask();
        for (int i = 0; i < Gate.MaximumPasses; i++)
            (await gate.EnterAsync(4, 4, Long, CancellationToken.None))!.Dispose();

        Task<GateLease?> late = gate.EnterAsync(4, 4, Long, CancellationToken.None).AsTask();
        Assert.False(late.IsCompleted);
        held.Dispose();
        (await large)!.Dispose();
        (await late)!.Dispose();
    }

    [Fact]
    public async Task EnterAsync_PatienceEnds_IsNullAndTheLineGoesOn()
    {
        var gate = new Gate("things", 10);
        GateLease held = (await gate.EnterAsync(6, 6, Long, CancellationToken.None))!;
        Assert.Null(await gate.EnterAsync(10, 10, TimeSpan.FromMilliseconds(1), CancellationToken.None));
        Assert.Equal(0, gate.Waiting);
        (await gate.EnterAsync(4, 4, Long, CancellationToken.None))!.Dispose();
        held.Dispose();
        Assert.Equal(0, gate.Taken);
    }

    [Fact]
    public async Task EnterAsync_CancelledWhileWaiting_LeavesTheLineAndLetsOthersIn()
    {
        var gate = new Gate("things", 10);
        using var hangUp = new CancellationTokenSource();
        GateLease held = (await gate.EnterAsync(6, 6, Long, CancellationToken.None))!;
        Task<GateLease?> large = gate.EnterAsync(10, 1, Long, hangUp.Token).AsTask();
        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large);
        Assert.Equal(0, gate.Waiting);
        Assert.Equal(6, gate.Taken);
        held.Dispose();
    }

    [Fact]
    public async Task EnterAsync_ManyAtOnceWithHangUps_NeverOverCapacityAndAllGivenBack()
    {
        var gate = new Gate("things", 100);
        long inside = 0, most = 0;
        await Task.WhenAll(Enumerable.Range(0, 200).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            for (int i = 0; i < 50; i++)
            {
                using var hangUp = new CancellationTokenSource();
                if (random.Next(4) == 0)
                    hangUp.CancelAfter(random.Next(3));

                long amount = random.Next(1, 101);
                try
                {
                    using GateLease? lease = await gate.EnterAsync(amount, amount, Long, hangUp.Token);
                    long now = Interlocked.Add(ref inside, amount);
                    InterlockedMax(ref most, now);
                    await Task.Yield();
                    Interlocked.Add(ref inside, -amount);
                }
                catch (OperationCanceledException)
                {
                    // hung up while it waited
                }
            }
        })));
        Assert.InRange(most, 1, 100);
        Assert.Equal(0, gate.Taken);
        Assert.Equal(0, gate.Waiting);
    }

    private static void InterlockedMax(ref long target, long value)
    {
        for (long seen = Volatile.Read(ref target); value > seen;)
            seen = Interlocked.CompareExchange(ref target, value, seen) is var old && old == seen ? value : old;
    }
}
