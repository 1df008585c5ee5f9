using System.ComponentModel.DataAnnotations;

namespace DeconvService.Api.Models;

/// <summary>Who may change the networks: the section <c>Management</c> of the configuration.</summary>
public sealed class ManagementOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Management";

    /// <summary>Whether networks can be uploaded, deleted, loaded and unloaded. Default false.</summary>
    public bool Enabled { get; init; }

    /// <summary>What the header <c>X-Api-Key</c> of such a call has to say. Needed when <see cref="Enabled"/> is true.</summary>
    [KeyWhenEnabled]
    public string? ApiKey { get; init; }
}

/// <summary>A key must be given when management is enabled: an open door is refused at start.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class KeyWhenEnabledAttribute : ValidationAttribute
{
    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) =>
        validationContext.ObjectInstance is ManagementOptions { Enabled: true } && string.IsNullOrWhiteSpace(value as string)
            ? new ValidationResult($"{validationContext.DisplayName} must be set when {ManagementOptions.Section}:{nameof(ManagementOptions.Enabled)} is true.")
            : ValidationResult.Success;
}
