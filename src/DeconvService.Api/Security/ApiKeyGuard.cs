using DeconvService.Api.Errors;
using DeconvService.Api.Models;
using Microsoft.Extensions.Primitives;

namespace DeconvService.Api.Security;

/// <summary>
/// Lets a request through that brings one of <see cref="AuthOptions.ApiKeys"/>. The key of the management calls is as good: they stand in the
/// same header, and who may change the networks may use them.
/// </summary>
internal sealed class ApiKeyGuard(RequestDelegate next, AuthOptions auth, ManagementOptions management)
{
    private readonly ApiKey[] _keys =
    [
        .. auth.ApiKeys.Select(key => new ApiKey(key)),
        .. management is { Enabled: true, ApiKey: { } key } ? [new ApiKey(key)] : Array.Empty<ApiKey>(),
    ];

    public Task InvokeAsync(HttpContext context)
    {
        if (auth.ApiKeys.Length == 0 || IsHealthCheck(context.Request.Path))
            return next(context);

        StringValues given = context.Request.Headers[ApiKey.Header];
        bool known = false;
        foreach (ApiKey key in _keys)
            known |= key.Is(given.ToString()); // all of them, whichever fits

        if (known)
            return next(context);

        context.Response.OnStarting(() =>
        {
            context.Response.Headers.WWWAuthenticate = $"ApiKey realm=\"DeconvService\", header=\"{ApiKey.Header}\"";
            return Task.CompletedTask;
        });
        throw new ServiceException(new ServiceFault(
            ServiceErrorKind.Unauthorized,
            StringValues.IsNullOrEmpty(given) ? $"this call needs the header {ApiKey.Header}" : $"the header {ApiKey.Header} has no key that is known here")
        {
            Facts = [new("header", ApiKey.Header)],
        });
    }

    private static bool IsHealthCheck(PathString path) =>
        path.StartsWithSegments("/health", StringComparison.Ordinal) || path.StartsWithSegments("/v2/health", StringComparison.Ordinal);
}
