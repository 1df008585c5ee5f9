using System.Diagnostics;

namespace DeconvService.Engine.Threading;

/// <summary>The engine's threads: they share out numbered work items, and the caller takes part. Thread-safe.</summary>
/// <remarks>
/// <para>
/// Everybody pulls items, first from a share of his own, then from the others'. Callers and helpers together are never meant to be more than <see cref="Count"/>:
/// a helper joins only while a core is idle and leaves, between two items, when further callers arrive. So a lone call has all
/// cores, and under load each call has one, which is the faster way to share them.
/// </para>
/// <para>
/// A helper that has not joined when the items run out is shut out and never waited for: waiting for a descheduled thread would
/// cost milliseconds where the work takes microseconds. For the same reason helpers spin for a moment before they sleep.
/// </para>
/// </remarks>
public sealed class EngineThreads : IDisposable
{
    // Layers of one network follow each other within microseconds; after this long there is no next layer.
    private static readonly long SpinTicks = Stopwatch.Frequency / 10_000;

    // How often a parked helper looks whether a caller has left a core to it. To be woken each time instead costs small requests a fifth under
    // load: between two requests, and between two steps of one, a core is idle for some microseconds only.
    private static readonly TimeSpan Watch = TimeSpan.FromMilliseconds(1);

    // What the current thread occupies a core of.
    [ThreadStatic]
    private static EngineThreads? _occupied;

    private readonly WorkerJob[] _jobs;
    private readonly SemaphoreSlim _wake = new(0);
    private int _computing;
    private int _posted;
    private int _parked;
    private int _watching;
    private volatile bool _disposed;

    /// <summary>Starts the helpers.</summary>
    /// <param name="count">How many threads compute at the most, the caller's included; 0 takes one a core.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative.</exception>
    public EngineThreads(int count = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Count = count == 0 ? Environment.ProcessorCount : count;
        _jobs = new WorkerJob[Count - 1];
        for (int i = 0; i < _jobs.Length; i++)
            _jobs[i] = new WorkerJob(Count);

        for (int worker = 1; worker < Count; worker++)
        {
            int self = worker;
            new Thread(() => Loop(self)) { IsBackground = true, Name = $"Convolution {self}" }.Start();
        }
    }

    /// <summary>How many threads compute at the most, the caller's included; <see cref="IWorkItems.Execute"/> sees workers 0 to this minus 1.</summary>
    public int Count { get; }

    /// <summary>
    /// Whether a call that begins now on this thread finds a core to help it: fewer than <see cref="Count"/> - 1 other threads compute. It may
    /// change at once.
    /// </summary>
    public bool HasHelp => Volatile.Read(ref _computing) - (_occupied == this ? 1 : 0) < Count - 1;

    /// <summary>Whether more threads compute than <see cref="Count"/>: a helper with a long item should end it, if the rest can be done by others.</summary>
    public bool IsCrowded => Volatile.Read(ref _computing) > Count;

    /// <summary>
    /// Says that a thread is about to come and compute, so that helpers leave a core to it at once; without it, the thread may wait for the
    /// very core on which a helper goes on, unaware of it. <see cref="Occupy"/> has to follow on that thread.
    /// </summary>
    public void Announce() => Interlocked.Increment(ref _computing);

    /// <summary>
    /// Says that the current thread computes until the scope ends, between its calls as well: then no helper takes its core for the moments
    /// in between. A call is such a scope itself.
    /// </summary>
    /// <param name="announced">Whether <see cref="Announce"/> has been called for it.</param>
    public Occupation Occupy(bool announced = false)
    {
        if (_occupied == this)
            return default;

        if (!announced)
            Announce();

        var occupation = new Occupation(this, _occupied);
        _occupied = this;
        return occupation;
    }

    /// <summary>Executes all items and returns when they are done. Allocates nothing.</summary>
    /// <param name="count">Items 0 to <paramref name="count"/> - 1 are executed, each once, in no fixed order.</param>
    /// <param name="items">The work.</param>
    /// <param name="cancellationToken">Looked at between items.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; no item is running any more, some were not executed.</exception>
    /// <remarks>An exception of an item ends the run in the same way and is thrown here.</remarks>
    public void Run<TItems>(int count, TItems items, CancellationToken cancellationToken = default)
        where TItems : IWorkItems
    {
        cancellationToken.ThrowIfCancellationRequested();
        using Occupation occupation = Occupy();
        WorkerJob? job = count > 1 && !_disposed ? TakeJob() : null;
        if (job is null)
        {
            for (int item = 0; item < count; item++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                items.Execute(item, worker: 0);
            }
        }
        else
        {
            job.Open(count, ref items, cancellationToken);
            Interlocked.Increment(ref _posted);
            WakeHelpers(count - 1);
            job.RunToEnd(ref items);
        }
    }

    /// <summary>Ends the helpers; calls that come later run on their callers' threads.</summary>
    public void Dispose()
    {
        _disposed = true;
        _wake.Release(Count);
    }

    private void Leave(EngineThreads? before)
    {
        _occupied = before;
        Interlocked.Decrement(ref _computing);

        // The core that is left can help another call, which somebody should watch.
        if (Volatile.Read(ref _watching) == 0 && AnyOpenJob())
            WakeHelpers(1);
    }

    private WorkerJob? TakeJob()
    {
        foreach (WorkerJob job in _jobs)
        {
            if (job.TryTake())
                return job;
        }

        return null;
    }

    private bool AnyOpenJob()
    {
        foreach (WorkerJob job in _jobs)
        {
            if (job.HasItems)
                return true;
        }

        return false;
    }

    private void WakeHelpers(int wanted)
    {
        wanted = Math.Min(wanted, Math.Min(Volatile.Read(ref _parked), Count - Volatile.Read(ref _computing)));
        if (wanted > 0)
            _wake.Release(wanted);
    }

    private void Loop(int worker)
    {
        while (!_disposed)
        {
            int seen = Volatile.Read(ref _posted);
            if (!HelpSomebody(worker))
                WaitForWork(seen);
        }
    }

    private bool HelpSomebody(int worker)
    {
        foreach (WorkerJob job in _jobs)
        {
            if (Volatile.Read(ref _computing) >= Count || !job.HasItems || !job.TryJoin())
                continue;

            // Its core is counted: calls inside of its items are no further threads.
            _occupied = this;
            Interlocked.Increment(ref _computing);
            job.Help(worker, ref _computing, Count);
            _occupied = null;
            return true;
        }

        return false;
    }

    private void WaitForWork(int seen)
    {
        // On a core that callers do not need: else a spinning helper takes the place of one of them, and eight requests at once on two cores
        // lose a tenth.
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetTimestamp() - start < SpinTicks && Volatile.Read(ref _computing) < Count)
        {
            if (Volatile.Read(ref _posted) != seen || _disposed)
                return;

            Thread.SpinWait(8);
        }

        Interlocked.Increment(ref _parked);
        while (Volatile.Read(ref _posted) == seen && !_disposed)
        {
            Park();
            if (Volatile.Read(ref _computing) < Count)
                break;
        }

        Interlocked.Decrement(ref _parked);
    }

    // Returns when there may be something to do.
    private void Park()
    {
        Interlocked.Increment(ref _watching);
        bool woken = AnyOpenJob() && _wake.Wait(Watch);
        Interlocked.Decrement(ref _watching);

        // Who opens a job later than this look sees that nobody watches.
        if (!woken && !AnyOpenJob())
            _wake.Wait();
    }

    /// <summary>A core that the current thread occupies; ends, on the same thread, when it is disposed.</summary>
    public readonly ref struct Occupation
    {
        private readonly EngineThreads? _threads;
        private readonly EngineThreads? _before;

        internal Occupation(EngineThreads threads, EngineThreads? before) => (_threads, _before) = (threads, before);

        /// <summary>Leaves the core.</summary>
        public void Dispose() => _threads?.Leave(_before);
    }
}
