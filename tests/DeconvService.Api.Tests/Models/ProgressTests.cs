using System.Net;
using DeconvService.Api.Models.Progress;
using DeconvService.Api.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace DeconvService.Api.Tests.Models;

public sealed class ProgressTests
{
    [Fact]
    public async Task Follow_RunningRequest_StreamsUntilItsEnd()
    {
        await using var app = new ServiceApp();
        HttpClient client = app.CreateClient();
        RequestProgress progress = app.Services.GetRequiredService<ProgressRegistry>().Begin("job-1");
        progress.Report(0, 12);
        HttpResponseMessage response = await client.GetAsync(
            "/v1/progress/job-1", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal("""data: {"done":0,"total":12}""", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        progress.Report(12, 12);
        progress.Dispose();
        Assert.Equal("\ndata: {\"done\":12,\"total\":12,\"secondsLeft\":0}\n\n", await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Report_SecondsLeft_AreThoseOfTheTilesDone()
    {
        var time = new ManualTime();
        var progress = new RequestProgress(time, _ => { });
        progress.Report(0, 12);
        Assert.Equal(new ProgressEvent(0, 12, null), progress.Look().Current);
        time.Timestamp += TimeSpan.FromSeconds(1.5).Ticks;
        progress.Report(3, 12);
        Assert.Equal(new ProgressEvent(3, 12, 4.5), progress.Look().Current);
        time.Timestamp += TimeSpan.FromSeconds(8.5).Ticks;
        progress.Report(4, 12);
        Assert.Equal(new ProgressEvent(4, 12, 20), progress.Look().Current);
    }

    [Theory]
    [InlineData("none", HttpStatusCode.NotFound)]
    [InlineData("a%20b", HttpStatusCode.UnprocessableEntity)]
    public async Task Follow_NoSuchRequest_IsAnError(string id, HttpStatusCode status)
    {
        await using var app = new ServiceApp();
        await (await app.SendAsync(new HttpRequestMessage(HttpMethod.Get, $"/v1/progress/{id}"))).ReadProblemAsync(status);
    }

    [Fact]
    public void Registry_Ended_IsForgottenSoonAfter()
    {
        var time = new ManualTime();
        var registry = new ProgressRegistry(time);
        registry.Begin("a").Dispose();
        Assert.NotNull(registry.Find("a"));
        time.Advance();
        Assert.Null(registry.Find("a"));
    }

    [Fact]
    public void Registry_SameIdAgain_TheLaterOneStays()
    {
        var time = new ManualTime();
        var registry = new ProgressRegistry(time);
        RequestProgress first = registry.Begin("a");
        RequestProgress second = registry.Begin("a");
        first.Dispose();
        time.Advance();
        Assert.Same(second, registry.Find("a"));
    }

    [Fact]
    public void Registry_TooMany_ForgetsNobodyAndFollowsNoMore()
    {
        var registry = new ProgressRegistry(TimeProvider.System);
        for (int i = 0; i < ProgressRegistry.Capacity + 5; i++)
            registry.Begin($"r{i}");

        Assert.NotNull(registry.Find("r0"));
        Assert.NotNull(registry.Find($"r{ProgressRegistry.Capacity - 1}"));
        Assert.Null(registry.Find($"r{ProgressRegistry.Capacity}"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("a\nb")]
    [InlineData("../x")]
    public void Registry_IdThatIsNone_IsNotFollowed(string? id)
    {
        var registry = new ProgressRegistry(TimeProvider.System);
        registry.Begin(id).Report(1, 2);
        Assert.Null(id is null ? null : registry.Find(id));
    }

    // Runs every timer that is due when it is told to.
    private sealed class ManualTime : TimeProvider
    {
        private readonly List<(TimerCallback Callback, object? State)> _timers = [];

        public long Timestamp { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Timestamp;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _timers.Add((callback, state));
            return new NoTimer();
        }

        public void Advance() => _timers.ForEach(timer => timer.Callback(timer.State));

        private sealed class NoTimer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
                // Nothing runs by itself.
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
