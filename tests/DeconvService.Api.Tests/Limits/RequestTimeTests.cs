using System.Net;
using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DeconvService.Api.Tests.Limits;

/// <summary>Requests that wait for a core that somebody else holds.</summary>
public sealed class RequestTimeTests
{
    private const string Body = """{"input":[[[1,2,3]]],"weight":[[[1]]]}""";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task TimeLimitPassed_Is503AndNamesTheSetting()
    {
        await using var app = new ServiceApp(("Limits:RequestSeconds", "1"));
        using IDisposable cores = await TakeAllCoresAsync(app);
        HttpResponseMessage response = await app.PostJsonAsync("/v1/conv", Body);
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.ServiceUnavailable, "timed-out");
        Assert.Equal("Limits:RequestSeconds", problem.GetProperty("setting").GetString());
        Assert.Equal(0, app.Services.GetRequiredService<ComputeQueue>().InHouse);
    }

    [Fact]
    public async Task ClientHangsUp_LeavesTheQueueAndIsNoError()
    {
        await using var app = ServiceApp.OnKestrel();
        var queue = app.Services.GetRequiredService<ComputeQueue>();
        using IDisposable cores = await TakeAllCoresAsync(app);
        using (var connection = new RawConnection(app.Port))
        {
            await connection.SendAsync(
                $"POST /v1/conv HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}");
            await UntilAsync(() => queue.Cores.Waiting == 1);
        }

        await UntilAsync(() => queue.Cores.Waiting == 0 && queue.InHouse == 0);
        await UntilAsync(() => app.Log.Requests.Any());
        Assert.Equal(ErrorResponses.ClientClosedRequest, Assert.Single(app.Log.Requests).Values["Status"]);
        Assert.DoesNotContain(app.Log.Lines, line => line.Level >= Microsoft.Extensions.Logging.LogLevel.Error);
    }

    private static async Task<IDisposable> TakeAllCoresAsync(ServiceApp app)
    {
        Gate cores = app.Services.GetRequiredService<ComputeQueue>().Cores;
        GateLease? lease = await cores.EnterAsync(cores.Capacity, 1, Patience, TestContext.Current.CancellationToken);
        return lease!;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (TimeSpan waited = TimeSpan.Zero; !condition(); waited += TimeSpan.FromMilliseconds(20))
        {
            Assert.True(waited < Patience, "it never came");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
