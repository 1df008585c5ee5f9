using System.Reflection;
using DeconvService.Api.Errors;
using DeconvService.Api.Health;
using DeconvService.Api.Models;
using Microsoft.AspNetCore.Http.HttpResults;

namespace DeconvService.Api.Inference;

/// <summary>The handlers of <c>/v2</c> about the server as a whole.</summary>
internal static class ServerEndpoints
{
    private static readonly string Version = typeof(ServerEndpoints).Assembly.GetName().Version?.ToString(3) ?? "1.0.0";

    /// <summary>Says what the server is.</summary>
    public static JsonHttpResult<ServerMetadata> Describe() => Answer(new ServerMetadata(
        "deconv-service", Version, ["binary_tensor_data", "model_repository", "model_configuration", "statistics"]));

    /// <summary>The process serves HTTP.</summary>
    public static JsonHttpResult<ServerLive> Live() => Answer(new ServerLive(Live: true));

    /// <summary>All networks that should run can.</summary>
    /// <exception cref="ServiceException">Some cannot, or the service is starting or stopping.</exception>
    public static JsonHttpResult<ServerReady> Ready(Readiness readiness, ModelRepository repository)
    {
        if (readiness.ReasonWhyNot is { } reason)
            throw new ServiceException(new ServiceFault(ServiceErrorKind.Unavailable, reason));

        if (!repository.AllReady)
        {
            string[] broken = [.. repository.List().Where(slot => slot.Failed).Select(slot => slot.File.Name).Distinct(StringComparer.Ordinal)];
            throw new ServiceException(new ServiceFault(ServiceErrorKind.Unavailable, $"not all networks are ready: {string.Join(", ", broken)}"));
        }

        return Answer(new ServerReady(Live: true, Ready: true));
    }

    private static JsonHttpResult<T> Answer<T>(T value) => TypedResults.Json(value, InferenceJson.Options);
}

/// <summary>The answer of <c>GET /v2</c>.</summary>
/// <param name="Name">What the server is called.</param>
/// <param name="Version">Its version.</param>
/// <param name="Extensions">The protocol's extensions that it serves.</param>
internal sealed record ServerMetadata(string Name, string Version, IReadOnlyList<string> Extensions);

/// <summary>The answer of <c>GET /v2/health/live</c>.</summary>
/// <param name="Live">Always true: otherwise there is no answer.</param>
internal sealed record ServerLive(bool Live);

/// <summary>The answer of <c>GET /v2/health/ready</c>.</summary>
/// <param name="Live">Always true.</param>
/// <param name="Ready">Always true: otherwise the answer is 503.</param>
internal sealed record ServerReady(bool Live, bool Ready);
