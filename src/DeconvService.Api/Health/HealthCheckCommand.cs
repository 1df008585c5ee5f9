using System.Net;
using System.Net.Sockets;

namespace DeconvService.Api.Health;

/// <summary>
/// <c>dotnet DeconvService.Api.dll --health-check</c>: asks the service of the same container whether it is ready, for an image without shell
/// or curl. It runs every few seconds beside the service, so it loads next to nothing: a socket and one line of HTTP.
/// </summary>
internal static class HealthCheckCommand
{
    private const string Option = "--health-check";
    private const int DefaultPort = 8080;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Whether the program was started for this command.</summary>
    public static bool IsAskedFor(string[] args) => args is [Option, ..];

    /// <summary>Asks <c>/health/ready</c> where <c>ASPNETCORE_URLS</c>, or else <c>ASPNETCORE_HTTP_PORTS</c>, lets the service listen.</summary>
    /// <returns>The exit code: 0 when the service is ready, 1 when it is not or does not answer within two seconds.</returns>
    public static Task<int> RunAsync() =>
        RunAsync(PortOf(Environment.GetEnvironmentVariable("ASPNETCORE_URLS"), Environment.GetEnvironmentVariable("ASPNETCORE_HTTP_PORTS")));

    /// <summary>Asks the service on <paramref name="port"/>.</summary>
    internal static async Task<int> RunAsync(int port)
    {
        try
        {
            using var time = new CancellationTokenSource(Patience);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), time.Token);
            await socket.SendAsync("GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n"u8.ToArray(), time.Token);
            byte[] answer = new byte[1024];
            int length = await socket.ReceiveAsync(answer, time.Token);
            bool ready = answer.AsSpan(0, length).StartsWith("HTTP/1.1 200 "u8);
            await Console.Out.WriteLineAsync(ready ? "ready" : "not ready");
            return ready ? 0 : 1;
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            await Console.Out.WriteLineAsync($"nobody answers on port {port}: {exception.Message}");
            return 1;
        }
    }

    /// <summary>The port to ask, found as the server finds the ports it listens on.</summary>
    internal static int PortOf(string? urls, string? ports)
    {
        foreach (string url in (urls ?? string.Empty).Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            // "http://*:80" and "http://+:80" are no URIs, so the port is looked for by hand.
            if (!url.StartsWith("http://", StringComparison.OrdinalIgnoreCase))
                continue;

            string authority = url["http://".Length..].Split('/')[0];
            return int.TryParse(authority.AsSpan(authority.LastIndexOf(':') + 1), out int port) ? port : 80;
        }

        string first = (ports ?? string.Empty).Split(';', StringSplitOptions.TrimEntries)[0];
        return int.TryParse(first, out int number) ? number : DefaultPort;
    }
}
