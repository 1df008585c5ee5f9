using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace DeconvService.Benchmarks.Service;

/// <summary>A server in a process of its own, on a free port of loopback, with what the system knows about its memory.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    public Uri Address => new($"http://127.0.0.1:{Port}");

    public bool HasExited => _process.HasExited;

    /// <summary>Resident memory at this moment, in bytes.</summary>
    public long ResidentBytes => Status("VmRSS");

    /// <summary>The most that it ever was.</summary>
    public long PeakBytes => Status("VmHWM");

    /// <summary>This project's service in the environment of its container, with settings such as <c>Limits__MemoryBytes=1073741824</c>.</summary>
    public static Task<ServerProcess> StartServiceAsync(params string[] settings) => StartAsync(
        "dotnet",
        port => [Path.Combine(AppContext.BaseDirectory, "DeconvService.Api.dll"), $"--urls=http://127.0.0.1:{port}"],
        ["MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=1048576", .. settings]);

    /// <summary>Starts a program and waits until <c>/health/ready</c> answers 200.</summary>
    public static async Task<ServerProcess> StartAsync(string program, Func<int, string[]> arguments, params string[] settings)
    {
        int port = FreePort();
        var start = new ProcessStartInfo(program, arguments(port)) { RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment["Serilog__MinimumLevel__Default"] = "Error";
        start.Environment["Serilog__MinimumLevel__Override__Microsoft.Hosting.Lifetime"] = "Error";
        foreach (string setting in settings)
            start.Environment[setting.Split('=', 2)[0]] = setting.Split('=', 2)[1];

        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } text)
                Console.Error.WriteLine(text.Length > 2000 ? text[..2000] : text);
        };
        process.Start();
        process.BeginOutputReadLine();
        var server = new ServerProcess(process, port);
        using var client = new HttpClient { BaseAddress = server.Address, Timeout = TimeSpan.FromSeconds(5) };
        for (int i = 0; i < 600; i++)
        {
            try
            {
                if ((await client.GetAsync("/health/ready")).StatusCode == HttpStatusCode.OK)
                    return server;
            }
            catch (HttpRequestException)
            {
                // does not listen yet
            }

            if (process.HasExited)
                throw new InvalidOperationException($"{program} ended with {process.ExitCode} instead of listening.");

            await Task.Delay(100);
        }

        throw new TimeoutException($"{program} is not ready after a minute.");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();

        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private long Status(string name)
    {
        string line = File.ReadLines($"/proc/{_process.Id}/status").First(text => text.StartsWith(name + ":", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
