using System.Text.Json;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DeconvService.Api.Tests.Limits;

/// <summary>On a real socket: refusals reach a client that is still sending.</summary>
public sealed class RequestBodyLimitTests
{
    private const int Limit = 100_000;
    private const int FarOver = 8_000_000; // more than all buffers between the two

    [Theory]
    [InlineData(false, FarOver)]
    [InlineData(true, FarOver)]
    [InlineData(false, Limit + 1)]
    [InlineData(true, Limit + 1)]
    public async Task BodyOverTheLimit_AnswerReachesAClientThatStillSends(bool chunked, int length)
    {
        await using var app = ServiceApp.OnKestrel(("Limits:RequestBytes", $"{Limit}"));
        using var connection = new RawConnection(app.Port);
        await connection.PostSpacesAsync("/v1/conv", length, chunked);
        (int status, _, string body) = await connection.ReceiveAsync();
        Assert.Equal(413, status);
        JsonElement problem = ServiceAppExtensions.AssertProblem(body, 413, "too-large");
        Assert.Equal(Limit, problem.GetProperty("limit").GetInt64());
        Assert.Equal("Limits:RequestBytes", problem.GetProperty("setting").GetString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BodyAtTheLimit_IsRead(bool chunked)
    {
        await using var app = ServiceApp.OnKestrel(("Limits:RequestBytes", $"{Limit}"));
        using var connection = new RawConnection(app.Port);
        await connection.PostSpacesAsync("/v1/conv", Limit, chunked);
        (int status, _, string body) = await connection.ReceiveAsync();
        Assert.Equal(400, status); // nothing but spaces
        ServiceAppExtensions.AssertProblem(body, 400, "malformed");
    }

    [Fact]
    public async Task BodyOverTheLimit_ClientWaitsForContinue_IsRefusedWithoutABody()
    {
        await using var app = ServiceApp.OnKestrel(("Limits:RequestBytes", $"{Limit}"));
        using var connection = new RawConnection(app.Port);
        await connection.SendAsync($"POST /v1/conv HTTP/1.1\r\nHost: localhost\r\nContent-Length: {FarOver}\r\nExpect: 100-continue\r\n\r\n");
        (int status, string headers, string body) = await connection.ReceiveAsync();
        Assert.Equal(413, status);
        Assert.Contains("Connection: close", headers);
        ServiceAppExtensions.AssertProblem(body, 413);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task QueueFull_AnswerReachesAClientThatStillSends(bool chunked)
    {
        await using var app = ServiceApp.OnKestrel(("Scheduling:Concurrency", "1"), ("Scheduling:QueueLength", "0"));
        using IDisposable other = await app.Services.GetRequiredService<ComputeQueue>().AdmitAsync(0, TestContext.Current.CancellationToken);
        using var connection = new RawConnection(app.Port);
        await connection.PostSpacesAsync("/v1/conv", FarOver, chunked);
        (int status, string headers, string body) = await connection.ReceiveAsync();
        Assert.Equal(429, status);
        Assert.Contains("Retry-After: 1", headers);
        ServiceAppExtensions.AssertProblem(body, 429, "queue-full");
    }

    [Fact]
    public async Task Health_AnswersWhileAllThreadsCompute()
    {
        await using var app = ServiceApp.OnKestrel(("Scheduling:Concurrency", "2"));
        using var gate = new ManualResetEventSlim();
        var queue = app.Services.GetRequiredService<ComputeQueue>();
        Task[] blockers = [.. Enumerable.Range(0, 8).Select(_ => queue.RunAsync(0, _ => gate.Wait(CancellationToken.None), CancellationToken.None))];
        foreach (string path in (string[])["/health/live", "/health/ready"])
        {
            HttpResponseMessage response = await app.CreateClient().GetAsync(path, TestContext.Current.CancellationToken);
            Assert.True(response.IsSuccessStatusCode);
        }

        gate.Set();
        await Task.WhenAll(blockers);
    }

    [Theory]
    [InlineData("GET /health/live HTTP/1.1\r\n\r\n")] // no Host
    [InlineData("GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    [InlineData("POST /v1/conv HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("rubbish\r\n\r\n")]
    public async Task RequestThatIsNoHttp_Is400AndTheServiceGoesOn(string request)
    {
        await using var app = ServiceApp.OnKestrel();
        using (var connection = new RawConnection(app.Port))
        {
            await connection.SendAsync(request);
            Assert.Equal(400, (await connection.ReceiveAsync()).Status);
        }

        HttpResponseMessage response = await app.CreateClient().GetAsync("/health/live", TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode);
    }

    [Theory]
    [InlineData("zz\r\n")]
    [InlineData("5\r\n{\"input\r\n")]
    public async Task ChunksThatAreNone_Are400(string chunks)
    {
        await using var app = ServiceApp.OnKestrel();
        using var connection = new RawConnection(app.Port);
        await connection.SendAsync(
            $"POST /v1/conv HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        (int status, _, string body) = await connection.ReceiveAsync();
        Assert.Equal(400, status);
        ServiceAppExtensions.AssertProblem(body, 400, "malformed");
    }
}
