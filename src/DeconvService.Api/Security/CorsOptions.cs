using System.ComponentModel.DataAnnotations;

namespace DeconvService.Api.Security;

/// <summary>Which web pages of other sites may call the service: the section <c>Cors</c> of the configuration.</summary>
public sealed class CorsOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Cors";

    /// <summary>Origins such as <c>https://example.org</c>, or <c>*</c> for every page. Empty, the default, allows none.</summary>
    [Origins(ErrorMessage = "{0} must hold origins such as https://example.org, without a path, or *.")]
    public string[] Origins { get; init; } = [];
}

/// <summary>Every element is <c>*</c>, or scheme, host and perhaps port and nothing else.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class OriginsAttribute : ValidationAttribute
{
    public override bool IsValid(object? value) => value is string[] origins && origins.All(IsOrigin);

    private static bool IsOrigin(string? text) =>
        string.Equals(text, "*", StringComparison.Ordinal)
        || (Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
            && uri.Scheme is "http" or "https"
            && string.Equals(uri.GetLeftPart(UriPartial.Authority), text, StringComparison.OrdinalIgnoreCase));
}
