namespace DeconvService.Api.Errors;

/// <summary>One thing that is wrong with a request: a kind of the closed list, a sentence, and the facts as data.</summary>
/// <param name="Kind">Which error it is; gives status, code and title.</param>
/// <param name="Detail">What was found and what was expected, in a sentence for the client.</param>
public sealed record ServiceFault(ServiceErrorKind Kind, string Detail)
{
    /// <summary>The error's code where the kind has several, as the engine's size rules have; null takes the kind's own.</summary>
    public string? Code { get; init; }

    /// <summary>The title where the kind has several; null takes the kind's own.</summary>
    public string? Title { get; init; }

    /// <summary>The numbers and names of the sentence, in the order in which they are shown.</summary>
    public IReadOnlyList<KeyValuePair<string, object>> Facts { get; init; } = [];

    /// <summary>Single changes that would make the request work, smallest first.</summary>
    public IReadOnlyList<IReadOnlyList<KeyValuePair<string, object>>> Suggestions { get; init; } = [];
}

/// <summary>A request cannot be served; carries every fault that was found. The error handler turns it into the answer.</summary>
public sealed class ServiceException : Exception
{
    /// <summary>Makes the exception of one or more faults.</summary>
    public ServiceException(params IReadOnlyList<ServiceFault> faults)
        : base(string.Join("; ", faults.Select(fault => fault.Detail))) => Faults = faults;

    /// <summary>What is wrong, most important first; the first one's kind gives the status.</summary>
    public IReadOnlyList<ServiceFault> Faults { get; }
}
