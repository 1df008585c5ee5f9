using System.Collections.Concurrent;

namespace DeconvService.Api.Scheduling;

/// <summary>Threads that do nothing but arithmetic, so that the thread pool stays free for input, output and health checks.</summary>
internal sealed class ComputeThreads : IDisposable
{
    private readonly BlockingCollection<Action> _jobs = [];

    /// <summary>Starts <paramref name="count"/> threads.</summary>
    public ComputeThreads(int count)
    {
        for (int i = 0; i < count; i++)
            new Thread(Loop) { IsBackground = true, Name = $"Compute {i}" }.Start();
    }

    /// <summary>Runs <paramref name="work"/> on one of the threads; the task ends when the work has.</summary>
    public Task RunAsync(Action work)
    {
        var completion = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _jobs.Add(() =>
        {
            try
            {
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
