namespace DeconvService.Api.Scheduling;

/// <summary>
/// Shares out a fixed amount of something (bytes, cores) to requests that wait in line. First come, first served, but a small one may go
/// past larger ones: past each of them at most <see cref="MaximumPasses"/> times, so that nobody waits for ever.
/// </summary>
/// <param name="name">What is shared out.</param>
/// <param name="capacity">How much there is.</param>
/// <param name="continueInline">
/// Whether the next in line goes on at once, on the thread that gives back, instead of on one of the thread pool that has to be woken for it:
/// only where what follows is short.
/// </param>
/// <remarks>Thread-safe. Who holds a lease must not wait at the same gate again, or two of them may wait for each other.</remarks>
internal sealed class Gate(string name, long capacity, bool continueInline = false)
{
    /// <summary>How many may go past one that waits.</summary>
    public const int MaximumPasses = 16;

    // Going past is worth its unfairness only for what is over in a fraction of the time.
    private const int SmallFraction = 8;

    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _line = [];
    private long _taken;

    /// <summary>What is shared out, as it stands in messages and metrics.</summary>
    public string Name { get; } = name;

    /// <summary>How much there is in all.</summary>
    public long Capacity { get; } = capacity;

    /// <summary>How much is taken.</summary>
    public long Taken => Interlocked.Read(ref _taken);

    /// <summary>How many wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
                return _line.Count;
        }
    }

    /// <summary>Waits for <paramref name="amount"/>.</summary>
    /// <param name="amount">How much is wanted, at most <see cref="Capacity"/>.</param>
    /// <param name="effort">How long it will be kept, in any unit: what is an eighth of another's effort may go past it.</param>
    /// <param name="patience">How long to wait at the most.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What was taken, to be disposed when it is free again; null when patience ended.</returns>
    /// <exception cref="ArgumentOutOfRangeException">More is wanted than there will ever be.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing is taken.</exception>
    public async ValueTask<GateLease?> EnterAsync(long amount, long effort, TimeSpan patience, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(amount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(amount, Capacity);
        cancellationToken.ThrowIfCancellationRequested();
        var waiter = new Waiter(new GateLease(this, amount), effort, continueInline);
        List<Waiter>? entering;
        lock (_lock)
        {
            _line.AddLast(waiter.Place);
            entering = LetIn();
        }

        Continue(entering);
        try
        {
            await waiter.Entered.Task.WaitAsync(patience, cancellationToken);
            return waiter.Lease;
        }
        catch (TimeoutException)
        {
            return Leave(waiter) ? null : waiter.Lease; // it may have been let in at the same moment
        }
        catch (OperationCanceledException)
        {
            if (!Leave(waiter))
                waiter.Lease.Dispose();

            throw;
        }
    }

    internal void Return(long amount)
    {
        List<Waiter>? entering;
        lock (_lock)
        {
            _taken -= amount;
            entering = LetIn();
        }

        Continue(entering);
    }

    // Not under the lock: those that enter may go on inline.
    private static void Continue(List<Waiter>? entering)
    {
        foreach (Waiter waiter in entering ?? [])
            waiter.Entered.SetResult();
    }

    private bool Leave(Waiter waiter)
    {
        List<Waiter>? entering;
        lock (_lock)
        {
            if (waiter.Place.List is null)
                return false;

            _line.Remove(waiter.Place);
            entering = LetIn(); // it may have stood before smaller ones
        }

        Continue(entering);
        return true;
    }

    // Those that enter now; null when nobody does.
    private List<Waiter>? LetIn()
    {
        List<Waiter>? entering = null;
        while (Next() is { } chosen)
        {
            for (LinkedListNode<Waiter>? before = chosen.Place.Previous; before is not null; before = before.Previous)
                before.Value.Passes++;

            _line.Remove(chosen.Place);
            _taken += chosen.Lease.Amount;
            (entering ??= []).Add(chosen);
        }

        return entering;
    }

    // The first that fits, or one that is much smaller, but nobody from behind one that was passed often enough.
    private Waiter? Next()
    {
        Waiter? chosen = null;
        for (LinkedListNode<Waiter>? place = _line.First; place is not null; place = place.Next)
        {
            Waiter waiter = place.Value;
            if (waiter.Lease.Amount <= Capacity - _taken && (chosen is null || waiter.Effort <= chosen.Effort / SmallFraction))
                chosen = waiter;

            if (waiter.Passes >= MaximumPasses)
                break;
        }

        return chosen;
    }

    private sealed class Waiter
    {
        public Waiter(GateLease lease, long effort, bool continueInline)
        {
            (Lease, Effort) = (lease, effort);
            Entered = new(continueInline ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
            Place = new LinkedListNode<Waiter>(this);
        }

        public GateLease Lease { get; }

        public long Effort { get; }

        public LinkedListNode<Waiter> Place { get; }

        public TaskCompletionSource Entered { get; }

        public int Passes { get; set; }
    }
}

/// <summary>What was taken at a <see cref="Gate"/>; a second <see cref="Dispose"/> does nothing.</summary>
internal sealed class GateLease(Gate gate, long amount) : IDisposable
{
    private int _returned;

    /// <summary>How much it is.</summary>
    public long Amount { get; } = amount;

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _returned, 1) == 0)
            gate.Return(Amount);
    }
}
