using BenchmarkDotNet.Running;
using DeconvService.Benchmarks.Concurrency;
using DeconvService.Benchmarks.Encodings;
using DeconvService.Benchmarks.Fuzz;
using DeconvService.Benchmarks.Layers;
using DeconvService.Benchmarks.Micro;
using DeconvService.Benchmarks.Pictures;
using DeconvService.Benchmarks.Responsiveness;
using DeconvService.Benchmarks.Soak;
using DeconvService.Benchmarks.Throughput;

// Commands of our own first; everything else are BenchmarkDotNet's options.
switch (args)
{
    case ["layers", "--stateless", .. var options]:
        return StatelessCommand.Run(options);
    case ["layers", .. var options]:
        return LayersCommand.Run(options);
    case ["concurrency", .. var options]:
        return await ConcurrencyCommand.RunAsync(options);
    case ["network", .. var options]:
        return NetworkCommand.Run(options);
    case ["encodings", .. var options]:
        return await EncodingBenchmark.RunAsync(options.ElementAtOrDefault(0) ?? "python3");
    case ["pictures", .. var options]:
        return await PictureFilterBenchmark.RunAsync(options.ElementAtOrDefault(0) ?? "python3");
    case ["fuzz", .. var options]:
        return await FuzzCommand.RunAsync(options);
    case ["soak", .. var options]:
        return await SoakCommand.RunAsync(options);
    case ["responsiveness", .. var options]:
        return await ResponsivenessCommand.RunAsync(options);
    case ["crowd", .. var options]:
        return await CrowdCommand.RunAsync(options);
    case ["throughput", .. var options]:
        return await ThroughputCommand.RunAsync(options);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(RunBenchmarks).Assembly).Run(args, BenchmarkConfig.Create());
        return 0;
}
