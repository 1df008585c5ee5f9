using System.Text.Json;

namespace DeconvService.Api.Tensors.Json;

/// <summary>The text of JSON strings from outside.</summary>
internal static class JsonText
{
    /// <summary>
    /// The text of the string or name that <paramref name="reader"/> is at. A string that is well formed as JSON may still be no text: it has
    /// bytes that are not UTF-8, or an escape that is half of a surrogate pair. The reader throws for that only as the text is asked for.
    /// </summary>
    /// <returns>Whether it is text.</returns>
    public static bool TryGet(ref Utf8JsonReader reader, out string text)
    {
        try
        {
            text = reader.GetString() ?? string.Empty;
            return true;
        }
        catch (InvalidOperationException)
        {
            text = string.Empty;
            return false;
        }
    }
}
