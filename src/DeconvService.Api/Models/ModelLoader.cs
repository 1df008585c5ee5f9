using DeconvService.Api.Health;

namespace DeconvService.Api.Models;

/// <summary>Loads the networks at start. The service answers meanwhile, but is not ready.</summary>
internal sealed class ModelLoader(ModelRepository repository, Readiness readiness) : BackgroundService
{
    private IDisposable? _hold;

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        _hold = readiness.HoldBack(); // before the first request can ask
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using (_hold)
            await repository.LoadAllAsync(stoppingToken);
    }
}
