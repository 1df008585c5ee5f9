using System.Diagnostics;
using DeconvService.Api.Errors;
using DeconvService.Api.Limits;
using DeconvService.Api.Observability;
using DeconvService.Engine;

namespace DeconvService.Api.Scheduling;

/// <summary>
/// Where requests wait for memory and for the cores. What does not fit waits for <see cref="SchedulingOptions.WaitSeconds"/>, then it is
/// answered 429.
/// </summary>
/// <remarks>
/// There are three gates, always passed in this order, each at most once by a request (tiles of a picture take a core each, and give it
/// back before the next): bytes of the body before it is read, bytes of what is computed with it and comes out, a core. Who holds
/// something therefore waits only for what is held by others that are further on, and those at the end, who compute or write their
/// answer, wait for nobody. So no two requests can wait for each other.
/// Thread-safe.
/// </remarks>
internal sealed class ComputeQueue : IDisposable
{
    private const int MaximumRetrySeconds = 60;

    // What a request does with a byte, on the average, where nobody has counted: it only decides who may go past whom.
    private const long MultiplyAddsPerByte = 16;

    private readonly SchedulingOptions _options;
    private readonly ServiceMetrics _metrics;
    private readonly TimeSpan _patience;
    private readonly ComputeThreads _threads;
    private int _inHouse;
    private double _averageSeconds;

    /// <summary>Starts the threads.</summary>
    public ComputeQueue(MemoryBudget budget, SchedulingOptions options, ServiceMetrics metrics, ConvolutionEngine engine)
    {
        (_options, _metrics) = (options, metrics);
        _patience = TimeSpan.FromSeconds(options.WaitSeconds);
        _threads = new ComputeThreads(options.EffectiveConcurrency, engine.Threads);
        Bodies = new Gate("body memory", budget.BodyBytes);
        Memory = new Gate("memory", budget.WorkBytes);
        Cores = new Gate("cores", options.EffectiveConcurrency, continueInline: true);
    }

    /// <summary>Bytes of the bodies that are read, or kept as tensors.</summary>
    public Gate Bodies { get; }

    /// <summary>Bytes of workspaces, packed weights, pictures and results.</summary>
    public Gate Memory { get; }

    /// <summary>Requests that compute.</summary>
    public Gate Cores { get; }

    /// <summary>Requests that were admitted and not yet answered.</summary>
    public int InHouse => Volatile.Read(ref _inHouse);

    /// <summary>The first step, before a body is read.</summary>
    /// <param name="bytes">How long the body is; null where that is not known, which counts as much as a body may have.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The place in the house, disposed when the request has been answered.</returns>
    /// <exception cref="ServiceException">
    /// <see cref="ServiceErrorKind.TooLarge"/>: the body is more than there is memory for; <see cref="ServiceErrorKind.QueueFull"/>: too many
    /// are waiting, or the wait was too long.
    /// </exception>
    public async Task<IDisposable> AdmitAsync(long? bytes, CancellationToken cancellationToken)
    {
        TooLarge.ThrowIfOver("the body", "bytes", bytes ?? 0, Bodies.Capacity, nameof(LimitsOptions.MemoryBytes));
        var place = new Place(this);
        try
        {
            if (InHouse > _options.EffectiveConcurrency + _options.QueueLength)
                throw QueueFull($"{_options.QueueLength} requests are waiting already");

            long amount = bytes ?? Bodies.Capacity;
            place.Body = await EnterAsync(Bodies, amount, amount, cancellationToken);
            return place;
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    /// <summary>The second step: waits for memory beside that of the body. Take all of it at once, before any of it is used.</summary>
    /// <param name="bytes">Workspace, packed weights, decoded pictures, output.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The memory, disposed when it was given back, which for an output is after it was sent.</returns>
    /// <exception cref="ServiceException">
    /// <see cref="ServiceErrorKind.TooLarge"/>: more than there will ever be; <see cref="ServiceErrorKind.QueueFull"/>: the wait was too long.
    /// </exception>
    public async Task<IDisposable> ReserveAsync(long bytes, CancellationToken cancellationToken)
    {
        TooLarge.ThrowIfOver("the request with its workspace and output", "bytes", bytes, Memory.Capacity, nameof(LimitsOptions.MemoryBytes));
        return await EnterAsync(Memory, bytes, bytes, cancellationToken);
    }

    /// <summary>The last step: waits for a core and runs <paramref name="work"/> on a thread of its own.</summary>
    /// <param name="bytes">Memory that the work takes and gives back itself, see <see cref="ReserveAsync"/>; 0 when it was reserved before.</param>
    /// <param name="work">The arithmetic; blocks its thread, and looks at the token that it is given.</param>
    /// <param name="cancellationToken">Ends the wait at once; when the work has begun, the task ends only when the work has.</param>
    /// <param name="multiplyAdds">How much arithmetic it is; short work may go past long work. Estimated from the bytes where it is 0.</param>
    /// <exception cref="ServiceException">As <see cref="ReserveAsync"/>.</exception>
    public async Task RunAsync(long bytes, Action<CancellationToken> work, CancellationToken cancellationToken, long multiplyAdds = 0)
    {
        using IDisposable? memory = bytes > 0 ? await ReserveAsync(bytes, cancellationToken) : null;
        long effort = multiplyAdds > 0 ? multiplyAdds : bytes * MultiplyAddsPerByte;
        using IDisposable core = await EnterAsync(Cores, 1, effort, cancellationToken);
        long start = Stopwatch.GetTimestamp();
        await _threads.RunAsync(() =>
        {
            // The thread gives the core back itself: the next in line is then there before it has to wait.
            using (core)
                work(cancellationToken);
        });
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        _averageSeconds += (seconds - _averageSeconds) / 8; // a lost update between threads does not matter: it is an estimate
    }

    /// <summary>Lets the threads end when their work is done.</summary>
    public void Dispose() => _threads.Dispose();

    private async Task<IDisposable> EnterAsync(Gate gate, long amount, long effort, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        GateLease? lease = await gate.EnterAsync(amount, effort, _patience, cancellationToken);
        _metrics.Waited(gate.Name, Stopwatch.GetElapsedTime(start));
        return lease ?? throw QueueFull($"the wait for {gate.Name} was longer than {_options.WaitSeconds} s");
    }

    private ServiceException QueueFull(string detail)
    {
        double wait = _averageSeconds * InHouse / _options.EffectiveConcurrency;
        int seconds = (int)Math.Clamp(Math.Ceiling(wait), 1, MaximumRetrySeconds);
        return new ServiceException(
            new ServiceFault(ServiceErrorKind.QueueFull, $"{detail}; try again in {seconds} s")
            {
                Facts = [new("retryAfterSeconds", seconds)],
            });
    }

    private sealed class Place : IDisposable
    {
        private readonly ComputeQueue _queue;
        private int _left;

        public Place(ComputeQueue queue)
        {
            _queue = queue;
            Interlocked.Increment(ref queue._inHouse);
        }

        public IDisposable? Body { get; set; }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) != 0)
                return;

            Body?.Dispose();
            Interlocked.Decrement(ref _queue._inHouse);
        }
    }
}
