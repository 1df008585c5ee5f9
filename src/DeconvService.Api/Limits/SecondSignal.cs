using System.Runtime.InteropServices;

namespace DeconvService.Api.Limits;

/// <summary>
/// The first SIGTERM or SIGINT asks the service to stop, and running requests may end; the second ends it. The host itself ignores the second.
/// </summary>
internal sealed class SecondSignal : IHostedService, IDisposable
{
    private const int ExitCode = 128; // and the signal's number, as shells have it

    private PosixSignalRegistration[] _registrations = [];
    private int _signals;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Count(15)),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Count(2)),
        ];
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
    }

    private void Count(int number)
    {
        if (Interlocked.Increment(ref _signals) > 1)
            Environment.Exit(ExitCode + number);
    }
}
