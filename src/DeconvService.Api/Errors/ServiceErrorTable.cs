namespace DeconvService.Api.Errors;

/// <summary>What each <see cref="ServiceErrorKind"/> means over HTTP: the one place that gives errors their status.</summary>
public static class ServiceErrorTable
{
    private static readonly Dictionary<ServiceErrorKind, ServiceErrorRow> Rows = new()
    {
        [ServiceErrorKind.Malformed] = new(400, "malformed", "The body cannot be parsed"),
        [ServiceErrorKind.BrokenImage] = new(400, "broken-image", "The picture cannot be read"),
        [ServiceErrorKind.Unauthorized] = new(401, "unauthorized", "A valid key is needed"),
        [ServiceErrorKind.Forbidden] = new(403, "forbidden", "This call is switched off"),
        [ServiceErrorKind.NotFound] = new(404, "not-found", "There is nothing here"),
        [ServiceErrorKind.MethodNotAllowed] = new(405, "method-not-allowed", "This method is not served here"),
        [ServiceErrorKind.NotAcceptable] = new(406, "not-acceptable", "No accepted media type can be written"),
        [ServiceErrorKind.BodyTooSlow] = new(408, "body-too-slow", "The body came too slowly"),
        [ServiceErrorKind.TooLarge] = new(413, "too-large", "The request is over a limit"),
        [ServiceErrorKind.UnsupportedMediaType] = new(415, "unsupported-media-type", "This media type is not read here"),
        [ServiceErrorKind.UnknownField] = new(422, "unknown-field", "There is no such field"),
        [ServiceErrorKind.MissingField] = new(422, "missing-field", "A required field is missing"),
        [ServiceErrorKind.InvalidField] = new(422, "invalid-field", "A field has a value that it cannot have"),
        [ServiceErrorKind.InvalidShape] = new(422, "invalid-shape", "The sizes do not fit together"),
        [ServiceErrorKind.NotRepresentable] = new(422, "not-representable", "The result has numbers that JSON cannot say"),
        [ServiceErrorKind.UnsupportedOperators] = new(422, "unsupported-operators", "The network has operators that are not supported"),
        [ServiceErrorKind.InvalidModel] = new(422, "invalid-model", "The network is broken"),
        [ServiceErrorKind.QueueFull] = new(429, "queue-full", "Too many requests are waiting"),
        [ServiceErrorKind.Internal] = new(500, "internal-error", "The service failed"),
        [ServiceErrorKind.Unavailable] = new(503, "unavailable", "The service is not available"),
        [ServiceErrorKind.TimedOut] = new(503, "timed-out", "The time limit of a request passed"),
    };

    /// <summary>Status, code and title of a kind.</summary>
    public static ServiceErrorRow Of(ServiceErrorKind kind) => Rows[kind];

    /// <summary>The kind that stands for an HTTP status that carries no more than its number.</summary>
    public static ServiceErrorKind KindOf(int status) => status switch
    {
        401 => ServiceErrorKind.Unauthorized,
        403 => ServiceErrorKind.Forbidden,
        404 => ServiceErrorKind.NotFound,
        405 => ServiceErrorKind.MethodNotAllowed,
        406 => ServiceErrorKind.NotAcceptable,
        408 => ServiceErrorKind.BodyTooSlow,
        413 => ServiceErrorKind.TooLarge,
        415 => ServiceErrorKind.UnsupportedMediaType,
        422 => ServiceErrorKind.InvalidField,
        429 => ServiceErrorKind.QueueFull,
        503 => ServiceErrorKind.Unavailable,
        >= 500 => ServiceErrorKind.Internal,
        _ => ServiceErrorKind.Malformed,
    };
}

/// <summary>One row of <see cref="ServiceErrorTable"/>.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Code">Stable name; <c>urn:deconv:</c> and the code make the problem's type.</param>
/// <param name="Title">The same for every occurrence.</param>
public sealed record ServiceErrorRow(int Status, string Code, string Title);
