using DeconvService.Api.Limits;
using DeconvService.Api.Operators;
using DeconvService.Engine.Convolution;
using DeconvService.Imaging;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace DeconvService.Api.Images;

/// <summary>Pictures in, pictures out: filters and up-sampling, and pictures as tensors.</summary>
internal static class ImagesFeature
{
    public static IServiceCollection AddImages(this IServiceCollection services)
    {
        services.TryAddSingleton(provider => ImageCodec.Create(
            new ImageLimits { MaxPixels = provider.GetRequiredService<LimitsOptions>().ImageInputPixels }));
        services.AddSingleton<IImageTensorReader, ImageTensorReader>();
        services.AddSingleton<ImageEndpoint>();
        return services;
    }

    public static void MapImages(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder group = app.MapGroup("/v1/images").WithTags("Images");
        group.MapPost("/conv", ConvAsync).WithName("imageConv").AddOpenApiOperationTransformer((operation, context, _) =>
            ImagesOpenApi.DescribeFilter(operation, context.Document, ConvKind.Convolution));
        group.MapPost("/conv-transpose", ConvTransposeAsync).WithName("imageConvTranspose").AddOpenApiOperationTransformer((operation, context, _) =>
            ImagesOpenApi.DescribeFilter(operation, context.Document, ConvKind.Transposed));
        group.MapGet("/kernels", ImageKernelsEndpoint.List).WithName("imageKernels").AddOpenApiOperationTransformer((operation, context, _) =>
            ImagesOpenApi.DescribeKernels(operation, context.Document));
    }

    private static Task ConvAsync(HttpContext context, ImageEndpoint endpoint, CancellationToken cancellationToken) =>
        endpoint.HandleAsync(context, ConvKind.Convolution, cancellationToken);

    private static Task ConvTransposeAsync(HttpContext context, ImageEndpoint endpoint, CancellationToken cancellationToken) =>
        endpoint.HandleAsync(context, ConvKind.Transposed, cancellationToken);
}
