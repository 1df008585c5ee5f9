using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Images;

/// <summary>What a request to an image endpoint asks for, checked as far as that is possible without the picture.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Parameters">Stride, padding and so on; what stands outside of the picture is <paramref name="Outside"/>.</param>
/// <param name="Outside">What stands outside of the picture.</param>
/// <param name="Look">Scale and offset.</param>
/// <param name="Quality">Of JPEG and WebP; null for the format's default.</param>
internal sealed record ImageRequest(ImageKernel Kernel, ConvParameters Parameters, PaddingMode Outside, ImageFilterLook Look, int? Quality)
{
    /// <summary>The layer for a picture's size.</summary>
    /// <exception cref="ConvShapeException">The parameters do not fit the picture.</exception>
    public ConvShape LayerOf(int channels, int height, int width)
    {
        // Checked with the padding mode that the client asked for; the filter itself supplies what is outside.
        ConvParameters parameters = Parameters.Kind == ConvKind.Convolution ? Parameters with { PaddingMode = Outside } : Parameters;
        return Kernel.LayerOf(parameters, channels, height, width);
    }
}
