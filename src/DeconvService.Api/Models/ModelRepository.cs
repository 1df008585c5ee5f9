using System.Collections.Concurrent;
using DeconvService.Api.Errors;
using DeconvService.Api.Observability;
using DeconvService.Engine;
using DeconvService.Onnx;

namespace DeconvService.Api.Models;

/// <summary>
/// All networks of the service. Requests lease them; management calls change them, one at a time: the old network serves until the new one
/// is ready, and is freed by its last request. Thread-safe.
/// </summary>
internal sealed partial class ModelRepository(
    ModelDirectory directory, ConvolutionEngine engine, ServiceMetrics metrics, ILogger<ModelRepository> logger) : IDisposable
{
    private const string Unloaded = "unloaded";

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _changes = new(1);
    private readonly SortedDictionary<string, SortedDictionary<string, ModelSlot>> _slots = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Name, string Version), ModelStatistics> _statistics = new();

    /// <summary>Whether every network that should run can: the server readiness of the Open Inference Protocol.</summary>
    public bool AllReady
    {
        get
        {
            lock (_lock)
                return !_slots.Values.SelectMany(versions => versions.Values).Any(slot => slot.Failed || slot.State == ModelState.Loading);
        }
    }

    /// <summary>Leases a network.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="version">Which version; null takes the newest that is ready.</param>
    /// <exception cref="ServiceException">There is none, or it is not ready.</exception>
    public ModelLease Lease(string name, string? version = null)
    {
        while (true)
        {
            ModelSlot slot = Get(name, version);
            if (slot.Model is null)
                throw ModelFaults.NotReady(slot.File.Name, slot.State == ModelState.Loading ? "it is being loaded" : slot.Reason);

            // A network that was freed in between has been replaced, or is not ready any more.
            if (slot.Model.TryLease() is { } lease)
                return lease;
        }
    }

    /// <summary>A version as it is now; of several the newest that is ready.</summary>
    /// <exception cref="ServiceException">There is none.</exception>
    public ModelSlot Get(string name, string? version = null)
    {
        lock (_lock)
        {
            if (!_slots.TryGetValue(name, out SortedDictionary<string, ModelSlot>? versions))
                throw ModelFaults.NotFound(name, version: null, [.. _slots.Keys]);

            if (version is null)
                return versions.Values.LastOrDefault(slot => slot.State == ModelState.Ready) ?? versions.Values.Last();

            return versions.GetValueOrDefault(version) ?? throw ModelFaults.NotFound(name, version, [.. versions.Keys]);
        }
    }

    /// <summary>The versions of one network, or of all; the newest last.</summary>
    public IReadOnlyList<ModelSlot> List(string? name = null)
    {
        lock (_lock)
            return [.. _slots.Where(pair => name is null || pair.Key.Equals(name, StringComparison.Ordinal)).SelectMany(pair => pair.Value.Values)];
    }

    /// <summary>All there is: what is in memory, and files that came into the directory since.</summary>
    public IReadOnlyList<ModelSlot> Index()
    {
        IReadOnlyList<ModelSlot> known = List();
        var names = known.Select(slot => (slot.File.Name, slot.File.Version)).ToHashSet();
        return
        [
            .. known,
            .. directory.Scan().Where(file => !names.Contains((file.Name, file.Version)))
                .Select(file => new ModelSlot(file, ModelState.Unavailable, "not loaded")),
        ];
    }

    /// <summary>Loads every network of the directory. One that is broken is noted and holds nothing up.</summary>
    public async Task LoadAllAsync(CancellationToken cancellationToken)
    {
        await _changes.WaitAsync(cancellationToken);
        try
        {
            directory.DeleteLeftovers();
            IReadOnlyList<ModelFile> files = directory.Scan();
            foreach (ModelFile file in files)
                Set(new ModelSlot(file, ModelState.Loading));

            foreach (ModelFile file in files)
            {
                cancellationToken.ThrowIfCancellationRequested();
                await LoadAsync(file);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogDirectory(exception, directory.Root);
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>Loads, or loads again, all versions of a network from the directory.</summary>
    /// <exception cref="ServiceException">There is no such network, or its newest version cannot be loaded: what was in memory goes on serving.</exception>
    public async Task LoadAsync(string name, CancellationToken cancellationToken)
    {
        await _changes.WaitAsync(cancellationToken);
        try
        {
            IReadOnlyList<ModelFile> files = directory.Find(name);
            if (files.Count == 0)
                throw ModelFaults.NotFound(name, version: null, [.. directory.Scan().Select(file => file.Name).Distinct(StringComparer.Ordinal)]);

            Exception? failure = null;
            foreach (ModelFile file in files)
                failure = await LoadAsync(file);

            if (failure is not null)
                throw failure is OnnxModelException model ? new ServiceException(ModelFaults.Of(model)) : ModelFaults.NotReady(name, failure.Message);
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>Takes a network out of memory; its file stays.</summary>
    /// <exception cref="ServiceException">There is no such network.</exception>
    public async Task UnloadAsync(string name, CancellationToken cancellationToken)
    {
        await _changes.WaitAsync(cancellationToken);
        try
        {
            Get(name);
            foreach (ModelSlot slot in List(name))
                Set(new ModelSlot(slot.File, ModelState.Unavailable, Unloaded));
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>Reads a network from a stream, and once it is sound puts it into the directory and serves it.</summary>
    /// <param name="name">Its name; valid.</param>
    /// <param name="content">The ONNX file.</param>
    /// <param name="cancellationToken">Looked at until the network is sound.</param>
    /// <returns>Whether the name is new.</returns>
    /// <exception cref="ServiceException">It is broken, has operators that are not supported, or the directory cannot be written.</exception>
    public async Task<bool> PutAsync(string name, Stream content, CancellationToken cancellationToken)
    {
        string? temporary = null;
        try
        {
            CompiledModel network;
            await using (FileStream file = directory.CreateTemporary())
            {
                temporary = file.Name;
                await content.CopyToAsync(file, cancellationToken);
                await Task.Run(() => file.Flush(flushToDisk: true), cancellationToken);
                file.Position = 0;
                await _changes.WaitAsync(cancellationToken);
                try
                {
                    network = await CompileAsync(file);
                }
                catch
                {
                    _changes.Release();
                    throw;
                }
            }

            try
            {
                ModelFile place = directory.PlaceFor(name);
                bool isNew = List(name).Count == 0;
                ModelDirectory.Publish(temporary, place);
                temporary = null;
                Serve(place, network);
                return isNew;
            }
            catch
            {
                network.Dispose();
                throw;
            }
            finally
            {
                _changes.Release();
            }
        }
        catch (OnnxModelException exception)
        {
            throw new ServiceException(ModelFaults.Of(exception));
        }
        catch (Exception exception) when (exception is IOException and not BadHttpRequestException or UnauthorizedAccessException)
        {
            LogDirectory(exception, directory.Root);
            throw new ServiceException(new ServiceFault(ServiceErrorKind.Unavailable, "the directory of the networks cannot be written; the log says why"));
        }
        finally
        {
            if (temporary is not null)
                File.Delete(temporary);
        }
    }

    /// <summary>Takes a network out of memory and deletes its files.</summary>
    /// <exception cref="ServiceException">There is no such network, or the directory cannot be written.</exception>
    public async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        await _changes.WaitAsync(cancellationToken);
        try
        {
            if (directory.Find(name).Count == 0)
                Get(name);

            directory.Delete(name);
            Remove(name);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogDirectory(exception, directory.Root);
            throw new ServiceException(new ServiceFault(ServiceErrorKind.Unavailable, "the directory of the networks cannot be written; the log says why"));
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>What a version has done since the service started.</summary>
    public ModelStatistics StatisticsOf(ModelFile file) => _statistics.GetOrAdd((file.Name, file.Version), _ => new ModelStatistics());

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (string name in List().Select(slot => slot.File.Name).Distinct(StringComparer.Ordinal))
            Remove(name);

        _changes.Dispose();
    }

    // What was served before goes on when the file is broken.
    private async Task<Exception?> LoadAsync(ModelFile file)
    {
        try
        {
            CompiledModel network;
            await using (var content = new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete))
                network = await CompileAsync(content);

            Serve(file, network);
            return null;
        }
        catch (Exception exception)
        {
            // Whatever a file does to the reader: it is one network less, and no reason to stop.
            metrics.ModelLoaded(success: false);
            LogBroken(exception is OnnxModelException ? null : exception, file.Name, file.Version, exception.Message);
            if (List(file.Name).FirstOrDefault(slot => slot.File.Version.Equals(file.Version, StringComparison.Ordinal))?.Model is null)
                Set(new ModelSlot(file, ModelState.Unavailable, exception.Message, Failed: true));

            return exception;
        }
    }

    private Task<CompiledModel> CompileAsync(Stream content) => Task.Run(() => ModelCompiler.Compile(OnnxModel.Load(content), engine));

    private void Serve(ModelFile file, CompiledModel network)
    {
        Set(new ModelSlot(file, ModelState.Ready, Model: new ServedModel(file.Name, file.Version, network, StatisticsOf(file))));
        metrics.ModelLoaded(success: true);
        LogServed(file.Name, file.Version, network.Parameters);
    }

    private void Set(ModelSlot slot)
    {
        ModelSlot? old;
        lock (_lock)
        {
            if (!_slots.TryGetValue(slot.File.Name, out SortedDictionary<string, ModelSlot>? versions))
                _slots.Add(slot.File.Name, versions = new SortedDictionary<string, ModelSlot>(ModelName.VersionOrder));

            old = versions.GetValueOrDefault(slot.File.Version);
            versions[slot.File.Version] = slot;
        }

        old?.Model?.Release();
    }

    private void Remove(string name)
    {
        IReadOnlyList<ModelSlot> old = List(name);
        lock (_lock)
            _slots.Remove(name);

        foreach (ModelSlot slot in old)
        {
            slot.Model?.Release();
            _statistics.TryRemove((slot.File.Name, slot.File.Version), out _);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Network {Name}, version {Version}, is served; {Parameters} parameters")]
    private partial void LogServed(string name, string version, long parameters);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Network {Name}, version {Version}, cannot be loaded: {Reason}")]
    private partial void LogBroken(Exception? exception, string name, string version, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Error, Message = "The directory of the networks, {Directory}, failed")]
    private partial void LogDirectory(Exception exception, string directory);
}
