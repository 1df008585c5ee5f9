using System.Collections.Concurrent;
using System.Diagnostics;
using DeconvService.Api.Errors;
using DeconvService.Api.Limits;

namespace DeconvService.Api.Scheduling;

/// <summary>
/// Where requests wait for the cores. A fixed number of threads of its own does all arithmetic, so the thread pool stays free and health
/// checks are answered under full load. The queue is bounded, and so are the bytes of everything in it.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class ComputeQueue : IDisposable
{
    private const int MaximumRetrySeconds = 60;

    private readonly LimitsOptions _limits;
    private readonly SchedulingOptions _options;
    private readonly BlockingCollection<Job> _jobs = [];
    private int _inHouse;
    private long _reservedBytes;
    private double _averageSeconds;

    /// <summary>Starts the threads.</summary>
    public ComputeQueue(LimitsOptions limits, SchedulingOptions options)
    {
        (_limits, _options) = (limits, options);
        for (int i = 0; i < options.EffectiveConcurrency; i++)
            new Thread(Work) { IsBackground = true, Name = $"compute {i}" }.Start();
    }

    /// <summary>Answers 429 at once when there is no room: call it before a body is read.</summary>
    /// <exception cref="ServiceException"><see cref="ServiceErrorKind.QueueFull"/></exception>
    public void ThrowIfFull()
    {
        if (Volatile.Read(ref _inHouse) >= Room)
            throw QueueFull($"{_options.QueueLength} requests are waiting already");
    }

    /// <summary>Waits for a thread and runs <paramref name="work"/> on it.</summary>
    /// <param name="bytes">Memory that the request holds and will take: tensors, workspace and output.</param>
    /// <param name="work">The arithmetic; blocks its thread.</param>
    /// <param name="cancellationToken">
    /// Ends the wait at once; work that has begun looks at it itself, and the task ends when the work has.
    /// </param>
    /// <exception cref="ServiceException">
    /// <see cref="ServiceErrorKind.TooLarge"/>: the bytes are more than there will ever be; <see cref="ServiceErrorKind.QueueFull"/>: more
    /// requests or bytes than there is room for now.
    /// </exception>
    public async Task RunAsync(long bytes, Action<CancellationToken> work, CancellationToken cancellationToken)
    {
        long memory = _limits.EffectiveMemoryBytes;
        TooLarge.ThrowIfOver("the request with its workspace and output", "bytes", bytes, memory, nameof(LimitsOptions.MemoryBytes));
        int inHouse = Interlocked.Increment(ref _inHouse);
        long reserved = Interlocked.Add(ref _reservedBytes, bytes);
        try
        {
            if (inHouse > Room)
                throw QueueFull($"{_options.QueueLength} requests are waiting already");

            if (reserved > memory)
                throw QueueFull("the requests that are being served take all the memory that they may");

            var job = new Job(work, cancellationToken);
            _jobs.Add(job, CancellationToken.None);
            await job.Completion;
        }
        finally
        {
            Interlocked.Add(ref _reservedBytes, -bytes);
            Interlocked.Decrement(ref _inHouse);
        }
    }

    /// <summary>Lets the threads end when the queue is empty.</summary>
    public void Dispose() => _jobs.CompleteAdding();

    private int Room => _options.EffectiveConcurrency + _options.QueueLength;

    private void Work()
    {
        foreach (Job job in _jobs.GetConsumingEnumerable())
        {
            long start = Stopwatch.GetTimestamp();
            job.Execute();
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            _averageSeconds += (seconds - _averageSeconds) / 8; // a lost update between threads does not matter: it is an estimate
        }
    }

    private ServiceException QueueFull(string detail)
    {
        double wait = _averageSeconds * Volatile.Read(ref _inHouse) / _options.EffectiveConcurrency;
        int seconds = (int)Math.Clamp(Math.Ceiling(wait), 1, MaximumRetrySeconds);
        return new ServiceException(
            new ServiceFault(ServiceErrorKind.QueueFull, $"{detail}; try again in {seconds} s")
            {
                Facts = [new("retryAfterSeconds", seconds)],
            });
    }

    // Cancelled while it waits, a job ends at once; while it runs, only when the work has let go of the request's memory.
    private sealed class Job
    {
        private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Action<CancellationToken> _work;
        private readonly CancellationToken _cancellationToken;
        private readonly CancellationTokenRegistration _registration;
        private int _taken;

        public Job(Action<CancellationToken> work, CancellationToken cancellationToken)
        {
            (_work, _cancellationToken) = (work, cancellationToken);
            _registration = cancellationToken.UnsafeRegister(static state => ((Job)state!).CancelWait(), this);
        }

        public Task Completion => _completion.Task;

        public void Execute()
        {
            if (!Take())
                return;

            _registration.Unregister();
            try
            {
                _work(_cancellationToken);
                _completion.SetResult();
            }
            catch (OperationCanceledException) when (_cancellationToken.IsCancellationRequested)
            {
                _completion.SetCanceled(_cancellationToken);
            }
            catch (Exception exception)
            {
                _completion.SetException(exception);
            }
        }

        private void CancelWait()
        {
            if (Take())
                _completion.SetCanceled(_cancellationToken);
        }

        private bool Take() => Interlocked.Exchange(ref _taken, 1) == 0;
    }
}
