namespace DeconvService.Engine.Threading;

/// <summary>Numbered pieces of one piece of work; several threads may execute different items at once.</summary>
public interface IWorkItems
{
    /// <summary>Executes item <paramref name="item"/> on behalf of worker <paramref name="worker"/> (0 is the caller).</summary>
    void Execute(int item, int worker);
}

/// <summary>The engine's threads: they share out numbered work items, and the caller takes part.</summary>
public sealed class EngineThreads
{
    /// <summary>How many threads compute at the most, the caller's included; <see cref="IWorkItems.Execute"/> sees workers 0 to this minus 1.</summary>
    public int Count => 1;

    /// <summary>Executes all items and returns when they are done.</summary>
    /// <param name="count">Items 0 to <paramref name="count"/> - 1 are executed, each once, in no fixed order.</param>
    /// <param name="items">The work.</param>
    /// <param name="cancellationToken">Looked at between items.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; no item is running any more, some were not executed.</exception>
    public void Run<TItems>(int count, TItems items, CancellationToken cancellationToken = default)
        where TItems : IWorkItems
    {
        for (int item = 0; item < count; item++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            items.Execute(item, worker: 0);
        }
    }
}
