namespace DeconvService.Api.Errors;

/// <summary>
/// Writes errors in a form of its own for a part of the paths, such as <c>{"error":"..."}</c> under <c>/v2</c>.
/// A feature registers one in the container; where none applies, <see cref="ProblemWriter"/> writes problem+json.
/// </summary>
public interface IErrorWriter
{
    /// <summary>Whether this writer answers the request.</summary>
    bool AppliesTo(HttpRequest request);

    /// <summary>Sets the status, which the writer may choose otherwise than the table does, and writes the body.</summary>
    /// <param name="context">The request, whose response has not started.</param>
    /// <param name="faults">What is wrong, most important first; never empty.</param>
    Task WriteAsync(HttpContext context, IReadOnlyList<ServiceFault> faults);
}
