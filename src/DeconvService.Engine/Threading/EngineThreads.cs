using System.Diagnostics;

namespace DeconvService.Engine.Threading;

/// <summary>The engine's threads: they share out numbered work items, and the caller takes part. Thread-safe.</summary>
/// <remarks>
/// <para>
/// Everybody pulls the next item from a counter. Callers and helpers together are never meant to be more than <see cref="Count"/>:
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

    private readonly WorkerJob[] _jobs;
    private readonly SemaphoreSlim _wake = new(0);
    private int _computing;
    private int _posted;
    private int _parked;
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
            _jobs[i] = new WorkerJob();

        for (int worker = 1; worker < Count; worker++)
        {
            int self = worker;
            new Thread(() => Loop(self)) { IsBackground = true, Name = $"Convolution {self}" }.Start();
        }
    }

    /// <summary>How many threads compute at the most, the caller's included; <see cref="IWorkItems.Execute"/> sees workers 0 to this minus 1.</summary>
    public int Count { get; }

    /// <summary>Whether a call that begins now finds a core to help it: fewer than <see cref="Count"/> - 1 threads compute. It may change at once.</summary>
    public bool HasHelp => Volatile.Read(ref _computing) < Count - 1;

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
        Interlocked.Increment(ref _computing);
        try
        {
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
        finally
        {
            Interlocked.Decrement(ref _computing);
        }

        // The core that this call leaves can help another one.
        if (AnyOpenJob())
        {
            Interlocked.Increment(ref _posted);
            WakeHelpers(1);
        }
    }

    /// <summary>Ends the helpers; calls that come later run on their callers' threads.</summary>
    public void Dispose()
    {
        _disposed = true;
        _wake.Release(Count);
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
            if (!job.HasItems)
                continue;

            bool helped = false;
            if (Interlocked.Increment(ref _computing) <= Count && job.TryJoin())
            {
                job.Help(worker, ref _computing, Count);
                helped = true;
            }

            Interlocked.Decrement(ref _computing);
            if (helped)
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
        if (Volatile.Read(ref _posted) == seen && !_disposed)
            _wake.Wait();

        Interlocked.Decrement(ref _parked);
    }
}
