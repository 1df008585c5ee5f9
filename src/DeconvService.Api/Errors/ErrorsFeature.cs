using Microsoft.AspNetCore.Diagnostics;

namespace DeconvService.Api.Errors;

/// <summary>Every error answers problem+json with its facts, the same in Development and Production.</summary>
internal static class ErrorsFeature
{
    public static IServiceCollection AddErrors(this IServiceCollection services)
    {
        services.AddSingleton<ErrorResponses>();
        services.AddSingleton<IExceptionHandler>(provider => provider.GetRequiredService<ErrorResponses>());

        // Otherwise a parameter that cannot be read is an empty 400 in Production and a page of its own in Development.
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        return services;
    }

    public static void UseErrors(this IApplicationBuilder app)
    {
        // The handler always answers; the empty branch is only what the middleware insists on.
        app.UseExceptionHandler(_ => { });
        app.UseStatusCodePages(context => context.HttpContext.RequestServices.GetRequiredService<ErrorResponses>().WriteStatusAsync(context.HttpContext));
    }

    /// <summary>Answers with an error from a place that cannot throw, such as a time-out.</summary>
    public static Task WriteErrorAsync(this HttpContext context, params IReadOnlyList<ServiceFault> faults) =>
        context.RequestServices.GetRequiredService<ErrorResponses>().WriteAsync(context, faults);
}
