using DeconvService.Api.Errors;

namespace DeconvService.Api.Inference;

/// <summary>Makes the exceptions of inference requests.</summary>
internal static class InferenceFaults
{
    /// <summary>Code of what the protocol knows and this service does not do: answered 501.</summary>
    public const string NotImplementedCode = "not-implemented";

    /// <summary>The header that says where the JSON ends and binary tensors begin.</summary>
    public const string HeaderLength = "Inference-Header-Content-Length";

    /// <summary>The request contradicts the protocol, the network or itself.</summary>
    public static ServiceException Invalid(string detail) => new(new ServiceFault(ServiceErrorKind.InvalidField, detail));

    /// <summary>A part of the protocol that is not served here.</summary>
    public static ServiceException NotImplemented(string detail) =>
        new(new ServiceFault(ServiceErrorKind.InvalidField, detail) { Code = NotImplementedCode });
}
