using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Models;

/// <summary>How the accuracy of a network's convolutions is said in a request.</summary>
internal static class AccuracyWord
{
    /// <summary>The words, for messages.</summary>
    public const string List = "default, exact or fast";

    /// <summary>Reads a word; upper and lower case are the same.</summary>
    public static bool TryParse(string? word, out Accuracy accuracy)
    {
        // Enum.TryParse alone would also take numbers.
        accuracy = default;
        return Enum.GetNames<Accuracy>().FirstOrDefault(known => known.Equals(word, StringComparison.OrdinalIgnoreCase)) is { } found
            && Enum.TryParse(found, out accuracy);
    }
}
