using System.Globalization;
using DeconvService.Imaging;
using DeconvService.Api.Observability;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace DeconvService.Api.Errors;

/// <summary>Answers a request with an error, whether it was thrown or is an empty status of the framework's routing.</summary>
internal sealed partial class ErrorResponses(
    IEnumerable<IErrorWriter> writers, EndpointDataSource endpoints, ServiceMetrics metrics, ILogger<ErrorResponses> logger)
    : IExceptionHandler
{
    /// <summary>The client closed the connection; nginx's number, seen in the log only.</summary>
    public const int ClientClosedRequest = 499;

    /// <inheritdoc/>
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        IReadOnlyList<ServiceFault> faults = ErrorMapping.FaultsOf(exception);
        if (ServiceErrorTable.Of(faults[0].Kind).Status == StatusCodes.Status500InternalServerError)
            LogUnhandled(exception, httpContext.Request.Method, httpContext.Request.Path.ToUriComponent());
        else if (exception is OutOfMemoryException)
            LogOutOfMemory(exception, httpContext.Request.Path.ToUriComponent());
        else if (exception is ImageException { LibraryMessage: { } words })
            LogPicture(httpContext.Request.Path, words);

        await WriteAsync(httpContext, faults);
        return true;
    }

    /// <summary>Answers with <paramref name="faults"/> in the form that belongs to the path.</summary>
    public async Task WriteAsync(HttpContext context, IReadOnlyList<ServiceFault> faults)
    {
        if (faults[0].Kind is ServiceErrorKind.QueueFull or ServiceErrorKind.Unavailable)
            context.Response.Headers.RetryAfter = RetryAfterOf(faults[0]);

        ServiceErrorRow row = ServiceErrorTable.Of(faults[0].Kind);
        if (row.Status is StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden
            or StatusCodes.Status413PayloadTooLarge or StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
            metrics.Rejected(row.Code);

        IErrorWriter? writer = writers.FirstOrDefault(candidate => candidate.AppliesTo(context.Request));
        await (writer is null ? ProblemWriter.WriteAsync(context, faults) : writer.WriteAsync(context, faults));
    }

    /// <summary>Gives a body to the empty 404, 405, ... that routing answers; an OPTIONS request gets its Allow header without an error.</summary>
    public Task WriteStatusAsync(HttpContext context)
    {
        int status = context.Response.StatusCode;
        if (status == ClientClosedRequest)
            return Task.CompletedTask;

        if (status == StatusCodes.Status405MethodNotAllowed && HttpMethods.IsOptions(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        }

        return WriteAsync(context, [FaultOf(context, status)]);
    }

    private ServiceFault FaultOf(HttpContext context, int status)
    {
        string path = context.Request.Path.ToUriComponent();
        switch (status)
        {
            case StatusCodes.Status404NotFound:
                return new ServiceFault(ServiceErrorKind.NotFound, $"there is nothing at {path}; see \"routes\" for what there is")
                {
                    Facts = [new("path", path), new("routes", Routes())],
                };
            case StatusCodes.Status405MethodNotAllowed:
                string[] allowed = context.Response.Headers.GetCommaSeparatedValues(HeaderNames.Allow);
                return new ServiceFault(
                    ServiceErrorKind.MethodNotAllowed, $"{path} does not serve {context.Request.Method}, only {string.Join(", ", allowed)}")
                {
                    Facts = [new("method", context.Request.Method), new("allowed", allowed)],
                };
            default:
                ServiceErrorKind kind = ServiceErrorTable.KindOf(status);
                return new ServiceFault(kind, ServiceErrorTable.Of(kind).Title);
        }
    }

    private string[] Routes() =>
    [
        .. endpoints.Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>() is null)
            .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [])
                .Where(method => !HttpMethods.IsHead(method))
                .Select(method => $"{method} {endpoint.RoutePattern.RawText}"))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal),
    ];

    private static string RetryAfterOf(ServiceFault fault) =>
        fault.Facts.FirstOrDefault(fact => fact.Key.Equals("retryAfterSeconds", StringComparison.Ordinal)).Value is IFormattable seconds
            ? seconds.ToString(format: null, CultureInfo.InvariantCulture)
            : "1";

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private partial void LogUnhandled(Exception exception, string method, string path);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "No memory was left for {Path}")]
    private partial void LogOutOfMemory(Exception exception, string path);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "A picture for {Path} was refused, the image library says: {Words}")]
    private partial void LogPicture(PathString path, string words);
}
