using DeconvService.Api.Configuration;
using DeconvService.Api.Errors;
using DeconvService.Api.Health;
using DeconvService.Api.Images;
using DeconvService.Api.Inference;
using DeconvService.Api.Limits;
using DeconvService.Api.Models;
using DeconvService.Api.Observability;
using DeconvService.Api.OpenApi;
using DeconvService.Api.Operators;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Security;

if (HealthCheckCommand.IsAskedFor(args))
    return await HealthCheckCommand.RunAsync();

try
{
    // The defaults and the pages lie beside the program, whatever folder it is started from.
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
    builder.AddObservability();
    builder.Services
        .AddErrors()
        .AddLimits()
        .AddSecurity()
        .AddScheduling()
        .AddHealth()
        .AddOperators()
        .AddImages()
        .AddModels()
        .AddInference()
        .AddOpenApiDocument();

    var app = builder.Build();
    app.ValidateConfiguration();
    app.UseObservability();
    app.UseSecurityHeaders();
    app.UseBodyLimit();
    app.UseErrors();
    app.UseSecurity();
    app.UseTimeLimit();
    app.UseScheduling();
    app.UseFrontPage();
    app.MapHealth();
    app.MapServiceMetrics();
    app.MapOperators();
    app.MapImages();
    app.MapModels();
    app.MapInference();
    app.MapOpenApiDocument();
    app.Run();
    return 0;
}
catch (Exception exception) when (ValidatedOptions.Explain(exception, Console.Error))
{
    return 1;
}
