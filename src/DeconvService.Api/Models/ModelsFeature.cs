using DeconvService.Api.Configuration;
using DeconvService.Api.Limits;
using DeconvService.Api.Models.Pictures;
using DeconvService.Api.Models.Progress;
using DeconvService.Imaging;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace DeconvService.Api.Models;

/// <summary>Networks: their directory, what changes it, and pictures that go through them.</summary>
internal static class ModelsFeature
{
    public static IServiceCollection AddModels(this IServiceCollection services)
    {
        services.AddValidatedOptions<ModelsOptions>(ModelsOptions.Section);
        services.AddValidatedOptions<ManagementOptions>(ManagementOptions.Section);
        services.AddSingleton(provider => new ModelDirectory(Path.GetFullPath(
            provider.GetRequiredService<ModelsOptions>().Directory, provider.GetRequiredService<IHostEnvironment>().ContentRootPath)));
        services.AddSingleton<ModelRepository>();
        services.AddHostedService<ModelLoader>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ProgressRegistry>();
        services.TryAddSingleton(provider => ImageCodec.Create(
            new ImageLimits { MaxPixels = provider.GetRequiredService<LimitsOptions>().ImageInputPixels }));
        services.AddSingleton<PictureEndpoint>();
        return services;
    }

    public static void MapModels(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder group = app.MapGroup("/v1").WithTags("Models");
        ModelsOpenApi.DescribeList(group.MapGet("/models", ModelEndpoints.List).WithName("listModels"));
        ModelsOpenApi.DescribeDetails(group.MapGet("/models/{name}", ModelEndpoints.Describe).WithName("describeModel"));
        ModelsOpenApi.DescribePut(group.MapPut("/models/{name}", ModelEndpoints.PutAsync).WithName("putModel").AddEndpointFilter<ManagementGuard>());
        ModelsOpenApi.DescribeDelete(group.MapDelete("/models/{name}", ModelEndpoints.DeleteAsync).WithName("deleteModel").AddEndpointFilter<ManagementGuard>());
        ModelsOpenApi.DescribePicture(group.MapPost("/models/{name}/image", PictureAsync).WithName("modelImage"));
        ModelsOpenApi.DescribeProgress(group.MapGet("/progress/{id}", ProgressEndpoints.Follow).WithName("progress"));
    }

    private static Task PictureAsync(HttpContext context, string name, PictureEndpoint endpoint, CancellationToken cancellationToken) =>
        endpoint.HandleAsync(context, name, cancellationToken);
}
