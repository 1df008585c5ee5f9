namespace DeconvService.Benchmarks;

/// <summary>Options of a command, written <c>--name value</c>.</summary>
internal sealed class CommandOptions
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>Reads the options.</summary>
    /// <exception cref="ArgumentException">An option is unknown or lacks its value.</exception>
    public static CommandOptions Parse(string[] args, params string[] names)
    {
        var options = new CommandOptions();
        for (int i = 0; i < args.Length; i += 2)
        {
            string name = args[i].StartsWith("--", StringComparison.Ordinal) ? args[i][2..] : "";
            if (!names.Contains(name, StringComparer.Ordinal) || i + 1 == args.Length)
                throw new ArgumentException($"'{args[i]}': the options are --{string.Join(" value, --", names)} value");

            options._values[name] = args[i + 1];
        }

        return options;
    }

    /// <summary>The value of an option, or what it is without one.</summary>
    public string Get(string name, string otherwise) => _values.GetValueOrDefault(name, otherwise);
}
