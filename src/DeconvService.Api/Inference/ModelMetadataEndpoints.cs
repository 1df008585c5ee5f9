using DeconvService.Api.Errors;
using DeconvService.Api.Models;
using DeconvService.Onnx;
using Microsoft.AspNetCore.Http.HttpResults;

namespace DeconvService.Api.Inference;

/// <summary>The handlers of <c>/v2/models</c> that tell about networks.</summary>
internal static class ModelMetadataEndpoints
{
    // The protocol's list of platforms has this name for ONNX files.
    private const string Platform = "onnx_onnxv1";

    /// <summary>Inputs and outputs of a network.</summary>
    /// <exception cref="ServiceException">There is no such network, or it is not ready.</exception>
    public static JsonHttpResult<ModelMetadata> Describe(string name, string? version, ModelRepository repository)
    {
        using ModelLease lease = repository.Lease(name, version);
        CompiledModel network = lease.Model.Network;
        string[] versions = [.. repository.List(name).Where(slot => slot.State == ModelState.Ready).Select(slot => slot.File.Version)];
        return Answer(new ModelMetadata(name, versions, Platform, TensorMetadata.Of(network.Inputs), TensorMetadata.Of(network.Outputs)));
    }

    /// <summary>Whether a network takes requests.</summary>
    /// <exception cref="ServiceException">It does not.</exception>
    public static JsonHttpResult<ModelReady> Ready(string name, string? version, ModelRepository repository)
    {
        using ModelLease lease = repository.Lease(name, version);
        return Answer(new ModelReady(name, Ready: true));
    }

    /// <summary>The configuration that another server would have beside the file.</summary>
    /// <exception cref="ServiceException">There is no such network, or it is not ready.</exception>
    public static JsonHttpResult<ModelConfiguration> Configuration(string name, string? version, ModelRepository repository)
    {
        using ModelLease lease = repository.Lease(name, version);
        CompiledModel network = lease.Model.Network;
        return Answer(new ModelConfiguration(
            name, Platform, "deconv", MaxBatchSize: 0, new VersionPolicy(new LatestVersions(NumVersions: 1)), TensorsOf(network.Inputs), TensorsOf(network.Outputs)));
    }

    /// <summary>How often a network ran and how long that took, for one version, for all of a network, or for all there are.</summary>
    /// <exception cref="ServiceException">There is no such network.</exception>
    public static JsonHttpResult<StatisticsAnswer> Statistics(string? name, string? version, ModelRepository repository)
    {
        if (name is not null)
            repository.Get(name, version);

        return Answer(new StatisticsAnswer(
        [
            .. repository.List(name).Where(slot => version is null || slot.File.Version.Equals(version, StringComparison.Ordinal))
                .Select(slot => VersionStatistics.Of(slot.File, repository.StatisticsOf(slot.File).Snapshot())),
        ]));
    }

    private static IReadOnlyList<ConfiguredTensor> TensorsOf(IReadOnlyList<TensorInfo> tensors) =>
    [
        .. TensorMetadata.Of(tensors).Select(tensor => new ConfiguredTensor(
            tensor.Name, $"TYPE_{(tensor.Datatype.Equals("BYTES", StringComparison.Ordinal) ? "STRING" : tensor.Datatype)}", tensor.Shape)),
    ];

    private static JsonHttpResult<T> Answer<T>(T value) => TypedResults.Json(value, InferenceJson.Options);
}

/// <summary>The answer of <c>GET /v2/models/{m}</c>.</summary>
/// <param name="Name">The network's name.</param>
/// <param name="Versions">The versions that can be asked for.</param>
/// <param name="Platform">What kind of file it is.</param>
/// <param name="Inputs">Its inputs.</param>
/// <param name="Outputs">Its outputs.</param>
internal sealed record ModelMetadata(
    string Name, IReadOnlyList<string> Versions, string Platform, IReadOnlyList<TensorMetadata> Inputs, IReadOnlyList<TensorMetadata> Outputs);

/// <summary>The answer of <c>GET /v2/models/{m}/ready</c>.</summary>
/// <param name="Name">The network's name.</param>
/// <param name="Ready">Always true: otherwise the answer is an error.</param>
internal sealed record ModelReady(string Name, bool Ready);

/// <summary>The answer of <c>GET /v2/models/{m}/config</c>, of which only the parts are given that mean something here.</summary>
/// <param name="Name">The network's name.</param>
/// <param name="Platform">What kind of file it is.</param>
/// <param name="Backend">What runs it.</param>
/// <param name="MaxBatchSize">0: the shapes are the whole shapes, with the batch in them.</param>
/// <param name="VersionPolicy">Which version serves.</param>
/// <param name="Input">Its inputs.</param>
/// <param name="Output">Its outputs.</param>
internal sealed record ModelConfiguration(
    string Name,
    string Platform,
    string Backend,
    int MaxBatchSize,
    VersionPolicy VersionPolicy,
    IReadOnlyList<ConfiguredTensor> Input,
    IReadOnlyList<ConfiguredTensor> Output);

/// <summary>Which version of a network serves.</summary>
/// <param name="Latest">The newest.</param>
internal sealed record VersionPolicy(LatestVersions Latest);

/// <summary>How many of the newest versions serve when none is named.</summary>
/// <param name="NumVersions">How many.</param>
internal sealed record LatestVersions(int NumVersions);

/// <summary>An input or output in a configuration.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DataType">Its type, with TYPE_ before it.</param>
/// <param name="Dims">Its sizes; -1 where any size goes.</param>
internal sealed record ConfiguredTensor(string Name, string DataType, IReadOnlyList<int> Dims);
