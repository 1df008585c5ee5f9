using DeconvService.Api.Errors;
using DeconvService.Api.Security;

namespace DeconvService.Api.Models;

/// <summary>Lets a management call through when management is enabled and the call brings the key. Looks at headers only, so no body is read for a stranger.</summary>
internal sealed class ManagementGuard(ManagementOptions options) : IEndpointFilter
{
    private readonly ApiKey? _key = options.ApiKey is { } key ? new ApiKey(key) : null;

    /// <inheritdoc/>
    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (!options.Enabled)
        {
            throw new ServiceException(new ServiceFault(
                ServiceErrorKind.Forbidden, $"networks cannot be changed here: {ManagementOptions.Section}:{nameof(options.Enabled)} is false")
            {
                Facts = [new("setting", $"{ManagementOptions.Section}:{nameof(options.Enabled)}")],
            });
        }

        string given = context.HttpContext.Request.Headers[ApiKey.Header].ToString();
        if (given.Length == 0)
            throw Unauthorized($"this call needs the header {ApiKey.Header}");

        if (!_key!.Is(given))
            throw Unauthorized($"the header {ApiKey.Header} has the wrong key");

        return next(context);
    }

    private static ServiceException Unauthorized(string detail) =>
        new(new ServiceFault(ServiceErrorKind.Unauthorized, detail) { Facts = [new("header", ApiKey.Header)] });
}
