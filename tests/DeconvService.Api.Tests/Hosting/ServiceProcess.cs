using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace DeconvService.Api.Tests.Hosting;

/// <summary>The service in a process of its own, for what concerns a whole process: signals, exit codes, environment variables.</summary>
internal sealed partial class ServiceProcess : IAsyncDisposable
{
    private const string Listening = "Now listening on";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServiceProcess(Process process) => _process = process;

    /// <summary>Sends requests to the service.</summary>
    public HttpClient Client { get; } = new() { Timeout = Patience };

    /// <summary>Starts the service and waits until it is ready. Settings are environment variables.</summary>
    public static async Task<ServiceProcess> StartAsync(params (string Name, string Value)[] settings)
    {
        string dll = Path.Combine(AppContext.BaseDirectory, "DeconvService.Api.dll");
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [dll, "--urls=http://127.0.0.1:0"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in settings)
            start.Environment[name] = value;

        var service = new ServiceProcess(new Process { StartInfo = start });
        service._process.OutputDataReceived += (_, line) => service.Read(line.Data);
        service._process.ErrorDataReceived += (_, line) => service.Read(line.Data);
        service._process.Start();
        service._process.BeginOutputReadLine();
        service._process.BeginErrorReadLine();
        service.Client.BaseAddress = await service._address.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        while (!(await service.Client.GetAsync("/health/ready", TestContext.Current.CancellationToken)).IsSuccessStatusCode)
            await Task.Delay(20, TestContext.Current.CancellationToken);

        return service;
    }

    /// <summary>Sends a signal, as <c>docker stop</c> does.</summary>
    public void Signal(int number) => Assert.Equal(0, Kill(_process.Id, number));

    /// <summary>Waits for its end.</summary>
    public async Task<int> ExitCodeAsync(TimeSpan patience)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        time.CancelAfter(patience);
        await _process.WaitForExitAsync(time.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_process.HasExited)
            _process.Kill();

        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    // The port is chosen by the system; the service says it in its log, one JSON object a line.
    private void Read(string? line)
    {
        if (line is null)
        {
            _address.TrySetException(new InvalidOperationException($"the service ended: {_output}"));
            return;
        }

        _output.AppendLine(line);
        const string Property = "\"address\":\"";
        int at = line.Contains(Listening, StringComparison.Ordinal) ? line.IndexOf(Property, StringComparison.Ordinal) : -1;
        if (at >= 0)
            _address.TrySetResult(new Uri(line[(at + Property.Length)..].Split('"')[0]));
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
