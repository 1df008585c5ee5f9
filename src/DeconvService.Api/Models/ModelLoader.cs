using DeconvService.Api.Health;

namespace DeconvService.Api.Models;

/// <summary>Loads the networks at start. The service answers meanwhile, but is not ready.</summary>
internal sealed class ModelLoader(ModelRepository repository, Readiness readiness) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private Task _loading = Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Held back before the first request can ask.
        IDisposable hold = readiness.HoldBack();
        _loading = Task.Run(
            async () =>
            {
                using (hold)
                    await repository.LoadAllAsync(_stopping.Token);
            },
            CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await ((Task)_loading.WaitAsync(cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();
}
