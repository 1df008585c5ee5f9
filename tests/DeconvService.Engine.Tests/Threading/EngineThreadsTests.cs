using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Tests.Threading;

public sealed class EngineThreadsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 100)]
    [InlineData(4, 3)]
    [InlineData(4, 1000)]
    public void Run_AnyCounts_ExecutesEachItemOnce(int threads, int items)
    {
        using var engine = new EngineThreads(threads);
        for (int round = 0; round < 50; round++)
        {
            int[] executed = new int[items];
            engine.Run(items, new Counting(executed, threads));
            Assert.All(executed, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void Run_NoItems_Returns()
    {
        using var engine = new EngineThreads(2);
        engine.Run(0, new Counting([], 2));
    }

    [Fact]
    public void Run_TwoThreads_SecondOneHelps()
    {
        using var engine = new EngineThreads(2);
        var meeting = new Meeting(new Barrier(2));

        // Each of the two items waits for the other, so this ends only if two threads execute them.
        engine.Run(2, meeting);
        meeting.Both.Dispose();
    }

    [Fact]
    public void Run_TwoThreads_EachTakesItsOwnHalf()
    {
        using var engine = new EngineThreads(2);
        int[] workers = new int[10];
        var pairs = new Pairs(new Barrier(2), workers);

        // Each item waits until the other thread has one as well, so neither gets ahead and finds its share done.
        engine.Run(10, pairs);
        pairs.Both.Dispose();
        Assert.Equal([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], workers);
    }

    [Fact]
    public void Run_ItemThrows_ThrowsToTheCallerAndGoesOnWorking()
    {
        using var engine = new EngineThreads(3);
        for (int round = 0; round < 20; round++)
        {
            var exception = Assert.Throws<InvalidOperationException>(() => engine.Run(100, new Failing(37)));
            Assert.Equal("item 37", exception.Message);
            int[] executed = new int[50];
            engine.Run(50, new Counting(executed, 3));
            Assert.All(executed, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void Run_CancelledInside_Throws()
    {
        using var engine = new EngineThreads(2);
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => engine.Run(1_000_000, new Cancelling(source), source.Token));
    }

    [Fact]
    public void Run_InsideAnItem_Works()
    {
        using var engine = new EngineThreads(2);
        int[] executed = new int[30];
        engine.Run(3, new Nested(engine, executed));
        Assert.All(executed, count => Assert.Equal(1, count));
    }

    [Fact]
    public async Task Run_ManyCallers_AllRight()
    {
        using var engine = new EngineThreads(3);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (int round = 0; round < 300; round++)
            {
                int[] executed = new int[17];
                engine.Run(17, new Counting(executed, 3));
                Assert.All(executed, count => Assert.Equal(1, count));
            }
        })));
    }

    [Fact]
    public void Run_AfterDispose_RunsOnTheCaller()
    {
        var engine = new EngineThreads(4);
        engine.Dispose();
        int[] executed = new int[9];
        engine.Run(9, new Counting(executed, 1));
        Assert.All(executed, count => Assert.Equal(1, count));
    }

    [Fact]
    public void HasHelp_CountsOtherThreadsThatCompute()
    {
        using var engine = new EngineThreads(2);
        Assert.True(engine.HasHelp);
        using (engine.Occupy())
        {
            Assert.True(engine.HasHelp);
            Assert.False(OnAnotherThread(() => engine.HasHelp));
            engine.Run(5, new Counting(new int[5], 2));
        }

        Assert.True(OnAnotherThread(() => engine.HasHelp));
        using var alone = new EngineThreads(1);
        Assert.False(alone.HasHelp);
    }

    [Fact]
    public void HasHelp_RunHasEnded_ItsHelperIsNotCounted()
    {
        using var engine = new EngineThreads(2);
        int missing = 0;
        for (int round = 0; round < 20_000; round++)
        {
            engine.Run(8, new Spinning());
            missing += engine.HasHelp ? 0 : 1;
        }

        Assert.Equal(0, missing);
    }

    [Fact]
    public void Announce_WhileAHelperWorks_TheHelperLeavesTheCore()
    {
        using var engine = new EngineThreads(2);
        var announcing = new Announcing(engine);
        engine.Run(1000, announcing);
        Assert.InRange(announcing.HelpedAfterwards, 0, 1); // the item that was begun at that moment
        using (engine.Occupy(announced: true))
            Assert.False(OnAnotherThread(() => engine.HasHelp));

        Assert.True(engine.HasHelp);
    }

    [Fact]
    public async Task Occupy_Ends_HelperTakesTheCore()
    {
        using var engine = new EngineThreads(2);
        var waiting = new WaitingForHelp();
        Task running;
        using (engine.Occupy())
        {
            running = Task.Factory.StartNew(
                () => engine.Run(1_000_000, waiting), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Assert.True(SpinWait.SpinUntil(() => waiting.Begun, TimeSpan.FromSeconds(30)));
            Assert.False(waiting.Helped);
        }

        await running;
        Assert.True(waiting.Helped);
    }

    [Fact]
    public void Constructor_NegativeCount_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => new EngineThreads(-1));

    private static bool OnAnotherThread(Func<bool> question)
    {
        bool answer = false;
        var thread = new Thread(() => answer = question());
        thread.Start();
        thread.Join();
        return answer;
    }

    private readonly struct Spinning : IWorkItems
    {
        public void Execute(int item, int worker) => Thread.SpinWait(4);
    }

    // When both threads are at work, the caller announces another one.
    private sealed class Announcing(EngineThreads engine) : IWorkItems
    {
        private bool _helped;
        private bool _announced;
        private int _helpedAfterwards;

        public int HelpedAfterwards => _helpedAfterwards;

        public void Execute(int item, int worker)
        {
            if (worker == 1)
            {
                if (Volatile.Read(ref _announced))
                    _helpedAfterwards++;

                Volatile.Write(ref _helped, true);
            }
            else if (!_announced)
            {
                Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _helped), TimeSpan.FromSeconds(30)));
                engine.Announce();
                Volatile.Write(ref _announced, true);
            }
            else
            {
                Thread.SpinWait(1000);
            }
        }
    }

    // The caller's items take until somebody helps.
    private sealed class WaitingForHelp : IWorkItems
    {
        private volatile bool _begun;
        private volatile bool _helped;

        public bool Begun => _begun;

        public bool Helped => _helped;

        public void Execute(int item, int worker)
        {
            _begun = true;
            if (worker == 1)
                _helped = true;
            else if (!_helped)
                Thread.Sleep(1);
        }
    }

    private readonly struct Counting(int[] executed, int threads) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            Assert.InRange(worker, 0, threads - 1);
            Interlocked.Increment(ref executed[item]);
        }
    }

    private sealed record Pairs(Barrier Both, int[] Workers) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            Assert.True(Both.SignalAndWait(TimeSpan.FromSeconds(30)));
            Workers[item] = worker;
        }
    }

    private readonly struct Meeting(Barrier both) : IWorkItems
    {
        public Barrier Both => both;

        public void Execute(int item, int worker) => Assert.True(both.SignalAndWait(TimeSpan.FromSeconds(30)));
    }

    private readonly struct Failing(int bad) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            if (item == bad)
                throw new InvalidOperationException($"item {item}");
        }
    }

    private readonly struct Cancelling(CancellationTokenSource source) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            if (item == 10)
                source.Cancel();
        }
    }

    private readonly struct Nested(EngineThreads engine, int[] executed) : IWorkItems
    {
        public void Execute(int item, int worker) => engine.Run(10, new Shifted(executed, item * 10));
    }

    private readonly struct Shifted(int[] executed, int first) : IWorkItems
    {
        public void Execute(int item, int worker) => Interlocked.Increment(ref executed[first + item]);
    }
}
