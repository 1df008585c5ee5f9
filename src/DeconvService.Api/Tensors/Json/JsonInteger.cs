using System.Text.Json;

namespace DeconvService.Api.Tensors.Json;

/// <summary>Reads whole numbers as JSON may write them: <c>2</c>, and also <c>2.0</c> and <c>1e3</c>, which JSON holds to be the same.</summary>
internal static class JsonInteger
{
    /// <summary>Reads the number that the reader stands on.</summary>
    /// <param name="reader">Stands on a token.</param>
    /// <param name="value">The number; one beyond 64 bits becomes the nearest that fits.</param>
    /// <returns>Whether it is a whole number.</returns>
    public static bool TryRead(ref Utf8JsonReader reader, out long value)
    {
        value = 0;
        if (reader.TokenType != JsonTokenType.Number)
            return false;

        if (reader.TryGetInt64(out value))
            return true;

        if (reader.TryGetDecimal(out decimal exact))
        {
            // decimal rounds 1e-40 to 0, double rounds 1.00000000000000001 to 1: both have to agree.
            value = (long)Math.Clamp(exact, long.MinValue, long.MaxValue);
            return decimal.IsInteger(exact) && reader.TryGetDouble(out double rounded) && double.IsInteger(rounded);
        }

        // Beyond decimal's 7.9e28, so no fraction is left to look at.
        value = reader.TryGetDouble(out double huge) && huge < 0 ? long.MinValue : long.MaxValue;
        return true;
    }
}
