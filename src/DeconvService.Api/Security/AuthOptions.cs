using System.ComponentModel.DataAnnotations;

namespace DeconvService.Api.Security;

/// <summary>Who may call the service: the section <c>Auth</c> of the configuration.</summary>
public sealed class AuthOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Auth";

    /// <summary>
    /// Keys of which one must stand in the header <c>X-Api-Key</c> of every call but health checks. Empty, the default, asks for none.
    /// Several keys let one be replaced by another without a break.
    /// </summary>
    [NoBlanks(ErrorMessage = "{0} must not hold an empty key.")]
    public string[] ApiKeys { get; init; } = [];
}

/// <summary>No element is empty or white space: a variable that was left empty must not open the door.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class NoBlanksAttribute : ValidationAttribute
{
    public override bool IsValid(object? value) => value is string[] texts && !texts.Any(string.IsNullOrWhiteSpace);
}
