using DeconvService.Api.Health;
using DeconvService.Engine;

namespace DeconvService.Api.Scheduling;

/// <summary>Runs the engine's kernels once at start, so that no client waits for their compilation. The service is not ready before.</summary>
internal sealed class EngineWarmUp(ConvolutionEngine engine, Readiness readiness) : BackgroundService
{
    private IDisposable? _hold;

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        _hold = readiness.HoldBack(); // before the first request can ask
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Run(
        () =>
        {
            using (_hold)
                engine.WarmUp(stoppingToken);
        },
        stoppingToken);
}
