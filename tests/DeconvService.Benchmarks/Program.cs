using DeconvService.Benchmarks.Encodings;

return args is ["encodings", ..] ? await EncodingBenchmark.RunAsync(args.ElementAtOrDefault(1) ?? "python3") : 0;
