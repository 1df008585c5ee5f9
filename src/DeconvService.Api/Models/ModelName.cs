using System.Text.RegularExpressions;
using DeconvService.Api.Errors;

namespace DeconvService.Api.Models;

/// <summary>Names of networks and of their versions. They become names of files, so nothing else is let through.</summary>
internal static partial class ModelName
{
    /// <summary>What a name looks like.</summary>
    public const string Pattern = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}";

    /// <summary>The version of a network that lies in the directory as <c>name.onnx</c>.</summary>
    public const string FirstVersion = "1";

    /// <summary>Orders versions: numbers by their value, before them what is no number.</summary>
    public static readonly IComparer<string> VersionOrder = Comparer<string>.Create(CompareVersions);

    /// <summary>Whether it may be a name or version.</summary>
    public static bool IsValid(string name) => Form().IsMatch(name);

    /// <summary>Throws unless it may be a name.</summary>
    /// <exception cref="ServiceException"><see cref="ServiceErrorKind.InvalidField"/></exception>
    public static void ThrowUnlessValid(string name)
    {
        if (!IsValid(name))
        {
            throw new ServiceException(new ServiceFault(
                ServiceErrorKind.InvalidField, "the name of a network has 1 to 128 letters, digits, '.', '_' and '-', and begins with a letter or digit")
            {
                Facts = [new("field", "name"), new("pattern", Pattern)],
            });
        }
    }

    private static int CompareVersions(string? a, string? b)
    {
        bool numberA = ulong.TryParse(a, out ulong valueA);
        bool numberB = ulong.TryParse(b, out ulong valueB);
        int order = numberA.CompareTo(numberB);
        if (order == 0)
            order = valueA.CompareTo(valueB);

        return order != 0 ? order : string.CompareOrdinal(a, b);
    }

    [GeneratedRegex($@"\A{Pattern}\z", RegexOptions.NonBacktracking)]
    private static partial Regex Form();
}
