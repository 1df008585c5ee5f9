namespace DeconvService.Api.Health;

/// <summary>Whether the service should get requests. Features that load something at start hold it back until they are done.</summary>
internal sealed class Readiness(IHostApplicationLifetime lifetime)
{
    private int _loading;

    /// <summary>Why no requests should come, or null.</summary>
    public string? ReasonWhyNot =>
        lifetime.ApplicationStopping.IsCancellationRequested ? "the service is shutting down"
        : Volatile.Read(ref _loading) > 0 ? "the service is loading"
        : null;

    /// <summary>The service is not ready until the answer is disposed.</summary>
    public IDisposable HoldBack()
    {
        Interlocked.Increment(ref _loading);
        return new Hold(this);
    }

    private sealed class Hold(Readiness readiness) : IDisposable
    {
        private int _released;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _released, 1) == 0)
                Interlocked.Decrement(ref readiness._loading);
        }
    }
}
