using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace DeconvService.Benchmarks.Micro;

/// <summary>How BenchmarkDotNet runs our classes: in this process, since the project that it would generate knows nothing of this solution's settings.</summary>
internal static class BenchmarkConfig
{
    /// <summary>Three iterations of a tenth of a second: the memory column tells an allocation in each run from none (a few bytes are what the harness itself allocates once in an iteration), the times are for a first look (<c>layers</c> is more careful).</summary>
    public static IConfig Create() => ManualConfig.CreateEmpty()
        .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance).WithIterationTime(TimeInterval.FromMilliseconds(100)))
        .AddLogger(ConsoleLogger.Default)
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .HideColumns(Column.Error, Column.StdDev);
}
