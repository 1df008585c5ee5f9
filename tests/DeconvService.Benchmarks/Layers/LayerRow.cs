using System.Text.Json;
using System.Text.Json.Serialization;

namespace DeconvService.Benchmarks.Layers;

/// <summary>One line of the table.</summary>
/// <param name="Name">The layer.</param>
/// <param name="Threads">Threads on both sides.</param>
/// <param name="OursMs">Median of the rounds' medians.</param>
/// <param name="PeerMs">The same of the peer; null without one.</param>
/// <param name="Ratio">Peer over ours: above 1 we are faster.</param>
/// <param name="MinRatio">The same of the minima of all rounds.</param>
/// <param name="Gflops">Floating-point operations of the formula (not of the algorithm) a second, in billions.</param>
/// <param name="PercentOfPeak">The same, measured by a loop of multiply-adds on so many cores. Above 100 where the algorithm needs fewer.</param>
/// <param name="Algorithm">What the planner chose.</param>
/// <param name="MaxRelativeError">Largest absolute error over largest absolute reference value.</param>
internal sealed record LayerRow(
    string Name,
    int Threads,
    double OursMs,
    double? PeerMs,
    double? Ratio,
    double? MinRatio,
    double Gflops,
    double PercentOfPeak,
    string Algorithm,
    double MaxRelativeError)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Milliseconds of <see cref="OursMs"/> until the weights are packed, where they come with the request.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? PackMs { get; init; }

    /// <summary>What the peer is, where it is an algorithm of ours.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PeerAlgorithm { get; init; }

    /// <summary>Milliseconds of <see cref="PeerMs"/> until its weights are packed.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? PeerPackMs { get; init; }

    /// <summary>Prints what stands above the table.</summary>
    public static void PrintHead(double peak)
    {
        Console.WriteLine($"{Engine.Simd.SimdLevels.Best}, multiply-add peak {peak:F0} GFLOP/s a core");
        Console.WriteLine($"{"layer",-24} {"thr",3} {"ours ms",9} {"peer ms",9} {"ratio",6} {"min",6} {"GFLOP/s",8} {"% peak",6} {"error",8}  algorithm");
    }

    /// <summary>Prints the line.</summary>
    public void Print() => Console.WriteLine(
        $"{Name,-24} {Threads,3} {OursMs,9:F3} {PeerMs,9:F3} {Ratio,6:F2} {MinRatio,6:F2} {Gflops,8:F1} {PercentOfPeak,6:F0} {MaxRelativeError,8:E1}  {Algorithm}{Packing}");

    private string Packing => PackMs is null ? "" : $", packed in {PackMs:F3} ms; peer {PeerAlgorithm}, {PeerPackMs:F3} ms";

    /// <summary>Writes lines as a JSON array; does nothing without a path.</summary>
    public static void Save(IReadOnlyList<LayerRow> rows, string path)
    {
        if (path.Length > 0)
            File.WriteAllText(path, JsonSerializer.Serialize(rows, Json));
    }
}
