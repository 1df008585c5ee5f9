using DeconvService.Api.Errors;
using DeconvService.Api.Limits;
using DeconvService.Api.Models.Pictures;
using DeconvService.Api.Operators;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tensors;
using DeconvService.Engine;
using DeconvService.Engine.Tensors;
using DeconvService.Imaging;

namespace DeconvService.Api.Images;

/// <summary>Pictures as the input of the tensor operators: <c>(1, C, H, W)</c>, values 0 to 1.</summary>
internal sealed class ImageTensorReader(IImageCodec codec, ConvolutionEngine engine, ComputeQueue queue, LimitsOptions limits) : IImageTensorReader
{
    /// <inheritdoc/>
    public bool CanRead(string mediaType) => mediaType.StartsWith("image/", StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public async ValueTask<Tensor> ReadAsync(Stream picture, string mediaType, CancellationToken cancellationToken)
    {
        using PictureBody body = await PictureBody.ReadAsync(picture, engine.Buffers, cancellationToken);
        ImageInfo info = codec.Identify(body.Bytes);
        var shape = new TensorShape(1, info.Channels, info.Height, info.Width);
        TooLarge.ThrowIfOver("the picture", "elements", shape.Count, limits.TensorElements, nameof(LimitsOptions.TensorElements));

        // Pictures that are decoded at the same time are bounded by what they take, not by their number.
        using IDisposable memory = await queue.ReserveAsync(info.DecodeBytes, cancellationToken);
        return await Task.Run(() => Decode(body, info, shape, cancellationToken), cancellationToken);
    }

    private Tensor Decode(PictureBody body, ImageInfo info, TensorShape shape, CancellationToken cancellationToken)
    {
        using var pixels = new PixelBuffer(info.Width, info.Height, info.Channels);
        codec.Decode(body.Bytes, pixels, cancellationToken);
        var tensor = new Tensor(shape, engine.Buffers.Rent(shape.Count));
        PixelConversion.ToPlanes(pixels.Rows(0, pixels.Height), pixels.Channels, tensor.Data, pixels.Width * pixels.Height);
        return tensor;
    }
}
