namespace DeconvService.Api.Errors;

/// <summary>The closed list of what can go wrong. <c>ServiceErrorTable</c> gives each its status, code and title.</summary>
public enum ServiceErrorKind
{
    /// <summary>400: the bytes are not what their media type says (JSON syntax, a broken .npy).</summary>
    Malformed,

    /// <summary>400: the bytes are no picture that can be read.</summary>
    BrokenImage,

    /// <summary>404: no such route, model or running request.</summary>
    NotFound,

    /// <summary>405</summary>
    MethodNotAllowed,

    /// <summary>406: no media type of Accept can be written.</summary>
    NotAcceptable,

    /// <summary>415: the media type of the body is not read here.</summary>
    UnsupportedMediaType,

    /// <summary>408: the body came so slowly that the server stopped waiting.</summary>
    BodyTooSlow,

    /// <summary>413: body, elements or pixels over a limit; facts: limit, value, setting.</summary>
    TooLarge,

    /// <summary>422: a field that does not exist; facts: field, nearest.</summary>
    UnknownField,

    /// <summary>422: a required field is missing.</summary>
    MissingField,

    /// <summary>422: a field has a value of the wrong kind or out of its range.</summary>
    InvalidField,

    /// <summary>422: sizes that do not fit together; the code is the engine's rule.</summary>
    InvalidShape,

    /// <summary>422: a NaN or infinity that JSON cannot say.</summary>
    NotRepresentable,

    /// <summary>422: a network with operators that are not supported; facts: operators.</summary>
    UnsupportedOperators,

    /// <summary>422: a network that is broken; facts: node.</summary>
    InvalidModel,

    /// <summary>401: the key is missing or wrong.</summary>
    Unauthorized,

    /// <summary>403: the call is switched off.</summary>
    Forbidden,

    /// <summary>429: the queue is full.</summary>
    QueueFull,

    /// <summary>503: shutting down, loading, or no image codec.</summary>
    Unavailable,

    /// <summary>503: the time limit of a request passed.</summary>
    TimedOut,

    /// <summary>500: a defect of the service; the detail says nothing but the trace id.</summary>
    Internal,
}
