using DeconvService.Api.Errors;
using DeconvService.Api.Limits;

namespace DeconvService.Api.Tensors;

/// <summary>Makes the exceptions of tensors that cannot be read.</summary>
internal static class TensorFaults
{
    private const int LongestName = 64;

    /// <summary>The bytes are not what their media type says.</summary>
    /// <param name="detail">What was found and what was expected.</param>
    /// <param name="field">The place as a path, such as <c>input.data[3][7]</c>, or null.</param>
    /// <param name="offset">The place as a byte offset in the body or part, or null.</param>
    public static ServiceException Malformed(string detail, string? field = null, long? offset = null) =>
        new(At(ServiceErrorKind.Malformed, detail, field, offset));

    /// <summary>A field has a value of the wrong kind or out of its range.</summary>
    public static ServiceException Invalid(string field, string detail, long? offset = null) =>
        new(At(ServiceErrorKind.InvalidField, detail, field, offset));

    /// <summary>One fault at a place of the request.</summary>
    public static ServiceFault At(ServiceErrorKind kind, string detail, string? field, long? offset = null)
    {
        var facts = new List<KeyValuePair<string, object>>(2);
        if (field is not null)
            facts.Add(new("field", field));
        if (offset is not null)
            facts.Add(new("offset", offset.Value));

        return new ServiceFault(kind, offset is null ? detail : $"{detail} (byte {offset})") { Facts = facts };
    }

    /// <summary>A tensor has more elements than it may have.</summary>
    public static ServiceException TooManyElements(string field, long elements, TensorLimits limits) =>
        TooLarge.Exception(field, "elements or more", elements, limits.TensorElements, nameof(LimitsOptions.TensorElements));

    /// <summary>A name of the client's as it is repeated in a message: cut where it is long.</summary>
    public static string Shorten(string name) => name.Length <= LongestName ? name : $"{name.AsSpan(0, LongestName)}...";
}
