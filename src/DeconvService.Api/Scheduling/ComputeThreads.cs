using System.Collections.Concurrent;
using DeconvService.Engine.Threading;

namespace DeconvService.Api.Scheduling;

/// <summary>Threads that do nothing but arithmetic, so that the thread pool stays free for input, output and health checks.</summary>
internal sealed class ComputeThreads : IDisposable
{
    private readonly BlockingCollection<Action> _jobs = [];
    private readonly EngineThreads _engine;

    /// <summary>Starts <paramref name="count"/> threads, each of which occupies a core of <paramref name="engine"/> while it has work.</summary>
    public ComputeThreads(int count, EngineThreads engine)
    {
        _engine = engine;
        for (int i = 0; i < count; i++)
            new Thread(Loop) { IsBackground = true, Name = $"Compute {i}" }.Start();
    }

    /// <summary>Runs <paramref name="work"/> on one of the threads; the task ends when the work has.</summary>
    public Task RunAsync(Action work)
    {
        var completion = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _engine.Announce();
        _jobs.Add(() =>
        {
            try
            {
                // Ends before anybody hears of it: the request that follows then finds the core idle.
                using (_engine.Occupy(announced: true))
                    work();

                completion.SetResult();
            }
            catch (OperationCanceledException exception)
            {
                completion.SetCanceled(exception.CancellationToken);
            }
            catch (Exception exception)
            {
                completion.SetException(exception);
            }
        });
        return completion.Task;
    }

    /// <summary>Lets the threads end when their work is done.</summary>
    public void Dispose() => _jobs.CompleteAdding();

    private void Loop()
    {
        foreach (Action job in _jobs.GetConsumingEnumerable())
            job();
    }
}
