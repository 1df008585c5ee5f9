using Microsoft.OpenApi;

namespace DeconvService.Api.OpenApi;

/// <summary>The description of the service at <c>/openapi/v1.json</c>, Swagger UI over it at <c>/swagger</c>, and the front page.</summary>
internal static class OpenApiFeature
{
    private static readonly string[] LastTags = ["Operations", "Health"];

    public static IServiceCollection AddOpenApiDocument(this IServiceCollection services) => services.AddOpenApi("v1", options =>
        options.AddDocumentTransformer((document, _, _) =>
        {
            Complete(document);
            return Task.CompletedTask;
        }));

    public static void UseFrontPage(this IApplicationBuilder app)
    {
        app.UseDefaultFiles();
        app.UseStaticFiles(new StaticFileOptions { ServeUnknownFileTypes = true, DefaultContentType = "application/octet-stream" });
        app.UseSwaggerUI(ui =>
        {
            ui.RoutePrefix = "swagger";
            ui.DocumentTitle = "DeconvService";
            ui.SwaggerEndpoint("/openapi/v1.json", "DeconvService v1");
            ui.DefaultModelsExpandDepth(-1);
            ui.DisplayRequestDuration();
            ui.EnableTryItOutByDefault();
        });
    }

    public static void MapOpenApiDocument(this IEndpointRouteBuilder app) => app.MapOpenApi();

    private static void Complete(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = "DeconvService",
            Version = "v1",
            Description = """
                Convolution and transposed convolution ("deconvolution", as neural networks use the word; not the removal of blur) on CPUs.

                Arrays are row-major: activations are `(N, C, D1..Dn)` with one to three spatial axes. Kernels are never flipped: `conv` is
                cross-correlation as in PyTorch and ONNX, `conv-transpose` is its adjoint. Arithmetic and results are float32.

                Every example below works when it is executed as it stands. For the file parts, download
                [x.npy](/examples/x.npy) `(1, 1, 55, 55)` and [w.npy](/examples/w.npy) `(1, 1, 21, 21)`, or both in one
                [seed.npz](/examples/seed.npz).
                """,
        };
        document.Servers = null; // wherever the document was loaded from
        document.AddProblemSchema();

        // What the service is for comes first, what watches over it last.
        document.Tags = document.Tags?.OrderBy(tag => Array.IndexOf(LastTags, tag.Name)).ToHashSet();

        // HEAD is served wherever GET is; listing it twice helps nobody.
        foreach (IOpenApiPathItem path in document.Paths.Values)
            path.Operations?.Remove(HttpMethod.Head);
    }
}
