using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tensors.Json;
using DeconvService.Api.Tensors.NumPy;
using DeconvService.Engine.Tensors;

namespace DeconvService.Benchmarks.Encodings;

/// <summary>
/// Reads and writes one million float32 as JSON and as .npy, from a pipe of 4 KiB segments (the server's) and into one that throws away.
/// With Python and numpy at hand, python.py does the same to the same JSON in between: both lines are the best of the same rounds.
/// </summary>
internal static class EncodingBenchmark
{
    private const int Elements = 1_000_000;
    private const int SegmentBytes = 4096;

    public static async Task<int> RunAsync(string python = "python3", int rounds = 9)
    {
        using var pool = new AlignedBufferPool();
        using var tensor = new Tensor(new TensorShape(1, 1, 1000, 1000), pool.Rent(Elements));
        var random = new Random(1);
        foreach (ref float value in tensor.Data)
            value = (float)((random.NextDouble() * 2) - 1);

        byte[] npy = await WriteAsync(tensor, TensorEncoding.Npy);
        byte[] shortest = await WriteAsync(tensor, TensorEncoding.Json);
        string folder = Directory.CreateTempSubdirectory("encodings").FullName;
        try
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, "shortest.json"), shortest);
            byte[]? doubles = await RunPythonAsync(python, folder, "prepare") is null
                ? null
                : await File.ReadAllBytesAsync(Path.Combine(folder, "doubles.json"));
            var best = new Dictionary<string, double>(StringComparer.Ordinal);
            for (int round = 0; round < rounds; round++)
            {
                Keep(best, ".npy in and out", await TimeAsync(pool, npy, TensorEncoding.Npy));
                Keep(best, "JSON in and out, float32 digits", await TimeAsync(pool, shortest, TensorEncoding.Json));
                if (doubles is null)
                    continue;

                Keep(best, "JSON in and out, Python's digits", await TimeAsync(pool, doubles, TensorEncoding.Json));
                Keep(best, "Python, float32 digits", double.Parse((await RunPythonAsync(python, folder, "shortest.json"))!));
                Keep(best, "Python, Python's digits", double.Parse((await RunPythonAsync(python, folder, "doubles.json"))!));
            }

            foreach ((string name, double milliseconds) in best)
                Console.WriteLine($"{name,-34}{milliseconds,9:F1} ms");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static void Keep(Dictionary<string, double> best, string name, double milliseconds) =>
        best[name] = Math.Min(milliseconds, best.GetValueOrDefault(name, double.MaxValue));

    private static async Task<double> TimeAsync(AlignedBufferPool pool, byte[] body, TensorEncoding encoding)
    {
        long start = Stopwatch.GetTimestamp();
        using var bytes = new ByteCursor(PipeReader.Create(Segments(body)), body.Length);
        using Tensor tensor = encoding == TensorEncoding.Npy
            ? await new NpyReader(pool, new TensorLimits()).ReadAsync(bytes, "input", body.Length, CancellationToken.None)
            : await ReadJsonAsync(pool, bytes);
        PipeWriter writer = PipeWriter.Create(Stream.Null);
        await TensorWriter.WriteAsync(writer, tensor, encoding, CancellationToken.None);
        await writer.CompleteAsync();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    // The body is an answer of the service: {"output":{"shape":...,"data":...}}.
    private static async Task<Tensor> ReadJsonAsync(AlignedBufferPool pool, ByteCursor bytes)
    {
        var json = new JsonCursor(bytes);
        await json.ExpectAsync('{', "body", CancellationToken.None);
        await json.ReadNameAsync(first: true, "body", CancellationToken.None);
        return await new JsonTensorReader(pool, new TensorLimits()).ReadAsync(json, "output", CancellationToken.None);
    }

    private static async Task<byte[]> WriteAsync(Tensor tensor, TensorEncoding encoding)
    {
        using var stream = new MemoryStream();
        PipeWriter writer = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        await TensorWriter.WriteAsync(writer, tensor, encoding, CancellationToken.None);
        await writer.CompleteAsync();
        return stream.ToArray();
    }

    // Milliseconds of the best run, or null where Python or numpy is missing.
    private static async Task<string?> RunPythonAsync(string python, string folder, string argument)
    {
        try
        {
            string script = Path.Combine(AppContext.BaseDirectory, "Encodings", "python.py");
            using Process process = Process.Start(new ProcessStartInfo(python, [script, folder, argument]) { RedirectStandardOutput = true, UseShellExecute = false })!;
            string output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? output : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static ReadOnlySequence<byte> Segments(byte[] body)
    {
        Segment? first = null;
        Segment? last = null;
        for (int start = 0; start < body.Length; start += SegmentBytes)
        {
            last = new Segment(body.AsMemory(start, Math.Min(SegmentBytes, body.Length - start)), last);
            first ??= last;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is null)
                return;

            previous.Next = this;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
        }
    }
}
