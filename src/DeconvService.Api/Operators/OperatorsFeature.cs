using DeconvService.Api.Limits;
using DeconvService.Api.Tensors;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using Microsoft.OpenApi;

namespace DeconvService.Api.Operators;

/// <summary>Convolution, transposed convolution, and the calculators of their shapes.</summary>
internal static class OperatorsFeature
{
    public static IServiceCollection AddOperators(this IServiceCollection services)
    {
        services.AddSingleton(provider => provider.GetRequiredService<ConvolutionEngine>().Buffers);
        services.AddSingleton(provider => new TensorLimits { TensorElements = provider.GetRequiredService<LimitsOptions>().TensorElements });
        services.AddSingleton<OperatorRequestReader>();
        services.AddSingleton<OperatorEndpoints>();
        return services;
    }

    public static void MapOperators(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder group = app.MapGroup("/v1").WithTags("Operators");
        group.MapPost("/conv", ConvAsync).WithName("conv").Describe(OperatorsOpenApi.DescribeCompute, ConvKind.Convolution);
        group.MapPost("/conv-transpose", ConvTransposeAsync).WithName("convTranspose")
            .Describe(OperatorsOpenApi.DescribeCompute, ConvKind.Transposed);
        group.MapPost("/conv/shape", ConvShapeAsync).WithName("convShape").Describe(OperatorsOpenApi.DescribeShape, ConvKind.Convolution);
        group.MapPost("/conv-transpose/shape", ConvTransposeShapeAsync).WithName("convTransposeShape")
            .Describe(OperatorsOpenApi.DescribeShape, ConvKind.Transposed);
    }

    private static Task ConvAsync(HttpContext context, OperatorEndpoints endpoints, CancellationToken cancellationToken) =>
        endpoints.ComputeAsync(context, ConvKind.Convolution, cancellationToken);

    private static Task ConvTransposeAsync(HttpContext context, OperatorEndpoints endpoints, CancellationToken cancellationToken) =>
        endpoints.ComputeAsync(context, ConvKind.Transposed, cancellationToken);

    private static Task<ShapeAnswer> ConvShapeAsync(HttpContext context, OperatorEndpoints endpoints, CancellationToken cancellationToken) =>
        endpoints.ShapeAsync(context, ConvKind.Convolution, cancellationToken);

    private static Task<ShapeAnswer> ConvTransposeShapeAsync(HttpContext context, OperatorEndpoints endpoints, CancellationToken cancellationToken) =>
        endpoints.ShapeAsync(context, ConvKind.Transposed, cancellationToken);

    private static void Describe(
        this RouteHandlerBuilder endpoint, Action<OpenApiOperation, OpenApiDocument?, ConvKind> describe, ConvKind kind) =>
        endpoint.AddOpenApiOperationTransformer((operation, context, _) =>
        {
            describe(operation, context.Document, kind);
            return Task.CompletedTask;
        });
}
