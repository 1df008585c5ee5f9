using DeconvService.Api.Errors;

namespace DeconvService.Api.Tensors;

/// <summary>Names of fields, and which one was probably meant.</summary>
internal static class FieldNames
{
    private const int LongestCompared = 64;

    /// <summary>The fault for a name that does not exist.</summary>
    /// <param name="name">The name that was found.</param>
    /// <param name="known">The names that exist.</param>
    /// <param name="parent">The field that holds it, or null at the top.</param>
    public static ServiceFault Unknown(string name, IReadOnlyList<string> known, string? parent = null)
    {
        string shown = TensorFaults.Shorten(name);
        string nearest = Nearest(name, known);
        string field = parent is null ? shown : $"{parent}.{shown}";
        return new ServiceFault(ServiceErrorKind.UnknownField, $"there is no field {field}; the nearest known name is {nearest}")
        {
            Facts = [new("field", field), new("nearest", nearest), new("known", known.ToArray())],
        };
    }

    /// <summary>The known name with the smallest edit distance, letter case, <c>_</c> and <c>-</c> left out of account.</summary>
    public static string Nearest(string name, IReadOnlyList<string> known)
    {
        string plain = Plain(name);
        return known.MinBy(candidate => Distance(plain, Plain(candidate)))!;
    }

    private static string Plain(string name)
    {
        string cut = name.Length <= LongestCompared ? name : name[..LongestCompared];
        return string.Concat(cut.Where(c => c is not ('_' or '-')).Select(char.ToLowerInvariant));
    }

    // Levenshtein's distance by rows: insertions, deletions and substitutions all cost 1.
    private static int Distance(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 0; i < from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 0; j < to.Length; j++)
            {
                int substituted = diagonal + (from[i] == to[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(substituted, Math.Min(row[j], diagonal) + 1);
            }
        }

        return row[to.Length];
    }
}
