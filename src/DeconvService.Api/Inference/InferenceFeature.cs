using DeconvService.Api.Errors;
using DeconvService.Api.Models;

namespace DeconvService.Api.Inference;

/// <summary>The Open Inference Protocol (KServe, Triton), version 2 over HTTP, with the extensions that <c>GET /v2</c> names.</summary>
internal static class InferenceFeature
{
    private static readonly string[] GetAndHead = [HttpMethods.Get, HttpMethods.Head];

    public static IServiceCollection AddInference(this IServiceCollection services)
    {
        services.AddSingleton<IErrorWriter, InferenceErrorWriter>();
        services.AddSingleton<InferenceRequestReader>();
        services.AddSingleton<InferenceEndpoint>();
        return services;
    }

    public static void MapInference(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder group = app.MapGroup("/v2").WithTags("Open Inference Protocol");
        group.MapGet("", ServerEndpoints.Describe).WithName("serverMetadata");
        group.MapMethods("/health/live", GetAndHead, ServerEndpoints.Live).WithName("serverLive");
        group.MapMethods("/health/ready", GetAndHead, ServerEndpoints.Ready).WithName("serverReady");
        group.MapGet("/models/stats", AllStatistics).WithName("allStatistics");
        foreach ((string path, string suffix) in (ReadOnlySpan<(string, string)>)[("/models/{name}", ""), ("/models/{name}/versions/{version}", "Version")])
        {
            group.MapGet(path, ModelMetadataEndpoints.Describe).WithName($"modelMetadata{suffix}");
            group.MapMethods($"{path}/ready", GetAndHead, ModelMetadataEndpoints.Ready).WithName($"modelReady{suffix}");
            group.MapGet($"{path}/config", ModelMetadataEndpoints.Configuration).WithName($"modelConfig{suffix}");
            group.MapGet($"{path}/stats", ModelMetadataEndpoints.Statistics).WithName($"modelStatistics{suffix}");
            group.MapPost($"{path}/infer", InferAsync).WithName($"infer{suffix}");
        }

        RouteGroupBuilder repository = group.MapGroup("/repository");
        repository.MapPost("/index", RepositoryEndpoints.IndexAsync).WithName("repositoryIndex");
        repository.MapPost("/models/{name}/load", RepositoryEndpoints.LoadAsync).WithName("loadModel").AddEndpointFilter<ManagementGuard>();
        repository.MapPost("/models/{name}/unload", RepositoryEndpoints.UnloadAsync).WithName("unloadModel").AddEndpointFilter<ManagementGuard>();
    }

    private static Task InferAsync(HttpContext context, string name, string? version, InferenceEndpoint endpoint, CancellationToken cancellationToken) =>
        endpoint.HandleAsync(context, name, version, cancellationToken);

    private static Microsoft.AspNetCore.Http.HttpResults.JsonHttpResult<StatisticsAnswer> AllStatistics(ModelRepository repository) =>
        ModelMetadataEndpoints.Statistics(name: null, version: null, repository);
}
