using DeconvService.Api.Errors;

namespace DeconvService.Api.Limits;

/// <summary>The 413 of a limit: says the limit, the value, and the setting that raises it.</summary>
internal static class TooLarge
{
    /// <summary>Throws unless <paramref name="value"/> is within <paramref name="limit"/>.</summary>
    /// <param name="what">What is counted, as it begins the sentence: "the output".</param>
    /// <param name="unit">"bytes", "elements" or "pixels".</param>
    /// <param name="value">The value found.</param>
    /// <param name="limit">The most that is allowed.</param>
    /// <param name="setting">Name of the property of <see cref="LimitsOptions"/>.</param>
    /// <exception cref="ServiceException"><see cref="ServiceErrorKind.TooLarge"/></exception>
    public static void ThrowIfOver(string what, string unit, long value, long limit, string setting)
    {
        if (value > limit)
            throw Exception(what, unit, value, limit, setting);
    }

    /// <summary>The exception itself.</summary>
    public static ServiceException Exception(string what, string unit, long value, long limit, string setting)
    {
        string path = $"{LimitsOptions.Section}:{setting}";
        return new ServiceException(
            new ServiceFault(ServiceErrorKind.TooLarge, $"{what} has {value} {unit}, the limit is {limit} ({path} raises it)")
            {
                Facts = [new("limit", limit), new("value", value), new("unit", unit), new("setting", path)],
            });
    }
}
