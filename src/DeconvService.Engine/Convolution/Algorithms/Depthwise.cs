using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// Convolution and transposed convolution of each channel by itself: picture filters, the depthwise layers of MobileNet, up-sampling by
/// interpolation. Runs near the speed of memory: see <see cref="DepthwisePlan{V}"/>.
/// </summary>
internal sealed class Depthwise : IConvAlgorithm
{
    // With more outputs a channel the matrix product is better: it loads an input once for several of them.
    private const int MaximumMultiplier = 2;

    // Twice what the outer caches of most machines hold: the output would drive out the input, and be gone itself when it is read.
    private const long PastCachesBytes = 64L << 20;

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
        SeparableTaps? separable = shape.Accuracy == Accuracy.Exact ? null : SeparableTaps.TryFind(shape, request.Weights.Weight.Span);

        // A residual may be the output itself, which is then to be read once only; what is written past the caches may be written twice.
        bool pastCaches = shape.OutputBytes >= PastCachesBytes && axes[2].Phases.Length == 1 && !request.Output.Epilogue.HasResidual;
        // Rows of one block have to be aligned alike for it.
        pastCaches &= axes[2].Output % V.Count == 0 || axes[1].Grid == 1;
        bool pieces = separable is null && axes[1].Grid == 1;
        var cut = DepthwiseCut.TryCreate(shape, separable is not null, pieces, V.Count);
        return cut is null ? null : new DepthwisePlan<V>(request, cut, separable, pastCaches);
    }
}
