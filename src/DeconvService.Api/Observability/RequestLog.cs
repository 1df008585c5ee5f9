using System.Diagnostics;
using DeconvService.Api.Errors;

namespace DeconvService.Api.Observability;

/// <summary>Writes exactly one line a request, and never any of its data.</summary>
internal sealed partial class RequestLog(RequestDelegate next, ILogger<RequestLog> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        long start = Stopwatch.GetTimestamp();
        string path = context.Request.Path.ToUriComponent(); // percent-encoded: a line break in it makes no second line
        RequestFacts facts = RequestFacts.Of(context);
        bool failed = true;
        try
        {
            await next(context);
            failed = false;
        }
        finally
        {
            // What is thrown up to here broke off an answer that had begun: the status that was sent is not what happened.
            int status = context.RequestAborted.IsCancellationRequested ? ErrorResponses.ClientClosedRequest
                : failed ? StatusCodes.Status500InternalServerError
                : context.Response.StatusCode;
            double milliseconds = Math.Round(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 1);
            string traceId = ProblemWriter.TraceIdOf(context);
            if (facts.Shapes is null)
                LogRequest(context.Request.Method, path, status, milliseconds, traceId);
            else
                LogComputation(context.Request.Method, path, status, milliseconds, facts.Shapes, facts.Algorithm ?? "none", traceId);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "{Method} {Path} {Status} in {Milliseconds} ms, trace {TraceId}")]
    private partial void LogRequest(string method, string path, int status, double milliseconds, string traceId);

    [LoggerMessage(
        EventId = 2,
        Level = LogLevel.Information,
        Message = "{Method} {Path} {Status} in {Milliseconds} ms, {Shapes} by {Algorithm}, trace {TraceId}")]
    private partial void LogComputation(
        string method, string path, int status, double milliseconds, string shapes, string algorithm, string traceId);
}
