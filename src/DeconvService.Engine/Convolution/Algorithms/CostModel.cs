using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// What an algorithm would cost, in cycles of one core that does 16 multiply-adds a cycle: one of a vector of 16, or two of vectors of 8.
/// Only the ratios matter: they say where Winograd's saved products are worth its transforms and its larger weights. Here is what the
/// algorithms have in common; see <see cref="DirectCost"/>, <see cref="MatrixProductCost"/> and <see cref="WinogradCost"/>.
/// </summary>
/// <remarks>
/// The constants are fitted to the times of some 270 layers of all kinds, each forced to all algorithms; the median error is 4 %, and 11 in
/// planar order. What belongs to each row, line or piece of one is counted beside its vectors: without it, layers with short rows and few
/// outputs were planned as if their copying cost nothing. They were measured on a Zen 4 core. On one of Zen 5, which multiplies twice as fast
/// with AVX-512 and whose overheads weigh more, the choices of 150 other layers cost 1.3 % more time than the best ones.
/// </remarks>
internal static class CostModel
{
    /// <summary>Multiply-adds of a cycle.</summary>
    public const double Lanes = 16;

    /// <summary>A call of the micro-kernel.</summary>
    public const double KernelCall = 30;

    /// <summary>A vector of outputs that is finished.</summary>
    public const double FinishedVector = 4;

    /// <summary>
    /// A step of a register block takes at least the time of weights from the second-level cache and of sums that wait for the last step's.
    /// </summary>
    public const double ShortestStep = 8;

    /// <summary>The largest stride that shows in the time of loading a vector.</summary>
    public const double LargestStep = 8;

    /// <summary>Weights, tiles, and outputs beyond this do not stay in the last-level cache from run to run.</summary>
    public const double CachedBytes = 16 << 20;

    /// <summary>What passes by again and again is waited for beyond this.</summary>
    public const double SecondLevelBytes = 1 << 20;

    /// <summary>
    /// Weights that do not fit the second-level cache pass by once for each panel, which reads a few numbers at a time. Measured; for a block of
    /// tiles, which reads whole lines, it is 24.
    /// </summary>
    public const double PanelBytesPerCycle = 8;

    /// <summary>Packing weights with channels in the lanes, cycles a number.</summary>
    public const double PackLanes = 1.2;

    /// <summary>
    /// Panels of a matrix product that stay in a quarter of a second-level cache of 1 MB while all weights, and outputs, pass by: with half of it,
    /// layers with large outputs took 2 to 4 % longer.
    /// </summary>
    public const int GemmBatchBytes = 256 << 10;

    /// <summary>
    /// The row of sums that a matrix product writes at once: long, but a block of channels in the first-level cache (9 rows are 18 KB).
    /// Half as long is 2 to 4 % slower where the reduction is 64.
    /// </summary>
    public const int GemmBatchPositions = 512;

    // What does not stay in the last-level cache comes from memory at so many bytes a cycle: what a core gets while another one asks, too;
    // alone it gets 8.
    private const double MemoryBytesPerCycle = 6;
    private const double CacheBytesPerCycle = 12;

    // Packing what the last-level cache does not hold takes so many cycles more for a number.
    private const double PackToMemory = 1.1;

    /// <summary>
    /// How much Winograd has to gain. Less is a matter of chance: then the plainer algorithm, which needs less memory, is taken; but with 16
    /// registers its costs are overestimated by as much already. What packing takes is known less well than what a run takes, and differs more
    /// between machines: with 1.15, on a Zen 5 core ten of 182 layers took Winograd, and eight of them would have been faster without.
    /// </summary>
    public static double Margin<V>(WeightUse use)
        where V : struct, IVec<V> => use == WeightUse.Once ? 1.3 : V.Registers < 32 ? 1 : 1.05;

    /// <summary>What packing adds to a request that brings its own weights.</summary>
    public static double Packing(WeightUse use, double source, double packed, double cycles, double toMemory = PackToMemory)
    {
        bool cached = (source + packed) * sizeof(float) <= CachedBytes;
        return use == WeightUse.Many ? 0 : cycles + (cached ? 0 : packed * toMemory);
    }

    /// <summary>Waiting for weights that pass by so many times.</summary>
    public static double Passing(double weights, double times, double bytesPerCycle)
    {
        double bytes = weights * sizeof(float);
        return bytes <= SecondLevelBytes || times <= 1 ? 0 : times * bytes / bytesPerCycle;
    }

    /// <summary>Reading weights once.</summary>
    public static double Traffic(double weights)
    {
        double bytes = weights * sizeof(float);
        return bytes / (bytes <= CachedBytes ? CacheBytesPerCycle : MemoryBytesPerCycle);
    }
}
