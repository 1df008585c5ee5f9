using System.Net;
using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Tests.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DeconvService.Api.Tests.Errors;

public sealed class ErrorsTests
{
    public static TheoryData<string> Environments => ["Development", "Production"];

    [Theory, MemberData(nameof(Environments))]
    public async Task UnknownPath_ListsTheRoutes(string environment)
    {
        await using var app = new ServiceApp(environment);
        HttpResponseMessage response = await app.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/nope%0d%0aX"));
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.NotFound, "not-found");
        Assert.Contains("POST /v1/conv", problem.GetProperty("routes").EnumerateArray().Select(route => route.GetString()));
    }

    [Theory, MemberData(nameof(Environments))]
    public async Task WrongMethod_SaysWhatIsAllowed(string environment)
    {
        await using var app = new ServiceApp(environment);
        HttpResponseMessage response = await app.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/v1/conv"));
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.MethodNotAllowed, "method-not-allowed");
        Assert.Equal(["POST"], response.Content.Headers.Allow);
        Assert.Equal("POST", problem.GetProperty("allowed")[0].GetString());
    }

    [Fact]
    public async Task Options_AnswersAllowWithoutAnError()
    {
        await using var app = new ServiceApp();
        HttpResponseMessage response = await app.SendAsync(new HttpRequestMessage(HttpMethod.Options, "/v1/conv"));
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal(["POST"], response.Content.Headers.Allow);
    }

    [Fact]
    public async Task Head_IsServedWhereGetIs()
    {
        await using var app = new ServiceApp();
        foreach (string path in (string[])["/health/live", "/health/ready", "/"])
        {
            HttpResponseMessage response = await app.SendAsync(new HttpRequestMessage(HttpMethod.Head, path));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Theory, MemberData(nameof(Environments))]
    public async Task UnhandledException_AnswersTheTraceIdAndNothingElse(string environment)
    {
        await using var service = new ServiceApp(environment);
        await using WebApplicationFactory<Program> app = WithEndpoint(service, "/v1/broken", string () => throw new InvalidOperationException("secret"));
        HttpResponseMessage response = await app.CreateClient().GetAsync("/v1/broken", TestContext.Current.CancellationToken);
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.InternalServerError, "internal-error");
        Assert.DoesNotContain("secret", problem.GetRawText(), StringComparison.Ordinal);
        Assert.Contains(service.Log.Lines, line => line.Level == LogLevel.Error && line.Category.EndsWith("ErrorResponses", StringComparison.Ordinal));
        RecordedLine request = Assert.Single(service.Log.Requests);
        Assert.Equal(problem.GetProperty("traceId").GetString(), request.Values["TraceId"]);
    }

    [Theory, MemberData(nameof(Environments))]
    public async Task UnreadableParameter_Is400(string environment)
    {
        await using var service = new ServiceApp(environment);
        await using WebApplicationFactory<Program> app = WithEndpoint(service, "/v1/typed", (int number) => number);
        HttpResponseMessage response = await app.CreateClient().GetAsync("/v1/typed?number=x", TestContext.Current.CancellationToken);
        await response.ReadProblemAsync(HttpStatusCode.BadRequest, "malformed");
    }

    [Fact]
    public async Task OtherErrorWriter_AnswersItsOwnPaths()
    {
        await using var service = new ServiceApp();
        await using WebApplicationFactory<Program> app = service.WithWebHostBuilder(builder =>
            builder.ConfigureServices(services => services.AddSingleton<IErrorWriter, PlainErrors>()));
        using HttpClient client = app.CreateClient();
        HttpResponseMessage own = await client.GetAsync("/v9/nope", TestContext.Current.CancellationToken);
        Assert.Equal("there is nothing", (await own.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))[..16]);
        HttpResponseMessage other = await client.GetAsync("/v1/nope", TestContext.Current.CancellationToken);
        await other.ReadProblemAsync(HttpStatusCode.NotFound, "not-found");
    }

    [Fact]
    public void Table_HasEveryKind()
    {
        foreach (ServiceErrorKind kind in Enum.GetValues<ServiceErrorKind>())
        {
            ServiceErrorRow row = ServiceErrorTable.Of(kind);
            Assert.InRange(row.Status, 400, 503);
            Assert.Matches("^[a-z]+(-[a-z]+)*$", row.Code);
        }

        Assert.Distinct(Enum.GetValues<ServiceErrorKind>().Select(kind => ServiceErrorTable.Of(kind).Code));
    }

    // Adds an endpoint of the test's own in front of the service's.
    private static WebApplicationFactory<Program> WithEndpoint(ServiceApp service, string path, Delegate handler) =>
        service.WithWebHostBuilder(builder => builder.ConfigureServices(services =>
            services.AddSingleton<IStartupFilter>(new EndpointFilter(path, handler))));

    private sealed class EndpointFilter(string path, Delegate handler) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            next(app);
            app.UseRouting();
            app.UseEndpoints(endpoints => endpoints.MapGet(path, handler));
        };
    }

    private sealed class PlainErrors : IErrorWriter
    {
        public bool AppliesTo(HttpRequest request) => request.Path.StartsWithSegments("/v9");

        public Task WriteAsync(HttpContext context, IReadOnlyList<ServiceFault> faults) => context.Response.WriteAsync(faults[0].Detail);
    }
}
