using System.Net;
using System.Text;
using System.Text.Json;
using DeconvService.Api.Errors;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DeconvService.Api.Tests.Hosting;

/// <summary>The whole service in this process, with helpers. Settings are given as "Section:Name", value.</summary>
internal sealed class ServiceApp : WebApplicationFactory<Program>
{
    private readonly string _environment;
    private readonly (string Key, string Value)[] _settings;

    public ServiceApp(params (string Key, string Value)[] settings)
        : this("Production", settings)
    {
    }

    public ServiceApp(string environment, params (string Key, string Value)[] settings) => (_environment, _settings) = (environment, settings);

    /// <summary>What was logged, as it would be printed.</summary>
    public RecordedLog Log { get; } = new();

    /// <summary>The service behind a real socket on a free port.</summary>
    public static ServiceApp OnKestrel(params (string Key, string Value)[] settings)
    {
        // The port as a setting: UseKestrel(0) sets it while the service may be starting already.
        var app = new ServiceApp([.. settings, ("urls", "http://127.0.0.1:0")]);
        app.UseKestrel();
        app.StartServer();
        return app;
    }

    /// <summary>The port of <see cref="OnKestrel"/>.</summary>
    public int Port => ClientOptions.BaseAddress.Port;

    public Task<HttpResponseMessage> PostJsonAsync(string path, string json, string? accept = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        return SendAsync(request, accept);
    }

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string? accept = null)
    {
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);

        return CreateClient().SendAsync(request, TestContext.Current.CancellationToken);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment(_environment);
        foreach ((string key, string value) in _settings)
            builder.UseSetting(key, value);

        builder.ConfigureServices(services => services.AddSingleton<ILoggerProvider>(Log));
    }
}

internal static class ServiceAppExtensions
{
    /// <summary>Asserts that the answer is a complete problem of this status and code.</summary>
    public static async Task<JsonElement> ReadProblemAsync(this HttpResponseMessage response, HttpStatusCode status, string? code = null)
    {
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(status == response.StatusCode, $"{(int)response.StatusCode} instead of {(int)status}: {text}");
        Assert.Equal(ProblemWriter.MediaType, response.Content.Headers.ContentType?.MediaType);
        return AssertProblem(text, (int)status, code);
    }

    /// <summary>Asserts that the text is a complete problem.</summary>
    public static JsonElement AssertProblem(string text, int status, string? code = null)
    {
        JsonElement problem = JsonDocument.Parse(text).RootElement;
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        if (code is not null)
            Assert.Equal(code, problem.GetProperty("code").GetString());

        Assert.Equal($"urn:deconv:{problem.GetProperty("code").GetString()}", problem.GetProperty("type").GetString());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        Assert.NotEmpty(problem.GetProperty("traceId").GetString()!);
        JsonElement first = problem.GetProperty("errors")[0];
        foreach (JsonProperty member in first.EnumerateObject())
            Assert.Equal(member.Value.GetRawText(), problem.GetProperty(member.Name).GetRawText());

        return problem;
    }
}
