namespace DeconvService.Api.Limits;

/// <summary>
/// Serves on for <see cref="LimitsOptions.ShutdownPauseSeconds"/> after the service was told to stop, while <c>/health/ready</c> says 503,
/// so that a load balancer stops sending before the service stops listening.
/// </summary>
internal sealed class ShutdownPause(LimitsOptions limits) : IHostedLifecycleService
{
    // Called on all services before the first of them, the server, is stopped.
    public Task StoppingAsync(CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromSeconds(limits.ShutdownPauseSeconds), cancellationToken);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
