using System.IO.Pipelines;
using DeconvService.Api.Errors;
using Microsoft.AspNetCore.Http.Features;

namespace DeconvService.Api.Limits;

/// <summary>
/// Refuses bodies over <see cref="LimitsOptions.RequestBytes"/>, by their Content-Length before a byte is read, or as they are read where
/// there is none. It stands in for the server's own limit, whose answer says neither limit nor setting and cannot be followed by draining.
/// </summary>
/// <remarks>
/// A connection that is closed while the client still sends is reset, and the client may lose the answer that was sent before. So a refused
/// body is read on and thrown away for as long as <see cref="DrainTime"/>, and no further than once more the limit.
/// </remarks>
internal sealed class RequestBodyLimit(RequestDelegate next, LimitsOptions limits)
{
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(30);

    public async Task InvokeAsync(HttpContext context)
    {
        long? length = context.Request.ContentLength;
        PipeReader body = context.Request.BodyReader;
        if (length is null && context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != false)
        {
            var limited = new LimitedPipeReader(body, limits.RequestBytes);
            context.Features.Set<IRequestBodyPipeFeature>(limited);
            context.Request.Body = limited.AsStream(leaveOpen: true);
        }

        if (length > limits.RequestBytes)
        {
            ServiceException refusal = TooLarge.Exception(
                "the body", "bytes", length.Value, limits.RequestBytes, nameof(LimitsOptions.RequestBytes));
            context.Response.Headers.Connection = "close";
            await context.WriteErrorAsync(refusal.Faults);
        }
        else
        {
            await next(context);
        }

        if (context.Response.StatusCode is StatusCodes.Status413PayloadTooLarge or StatusCodes.Status429TooManyRequests)
            await DrainAsync(context, body);
    }

    private async Task DrainAsync(HttpContext context, PipeReader body)
    {
        // A client that waits for "100 Continue" sends nothing and needs no draining.
        if (context.Request.Headers.Expect.Count > 0 || !HttpProtocol.IsHttp11(context.Request.Protocol))
            return;

        try
        {
            await context.Response.CompleteAsync();
            using var time = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            time.CancelAfter(DrainTime);
            for (long drained = 0; drained < limits.RequestBytes;)
            {
                ReadResult read = await body.ReadAsync(time.Token);
                drained += read.Buffer.Length;
                body.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The client has gone, or will not stop, or the reader was left in the middle: the server closes the connection.
        }
    }
}
