using System.Text.Json;
using DeconvService.Api.Errors;

namespace DeconvService.Api.Inference;

/// <summary>Writes errors under <c>/v2</c> as the Open Inference Protocol has them: <c>{"error":"..."}</c>.</summary>
internal sealed class InferenceErrorWriter : IErrorWriter
{
    private const int MaximumFaults = 10;

    /// <inheritdoc/>
    public bool AppliesTo(HttpRequest request) => request.Path.StartsWithSegments("/v2", StringComparison.Ordinal);

    /// <inheritdoc/>
    public async Task WriteAsync(HttpContext context, IReadOnlyList<ServiceFault> faults)
    {
        string message = string.Join("; ", faults.Take(MaximumFaults).Select(fault => fault.Detail));
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(new InferenceError(message), InferenceJson.Options);
        context.Response.StatusCode = StatusOf(faults[0]);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    // The protocol has one status for everything that is wrong with a request.
    private static int StatusOf(ServiceFault fault)
    {
        if (string.Equals(fault.Code, InferenceFaults.NotImplementedCode, StringComparison.Ordinal))
            return StatusCodes.Status501NotImplemented;

        int status = ServiceErrorTable.Of(fault.Kind).Status;
        return status is StatusCodes.Status422UnprocessableEntity or StatusCodes.Status415UnsupportedMediaType or StatusCodes.Status406NotAcceptable
            ? StatusCodes.Status400BadRequest
            : status;
    }
}

/// <summary>The body of every error under <c>/v2</c>.</summary>
/// <param name="Error">What was found and what was expected.</param>
internal sealed record InferenceError(string Error);
