using System.Net;
using System.Reflection;
using DeconvService.Api.Limits;
using DeconvService.Api.Tests.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DeconvService.Api.Tests.Configuration;

public sealed class ConfigurationTests
{
    [Fact]
    public async Task DefaultsFile_IsRead()
    {
        await using var app = new ServiceApp();
        string? configured = app.Services.GetRequiredService<IConfiguration>()["Limits:RequestBytes"];
        Assert.Equal("268435456", configured); // stands in appsettings.json only
    }

    [Fact]
    public async Task DefaultsFile_AgreesWithTheOptions()
    {
        await using var app = new ServiceApp();
        var limits = app.Services.GetRequiredService<LimitsOptions>();
        foreach (PropertyInfo property in typeof(LimitsOptions).GetProperties())
            Assert.Equal(property.GetValue(new LimitsOptions()), property.GetValue(limits));
    }

    [Theory]
    [InlineData("Limits:RequestBytes", "abc", "Limits:RequestBytes")]
    [InlineData("Limits:RequestBytes", "5", "Limits:RequestBytes must be 1024 to 17179869184 bytes. It is 5.")]
    [InlineData("Limits:TensorElements", "0", "Limits:TensorElements must be")]
    [InlineData("Limits:OutputElements", "-1", "Limits:OutputElements must be")]
    [InlineData("Limits:ImageInputPixels", "0", "Limits:ImageInputPixels must be")]
    [InlineData("Limits:ImageOutputPixels", "0", "Limits:ImageOutputPixels must be")]
    [InlineData("Limits:RequestSeconds", "0", "Limits:RequestSeconds must be 1 to 86400 seconds. It is 0.")]
    [InlineData("Limits:ShutdownPauseSeconds", "-1", "Limits:ShutdownPauseSeconds must be")]
    [InlineData("Limits:MemoryBytes", "1", "Limits:MemoryBytes must be 0")]
    [InlineData("Limits:RequestByte", "5000", "There is no setting Limits:RequestByte; Limits has RequestBytes")]
    [InlineData("Management:Enabled", "true", "Management:ApiKey must be set when Management:Enabled is true.")]
    [InlineData("Models:TileBytes", "1", "Models:TileBytes must be")]
    [InlineData("Models:WholePictureBytes", "1", "Models:WholePictureBytes must be")]
    [InlineData("Scheduling:QueueLength", "-1", "Scheduling:QueueLength must be")]
    [InlineData("Scheduling:WaitSeconds", "0", "Scheduling:WaitSeconds must be")]
    [InlineData("Auth:ApiKeys:0", "", "Auth:ApiKeys must not hold an empty key.")]
    [InlineData("Cors:Origins:0", "https://example.org/path", "Cors:Origins must hold origins")]
    [InlineData("Cors:Origins:0", "example.org", "Cors:Origins must hold origins")]
    public async Task WrongValue_StopsTheStartWithASentence(string key, string value, string sentence)
    {
        TextWriter before = Console.Error;
        using var error = new StringWriter();
        Console.SetError(TextWriter.Synchronized(error));
        try
        {
            MethodInfo main = typeof(Program).Assembly.EntryPoint!;
            string[] arguments = [$"--{key}={value}", "--urls=http://127.0.0.1:0"];
            var exitCode = (int)(await Task.Run(() => main.Invoke(null, [arguments])).WaitAsync(TimeSpan.FromSeconds(60)))!;
            Assert.Equal(1, exitCode);
            Assert.Contains(sentence, error.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            Console.SetError(before);
        }
    }

    [Fact]
    public async Task FrontPage_LiesBesideTheProgram()
    {
        await using var app = new ServiceApp();
        HttpResponseMessage response = await app.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains("swagger", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }
}
