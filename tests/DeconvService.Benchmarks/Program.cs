using BenchmarkDotNet.Running;
using DeconvService.Benchmarks.Encodings;
using DeconvService.Benchmarks.Layers;
using DeconvService.Benchmarks.Pictures;

// Commands of our own first; everything else are BenchmarkDotNet's options.
switch (args)
{
    case ["layers", .. var options]:
        return LayersCommand.Run(options);
    case ["encodings", .. var options]:
        return await EncodingBenchmark.RunAsync(options.ElementAtOrDefault(0) ?? "python3");
    case ["pictures", .. var options]:
        return await PictureFilterBenchmark.RunAsync(options.ElementAtOrDefault(0) ?? "python3");
    default:
        BenchmarkSwitcher.FromAssembly(typeof(LayersCommand).Assembly).Run(args);
        return 0;
}
