using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.Extensions.Options;

namespace DeconvService.Api.Configuration;

/// <summary>Binds a section of the configuration to options that are checked before the service starts.</summary>
internal static class ValidatedOptions
{
    /// <summary>
    /// Binds <paramref name="section"/> to <typeparamref name="TOptions"/>. A value that cannot be read, a value out of the bounds of its
    /// attributes and a name that does not exist each stop the start with a sentence.
    /// </summary>
    public static IServiceCollection AddValidatedOptions<TOptions>(this IServiceCollection services, string section)
        where TOptions : class
    {
        services.AddOptions<TOptions>().BindConfiguration(section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<TOptions>>(provider =>
            new SectionValidator<TOptions>(section, provider.GetRequiredService<IConfiguration>()));

        // Features take the options themselves, not a wrapper: they do not change while the service runs.
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<TOptions>>().Value);
        return services;
    }

    /// <summary>Checks all options now, before the host logs that it failed to start.</summary>
    /// <exception cref="OptionsValidationException">Some value is out of its bounds, or some name does not exist.</exception>
    public static void ValidateConfiguration(this WebApplication app) => app.Services.GetRequiredService<IStartupValidator>().Validate();

    /// <summary>Says what is wrong with the configuration; false where the exception is about something else.</summary>
    public static bool Explain(Exception exception, TextWriter error)
    {
        IEnumerable<string> sentences = exception switch
        {
            OptionsValidationException validation => validation.Failures,
            InvalidOperationException { InnerException: not null } conversion
                when conversion.Message.StartsWith("Failed to convert configuration value", StringComparison.Ordinal) => [conversion.Message],
            _ => [],
        };
        foreach (string sentence in sentences)
            error.WriteLine($"The configuration is wrong: {sentence}");

        return sentences.Any();
    }

    private sealed class SectionValidator<TOptions>(string section, IConfiguration configuration) : IValidateOptions<TOptions>
        where TOptions : class
    {
        public ValidateOptionsResult Validate(string? name, TOptions options)
        {
            PropertyInfo[] properties = [.. typeof(TOptions).GetProperties().Where(property => property.CanWrite)];
            var failures = new List<string>();
            foreach (PropertyInfo property in properties)
            {
                object? value = property.GetValue(options);
                var context = new ValidationContext(options) { MemberName = property.Name, DisplayName = $"{section}:{property.Name}" };
                failures.AddRange(property.GetCustomAttributes<ValidationAttribute>()
                    .Select(attribute => attribute.GetValidationResult(value, context))
                    .Where(result => result != ValidationResult.Success)
                    .Select(result => $"{result!.ErrorMessage} It is {value}."));
            }

            failures.AddRange(configuration.GetSection(section).GetChildren()
                .Where(child => !properties.Any(property => property.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase)))
                .Select(child => $"There is no setting {child.Path}; {section} has {string.Join(", ", properties.Select(property => property.Name))}."));
            return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
        }
    }
}
