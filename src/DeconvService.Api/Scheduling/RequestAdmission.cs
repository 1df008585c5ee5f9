namespace DeconvService.Api.Scheduling;

/// <summary>
/// The first step of admission, for every request that brings a body to an endpoint: it waits here, unread, until there is memory for it.
/// </summary>
internal sealed class RequestAdmission(RequestDelegate next, ComputeQueue queue)
{
    public async Task InvokeAsync(HttpContext context)
    {
        string method = context.Request.Method;
        if (context.GetEndpoint() is null || !(HttpMethods.IsPost(method) || HttpMethods.IsPut(method)))
        {
            await next(context);
            return;
        }

        using IDisposable place = await queue.AdmitAsync(context.Request.ContentLength, context.RequestAborted);
        await next(context);
    }
}
