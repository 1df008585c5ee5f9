using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Convolution and transposed convolution of each channel by itself: picture filters, the depthwise layers of MobileNet, up-sampling by
/// interpolation. Runs near the speed of memory: see <see cref="DepthwisePlan{V}"/> for wide planes, <see cref="DepthwiseChannels{V}"/> for
/// small planes and strides.
/// </summary>
internal sealed class Depthwise : IConvAlgorithm
{
    // With more outputs a channel the matrix product is better: it loads an input once for several of them.
    private const int MaximumMultiplier = 2;

    // Twice what the outer caches of most machines hold: the output would drive out the input, and be gone itself when it is read.
    private const long PastCachesBytes = 64L << 20;

    // Lines of sums of the phases along x are stored and interleaved afterwards. Direct convolution interleaves them in registers: with 8 lanes
    // it takes 0.65 to 1 times as long with strides of 2 to 7 (50 layers), with 16 as often more as less.
    private const int MinimumLanesToInterleave = 16;

    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V>
    {
        ConvShape shape = request.Shape;
        int multiplier = shape.OutputChannels / shape.Groups;
        if (shape.Groups != shape.InputChannels || multiplier > (shape.Groups == 1 ? 1 : MaximumMultiplier))
            return null;

        if (DepthwiseUpsampling<V>.TryPlan(request) is { } upsampling)
            return upsampling;

        TapAxis[] axes = TapAxis.Of(shape);
        SeparableTaps? separable = !request.MayFollowSize ? null : SeparableTaps.TryFind(shape, request.Weights.Weight.Span);

        if (separable is null && request.MayFollowSize && ChannelsAreFaster(shape, axes, V.Count) && DepthwiseChannels<V>.TryPlan(request) is { } channels)
            return channels;

        // A stride of half a vector fills shorter ones: a third of the time that interleaving eight phases takes. With a quarter it is no gain.
        if (V.Count > V256.Count && DepthwiseUpsampling<V256>.TryPlan(request) is { } shorter)
            return shorter;

        bool interleaves = separable is null && axes[2].Phases.Length > 1;
        if (interleaves && V.Count < MinimumLanesToInterleave && !request.EvenIfSlow && Direct.Beats<V>(request))
            return null;

        // A residual may be the output itself, which is then to be read once only; what is written past the caches may be written twice.
        bool pastCaches = shape.OutputBytes >= PastCachesBytes && axes[2].Phases.Length == 1 && !request.Output.Epilogue.HasResidual;
        // Rows of one block have to be aligned alike for it.
        pastCaches &= axes[2].Output % V.Count == 0 || axes[1].Grid == 1;
        DepthwiseGeometry? geometry = separable is not null ? DepthwiseGeometry.TryCreate(shape, separable: true, V.Count)
            : Choices<Depthwise, V, DepthwiseGeometry?>.Table.Of(shape, default, static (layer, _) => DepthwiseGeometry.TryCreate(layer, separable: false, V.Count));
        return geometry is null ? null : new DepthwisePlan<V>(request, geometry, separable, pastCaches);
    }

    /// <summary>Whether channels in the lanes are faster than columns, by the number of columns that an output row has in each phase.</summary>
    /// <remarks>
    /// Measured with 16 lanes over kernels of 3, 5 and 7: at stride 1 turning the input pays up to 14 columns (1.3 to 4 times as fast) and no
    /// more at 28 (0.7 to 1.1); with a stride, whose input has to be sorted for columns, up to 28 (1.1 to 2), not at 56 (0.75 to 1.1);
    /// transposed up to 56 (1.9), as phases interleave for nothing; a single row up to 1000 (2.2), not at 4000. With depth each slice is
    /// turned for every tap. Against <see cref="DepthwiseSquare{V}"/> it pays with 8 and with 16 lanes up to about as many columns: its time
    /// goes by planes and lines where they are so short, and by the taps of a line. At stride 1 that is 14 (1.1, at 20 0.9); at stride 2, for
    /// 3x3 12 (at 10 1.2, at 14 0.8), with 8 lanes for 5x5 17 (at 14 1.4, at 16 1.1), for 7x7 22 (at 16 1.2, at 20 1.3); with 16 lanes they pay
    /// up to 14 (1 and 1.1), not at 16 (0.7 and 0.8), where columns fill a vector.
    /// </remarks>
    private static bool ChannelsAreFaster(ConvShape shape, TapAxis[] axes, int lanes)
    {
        (TapAxis z, TapAxis y, TapAxis x) = (axes[0], axes[1], axes[2]);
        double columns = DepthwiseSquare.Takes(z, y, x) ? (x.InputStep == 1 ? 14 : Math.Min(5 + (2.5 * x.Kernel), lanes == 16 ? 15 : 23))
            : lanes * (z.Kernel > 1 ? 1 : y.Kernel == 1 && y.Grid == 1 ? 64 : x.Phases.Length > 1 ? 4 : x.InputStep > 1 ? 2 : 1);
        // Lanes without a channel compute in vain.
        double used = (double)shape.InputChannels / ((shape.InputChannels + lanes - 1) / lanes * lanes);
        return x.Grid <= columns * used;
    }
}
