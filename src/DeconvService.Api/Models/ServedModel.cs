using DeconvService.Onnx;

namespace DeconvService.Api.Models;

/// <summary>
/// A network in memory that requests run. It counts who uses it: when it is replaced or unloaded, the requests that have it finish with it,
/// and the last one frees it. Thread-safe.
/// </summary>
internal sealed class ServedModel
{
    // The repository itself is the first user.
    private int _users = 1;

    /// <summary>Takes the network over.</summary>
    public ServedModel(string name, string version, CompiledModel network, ModelStatistics statistics) =>
        (Name, Version, Network, Statistics) = (name, version, network, statistics);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its version.</summary>
    public string Version { get; }

    /// <summary>The network.</summary>
    public CompiledModel Network { get; }

    /// <summary>What it has done so far.</summary>
    public ModelStatistics Statistics { get; }

    /// <summary>Keeps it in memory until the answer is disposed; null when it was freed already.</summary>
    public ModelLease? TryLease()
    {
        for (int users = Volatile.Read(ref _users); users > 0;)
        {
            int seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users)
                return new ModelLease(this);

            users = seen;
        }

        return null;
    }

    /// <summary>One user less; the last one frees the network.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0)
            Network.Dispose();
    }
}

/// <summary>The right to run a network. Disposing it twice does no harm.</summary>
internal sealed class ModelLease(ServedModel model) : IDisposable
{
    private ServedModel? _model = model;

    /// <summary>The network.</summary>
    public ServedModel Model => _model ?? throw new ObjectDisposedException(nameof(ModelLease));

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _model, null)?.Release();
}
