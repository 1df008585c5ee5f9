using DeconvService.Benchmarks.Encodings;
using DeconvService.Benchmarks.Pictures;

return args switch
{
    ["encodings", ..] => await EncodingBenchmark.RunAsync(args.ElementAtOrDefault(1) ?? "python3"),
    ["pictures", ..] => await PictureFilterBenchmark.RunAsync(args.ElementAtOrDefault(1) ?? "python3"),
    _ => 0,
};
