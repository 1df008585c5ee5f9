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
        group.MapGet("", ServerEndpoints.Describe).WithName("serverMetadata").Describe(
            "What the server is", """{"name":"deconv-service","version":"1.0.0","extensions":["binary_tensor_data"]}""", [500]);
        group.MapMethods("/health/live", GetAndHead, ServerEndpoints.Live).WithName("serverLive").Describe(
            "The process is alive", """{"live":true}""", [500]);
        group.MapMethods("/health/ready", GetAndHead, ServerEndpoints.Ready).WithName("serverReady").Describe(
            "All networks are ready", """{"live":true,"ready":true}""", [500, 503]);
        group.MapGet("/models/stats", AllStatistics).WithName("allStatistics").Describe(
            "What all networks have done", InferenceOpenApi.Statistics, [500]);
        MapModel(group, "/models/{name}", nameSuffix: "");
        MapModel(group, "/models/{name}/versions/{version}", nameSuffix: "Version");
        MapRepository(group.MapGroup("/repository"));
    }

    private static void MapModel(RouteGroupBuilder group, string path, string nameSuffix)
    {
        group.MapGet(path, ModelMetadataEndpoints.Describe).WithName($"modelMetadata{nameSuffix}").Describe(
            "Inputs and outputs of a network", InferenceOpenApi.Metadata, [404, 500, 503]);
        group.MapMethods($"{path}/ready", GetAndHead, ModelMetadataEndpoints.Ready).WithName($"modelReady{nameSuffix}").Describe(
            "The network takes requests", """{"name":"upconv7-scale2x","ready":true}""", [404, 500, 503]);
        group.MapGet($"{path}/config", ModelMetadataEndpoints.Configuration).WithName($"modelConfig{nameSuffix}").Describe(
            "Configuration of a network", InferenceOpenApi.Configuration, [404, 500, 503]);
        group.MapGet($"{path}/stats", ModelMetadataEndpoints.Statistics).WithName($"modelStatistics{nameSuffix}").Describe(
            "What a network has done", InferenceOpenApi.Statistics, [404, 500]);
        InferenceOpenApi.DescribeInfer(group.MapPost($"{path}/infer", InferAsync).WithName($"infer{nameSuffix}"));
    }

    private static void MapRepository(RouteGroupBuilder repository)
    {
        int[] errors = [400, 401, 403, 404, 500, 501, 503];
        repository.MapPost("/index", RepositoryEndpoints.IndexAsync).WithName("repositoryIndex").Describe(
            "List the repository", """[{"name":"upconv7-scale2x","version":"1","state":"READY","reason":""}]""", [400, 413, 500], request: """{"ready":true}""");
        repository.MapPost("/models/{name}/load", RepositoryEndpoints.LoadAsync).WithName("loadModel").AddEndpointFilter<ManagementGuard>()
            .Describe("Load a network, or load it again", answer: null, errors, isManagement: true);
        repository.MapPost("/models/{name}/unload", RepositoryEndpoints.UnloadAsync).WithName("unloadModel").AddEndpointFilter<ManagementGuard>()
            .Describe("Take a network out of memory", answer: null, errors, """{"parameters":{"unload_dependents":false}}""", isManagement: true);
    }

    private static Task InferAsync(HttpContext context, string name, string? version, InferenceEndpoint endpoint, CancellationToken cancellationToken) =>
        endpoint.HandleAsync(context, name, version, cancellationToken);

    private static Microsoft.AspNetCore.Http.HttpResults.JsonHttpResult<StatisticsAnswer> AllStatistics(ModelRepository repository) =>
        ModelMetadataEndpoints.Statistics(name: null, version: null, repository);
}
