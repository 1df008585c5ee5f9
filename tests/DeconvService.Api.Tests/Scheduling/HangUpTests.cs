using System.Globalization;
using System.Text;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace DeconvService.Api.Tests.Scheduling;

public sealed class HangUpTests
{
    private const int Requests = 12;

    [Fact]
    public async Task HangUp_WhileComputingAndWaiting_GivesEverythingBackAndComputesNoMore()
    {
        await using ServiceApp app = ServiceApp.OnKestrel(("Scheduling:Concurrency", "1"));
        ComputeQueue queue = app.Services.GetRequiredService<ComputeQueue>();
        byte[] body = Encoding.ASCII.GetBytes(Body());
        List<RawConnection> connections = [];
        for (int i = 0; i < Requests; i++)
        {
            var connection = new RawConnection(app.Port);
            connections.Add(connection);
            await connection.SendAsync(
                $"POST /v1/conv HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/x-npy\r\nContent-Length: {body.Length}\r\n\r\n");
            await connection.SendAsync(body);
        }

        await UntilAsync(() => queue.Cores.Taken == 1 && queue.Cores.Waiting >= Requests / 2);
        connections.ForEach(connection => connection.Dispose());
        await UntilAsync(() => queue is { InHouse: 0, Cores: { Taken: 0, Waiting: 0 }, Memory.Taken: 0, Bodies.Taken: 0 });

        // Those that waited were never computed.
        string metrics = app.Services.GetRequiredService<PrometheusText>().Write();
        string? line = metrics.Split('\n').FirstOrDefault(text => text.StartsWith("deconv_compute_duration_seconds_count", StringComparison.Ordinal));
        int computed = line is null ? 0 : int.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture);
        Assert.InRange(computed, 0, (Requests / 2) + 1);
    }

    // 64 channels of 96 x 96, 64 kernels of 15 x 15: some tenths of a second of arithmetic in a small body of zeros.
    private static string Body() =>
        $$"""{"input":{"shape":[1,64,96,96],"data":[{{Zeros(64 * 96 * 96)}}]},"weight":{"shape":[64,64,15,15],"data":[{{Zeros(64 * 64 * 225)}}]},"padding":7,"accuracy":"exact"}""";

    private static string Zeros(int count) => string.Join(',', Enumerable.Repeat('0', count));

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
            await Task.Delay(5, patience.Token);
    }
}
