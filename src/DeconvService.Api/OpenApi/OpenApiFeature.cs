namespace DeconvService.Api.OpenApi;

/// <summary>The description of the service at <c>/openapi/v1.json</c>, Swagger UI over it at <c>/swagger</c>, and the front page.</summary>
internal static class OpenApiFeature
{
    public static IServiceCollection AddOpenApiDocument(this IServiceCollection services) => services.AddOpenApi("v1");

    public static void UseFrontPage(this IApplicationBuilder app)
    {
        app.UseDefaultFiles();
        app.UseStaticFiles();
        app.UseSwaggerUI(ui =>
        {
            ui.RoutePrefix = "swagger";
            ui.DocumentTitle = "DeconvService";
            ui.SwaggerEndpoint("/openapi/v1.json", "DeconvService v1");
        });
    }

    public static void MapOpenApiDocument(this IEndpointRouteBuilder app) => app.MapOpenApi();
}
