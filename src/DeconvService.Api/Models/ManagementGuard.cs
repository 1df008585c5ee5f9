using System.Security.Cryptography;
using System.Text;
using DeconvService.Api.Errors;

namespace DeconvService.Api.Models;

/// <summary>Lets a management call through when management is enabled and the call brings the key. Looks at headers only, so no body is read for a stranger.</summary>
internal sealed class ManagementGuard(ManagementOptions options) : IEndpointFilter
{
    /// <summary>The header with the key.</summary>
    public const string Header = "X-Api-Key";

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

        string given = context.HttpContext.Request.Headers[Header].ToString();
        if (given.Length == 0)
            throw Unauthorized($"this call needs the header {Header}");

        if (!IsSame(given, options.ApiKey!))
            throw Unauthorized($"the header {Header} has the wrong key");

        return next(context);
    }

    // Hashes have one length, so that neither length nor content of the key shows in the time that the comparison takes.
    private static bool IsSame(string given, string expected) => CryptographicOperations.FixedTimeEquals(
        SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(expected)));

    private static ServiceException Unauthorized(string detail) =>
        new(new ServiceFault(ServiceErrorKind.Unauthorized, detail) { Facts = [new("header", Header)] });
}
