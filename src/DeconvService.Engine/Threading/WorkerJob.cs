using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace DeconvService.Engine.Threading;

/// <summary>One call of <see cref="EngineThreads.Run"/> that helpers may join. Reused, so that a call allocates nothing.</summary>
/// <remarks>
/// The state is the number of helpers inside, or negative: free, taken, or closed. Joining and closing are
/// compare-and-swap steps on that one number, so a helper is either inside before the job closes, and is waited for, or outside.
/// <code>
///   items    0 1 2 3 4 5 6 7 8 9 | 10 11 12 13 14 15 16 17 18 19
///            share 0 ->          | share 1 ->                        a share for each thread that may compute
/// </code>
/// Everybody takes the items of his own share in their order, and then what is left of the others'. Neighbouring items mostly read and write
/// neighbouring memory, in one layer as in the next, so most of what a core reads it has written itself. If all took their items from one
/// counter, half of it would come from the other cores' caches: with two cores that share no cache a network took 1.4 times as long.
/// </remarks>
internal sealed unsafe class WorkerJob
{
    private const int Free = int.MinValue;
    private const int Taken = int.MinValue + 1;
    private const int Closed = int.MinValue / 2;

    private readonly Share[] _shares;
    private int _state = Free;
    private int _used;
    private volatile bool _stopped;
    private volatile bool _exhausted;
    private CancellationToken _token;
    private ExceptionDispatchInfo? _failure;
    private void* _items;
    private delegate*<void*, int, int, void> _execute;

    /// <summary>A job that so many threads at the most may work at.</summary>
    public WorkerJob(int threads) => _shares = new Share[threads];

    /// <summary>Whether it is worth a try to join.</summary>
    public bool HasItems => Volatile.Read(ref _state) >= 0 && !_exhausted && !_stopped;

    /// <summary>Makes it the caller's.</summary>
    public bool TryTake() => Volatile.Read(ref _state) == Free && Interlocked.CompareExchange(ref _state, Taken, Free) == Free;

    /// <summary>Lets helpers in.</summary>
    /// <param name="count">Number of items.</param>
    /// <param name="items">A local variable of the caller, which stays until <see cref="RunToEnd{TItems}"/> returns.</param>
    /// <param name="token">Looked at between items.</param>
    public void Open<TItems>(int count, ref TItems items, CancellationToken token)
        where TItems : IWorkItems
    {
        (_token, _failure, _stopped, _exhausted) = (token, null, false, false);
        _used = Math.Min(count, _shares.Length);
        for (int i = 0; i < _used; i++)
            (_shares[i].Next, _shares[i].End) = (Begin(count, i), Begin(count, i + 1));

        _items = Unsafe.AsPointer(ref items);
        _execute = &Execute<TItems>;
        Volatile.Write(ref _state, 0);
    }

    /// <summary>The caller's part: executes items, shuts late helpers out, waits for those inside, and frees the job.</summary>
    public void RunToEnd<TItems>(ref TItems items)
        where TItems : IWorkItems
    {
        try
        {
            for (int item; (item = Next(worker: 0)) >= 0;)
                items.Execute(item, worker: 0);
        }
        catch (Exception e)
        {
            Fail(e);
        }

        CloseAndWait();
        ExceptionDispatchInfo? failure = _failure;
        bool stopped = _stopped;
        CancellationToken token = _token;
        _items = null;
        (_failure, _token) = (null, default);
        Volatile.Write(ref _state, Free);
        failure?.Throw();
        if (stopped)
            token.ThrowIfCancellationRequested();
    }

    /// <summary>Enters unless the job was closed; to be followed by <see cref="Help"/>.</summary>
    public bool TryJoin()
    {
        int state = Volatile.Read(ref _state);
        while (state >= 0)
        {
            int found = Interlocked.CompareExchange(ref _state, state + 1, state);
            if (found == state)
                return true;

            state = found;
        }

        return false;
    }

    /// <summary>A helper's part: executes items while there are some and no more than <paramref name="limit"/> threads compute.</summary>
    /// <param name="worker">The helper's number.</param>
    /// <param name="computing">How many threads compute, this one included; when the method returns, it is no longer counted.</param>
    /// <param name="limit">How many there should be at the most.</param>
    public void Help(int worker, ref int computing, int limit)
    {
        try
        {
            int item;
            while (Volatile.Read(ref computing) <= limit && (item = Next(worker)) >= 0)
                _execute(_items, item, worker);
        }
        catch (Exception e)
        {
            Fail(e);
        }

        // In this order: as soon as the job is left its caller goes on, and asks whether a core is idle for what it does next.
        Interlocked.Decrement(ref computing);
        Interlocked.Decrement(ref _state);
    }

    private static void Execute<TItems>(void* items, int item, int worker)
        where TItems : IWorkItems => Unsafe.AsRef<TItems>(items).Execute(item, worker);

    private int Begin(int count, int share) => (int)((long)count * share / _used);

    private int Next(int worker)
    {
        if (_token.IsCancellationRequested)
            _stopped = true;

        if (_stopped || _exhausted)
            return -1;

        for (int i = 0, own = worker % _used; i < _used; i++)
        {
            ref Share share = ref _shares[(own + i) % _used];
            if (Volatile.Read(ref share.Next) < share.End)
            {
                int item = Interlocked.Increment(ref share.Next) - 1;
                if (item < share.End)
                    return item;
            }
        }

        _exhausted = true;
        return -1;
    }

    private void Fail(Exception e)
    {
        Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
        _stopped = true;
    }

    private void CloseAndWait()
    {
        int state = Volatile.Read(ref _state);
        while (true)
        {
            int found = Interlocked.CompareExchange(ref _state, state + Closed, state);
            if (found == state)
                break;

            state = found;
        }

        var spin = default(SpinWait);
        while (Volatile.Read(ref _state) != Closed)
            spin.SpinOnce(sleep1Threshold: -1);
    }

    // Two cache lines, because the processor fetches them in pairs: with shares side by side each core would wait for the other's counter.
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct Share
    {
        public int Next;
        public int End;
    }
}
