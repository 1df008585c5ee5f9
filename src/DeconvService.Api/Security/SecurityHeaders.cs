namespace DeconvService.Api.Security;

/// <summary>Headers that tell a browser how little it has to allow.</summary>
internal sealed class SecurityHeaders(RequestDelegate next)
{
    // The pages of the service need nothing but the service: scripts and styles in files, pictures from files and from memory.
    private const string Policy =
        "default-src 'self'; img-src 'self' data: blob:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
        + "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    // Swagger UI has scripts and styles in the page.
    private const string SwaggerPolicy = Policy + "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'";

    public Task InvokeAsync(HttpContext context)
    {
        // Set as the answer leaves: an error handler on the way clears what was set before.
        context.Response.OnStarting(static state =>
        {
            var context = (HttpContext)state;
            IHeaderDictionary headers = context.Response.Headers;
            headers.XContentTypeOptions = "nosniff";
            headers.XFrameOptions = "DENY";
            headers["Referrer-Policy"] = "no-referrer";
            headers["Cross-Origin-Opener-Policy"] = "same-origin";
            headers.ContentSecurityPolicy = context.Request.Path.StartsWithSegments("/swagger", StringComparison.Ordinal) ? SwaggerPolicy : Policy;
            return Task.CompletedTask;
        }, context);
        return next(context);
    }
}
