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
    double MaxRelativeError);
