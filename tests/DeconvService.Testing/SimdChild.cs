using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.Intrinsics;
using System.Text.RegularExpressions;

namespace DeconvService.Testing;

/// <summary>
/// Runs tests of an xunit.v3 assembly once more in a child process with some SIMD instructions switched off, because the runtime reads
/// those switches only at its start. The names are the runtime's <c>DOTNET_Enable*</c> settings; <c>EnableAVX512F</c> and
/// <c>EnableFMA</c>, of older runtimes, are silently ignored, so every child first says which level it is at.
/// </summary>
public static partial class SimdChild
{
    private const string ExpectedBits = "DECONV_EXPECTED_SIMD_BITS";

    /// <summary>The switches that are worth a child on this machine: those that lower the widest vector.</summary>
    public static IReadOnlyList<SimdSwitch> Switches { get; } =
    [
        .. new SimdSwitch[] { new("DOTNET_EnableAVX512", 256), new("DOTNET_EnableAVX2", 128), new("DOTNET_EnableHWIntrinsic", 0) }
            .Where(item => item.Bits < WidestBits && (item.Bits == 0 || System.Runtime.Intrinsics.X86.Sse.IsSupported)),
    ];

    /// <summary>Bits of the widest vector that this process has in hardware: 512, 256, 128, or 0 when all is emulated.</summary>
    public static int WidestBits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    /// <summary>Whether this process is such a child.</summary>
    public static bool IsChild => Environment.GetEnvironmentVariable(ExpectedBits) is not null;

    /// <summary>In a child, fails unless its level is the expected one; elsewhere does nothing.</summary>
    /// <exception cref="InvalidOperationException">The switch had no effect.</exception>
    public static void AssertExpectedLevel()
    {
        if (Environment.GetEnvironmentVariable(ExpectedBits) is { } bits && int.Parse(bits, CultureInfo.InvariantCulture) != WidestBits)
            throw new InvalidOperationException($"expected vectors of {bits} bits, this process has {WidestBits}");
    }

    /// <summary>Runs all tests of a class in a child process and fails unless there are some and all of them pass.</summary>
    /// <param name="testClass">A class of the test assembly. It must not start children itself, and one of its tests calls <see cref="AssertExpectedLevel"/>.</param>
    /// <param name="setting">Which instructions are off.</param>
    /// <param name="timeout">After this long the child is killed.</param>
    /// <exception cref="InvalidOperationException">It failed; the message is what it wrote.</exception>
    public static void RunClass(Type testClass, SimdSwitch setting, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(testClass);
        ArgumentNullException.ThrowIfNull(setting);
        (int exitCode, string output) = Run(
            testClass.Assembly,
            ["-class", testClass.FullName!],
            new Dictionary<string, string>(StringComparer.Ordinal) { [setting.Variable] = "0", [ExpectedBits] = setting.Bits.ToString(CultureInfo.InvariantCulture) },
            timeout);
        if (exitCode != 0 || !SomeTestsRan().IsMatch(output))
            throw new InvalidOperationException($"{testClass.Name} with {setting} ended with code {exitCode}:\n{output}");
    }

    /// <summary>Runs an xunit.v3 test assembly in a child process.</summary>
    /// <returns>The exit code (0: all passed) and what it wrote.</returns>
    /// <exception cref="TimeoutException">It took too long and was killed.</exception>
    public static (int ExitCode, string Output) Run(
        Assembly assembly, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(environment);
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [assembly.Location, .. arguments, "-noLogo", "-noColor"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(timeout))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"no end after {timeout}");
        }

        Task.WaitAll(output, error);
        return (process.ExitCode, output.Result + error.Result);
    }

    [GeneratedRegex(@"Total: [1-9]", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SomeTestsRan();
}

/// <summary>A setting of the runtime that switches instructions off when it is 0.</summary>
/// <param name="Variable">Name of the environment variable.</param>
/// <param name="Bits">Bits of the widest vector that is left.</param>
public sealed record SimdSwitch(string Variable, int Bits)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Variable}=0";
}
