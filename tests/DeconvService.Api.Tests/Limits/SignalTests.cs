using System.Net;
using System.Text;
using DeconvService.Api.Tests.Hosting;

namespace DeconvService.Api.Tests.Limits;

public sealed class SignalTests
{
    private const int SigInt = 2;
    private const int SigTerm = 15;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task FirstSignal_NotReadyAtOnce_ServesOnForThePause_ThenEndsWithZero()
    {
        await using ServiceProcess service = await ServiceProcess.StartAsync(("Limits__ShutdownPauseSeconds", "2"));
        service.Signal(SigTerm);
        HttpResponseMessage ready;
        do
        {
            ready = await service.Client.GetAsync("/health/ready", TestContext.Current.CancellationToken);
        }
        while (ready.IsSuccessStatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);

        using var body = new StringContent("""{"input":[[[1,2,3]]],"weight":[[[2]]]}""", Encoding.UTF8, "application/json");
        HttpResponseMessage answer = await service.Client.PostAsync("/v1/conv", body, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(0, await service.ExitCodeAsync(Patience));
    }

    // The pause is far longer than the patience, so nothing but the second signal can have ended it.
    [Theory]
    [InlineData(SigTerm)]
    [InlineData(SigInt)]
    public async Task SecondSignal_EndsItAtOnce(int second)
    {
        await using ServiceProcess service = await ServiceProcess.StartAsync(("Limits__ShutdownPauseSeconds", "600"));
        service.Signal(SigTerm);
        while ((await service.Client.GetAsync("/health/ready", TestContext.Current.CancellationToken)).IsSuccessStatusCode)
            await Task.Delay(10, TestContext.Current.CancellationToken);

        service.Signal(second);
        Assert.Equal(128 + second, await service.ExitCodeAsync(Patience));
    }
}
