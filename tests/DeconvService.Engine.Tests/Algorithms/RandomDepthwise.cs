using DeconvService.Engine.Convolution;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Algorithms;

/// <summary>What the random layers of the depthwise algorithms' tests have in common.</summary>
internal static class RandomDepthwise
{
    /// <summary>Draws parameters.</summary>
    /// <param name="random">Where the numbers come from.</param>
    /// <param name="transposed">Whether the layer is transposed.</param>
    /// <param name="channels">Number of channels and groups.</param>
    /// <param name="largestStride">The largest stride.</param>
    /// <param name="largestPadding">The largest padding on each side.</param>
    public static ConvParameters Parameters(Random random, bool transposed, int channels, int largestStride, int largestPadding)
    {
        int stride = random.Next(1, largestStride + 1), dilation = random.Next(1, 4);
        return new ConvParameters
        {
            Kind = transposed ? ConvKind.Transposed : ConvKind.Convolution,
            Stride = stride,
            Dilation = dilation,
            Padding = ConvPadding.Pairs(random.Next(0, largestPadding + 1), random.Next(0, largestPadding + 1)),
            OutputPadding = transposed ? random.Next(0, Math.Max(stride, dilation)) : 0,
            PaddingMode = transposed ? PaddingMode.Zeros : (PaddingMode)random.Next(4),
            Groups = channels,
            Fit = transposed ? ConvFit.Exact : ConvFit.Floor,
        };
    }

    /// <summary>Draws until the sizes of a layer fit together.</summary>
    public static ConvCase FirstThatFits(Func<ConvCase> draw)
    {
        while (true)
        {
            ConvCase layer = draw();
            try
            {
                _ = layer.Shape;
                return layer;
            }
            catch (ConvShapeException)
            {
                // The next one.
            }
        }
    }
}
