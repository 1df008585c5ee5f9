using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static DeconvService.Imaging.Vips.VipsNative;

namespace DeconvService.Imaging.Vips;

/// <summary>
/// Lets libvips take rows out of a <see cref="PixelBuffer"/> and put encoded bytes into a stream, through two callbacks.
/// It asks for the rows from the top down, and the callback waits for those that are not ready yet.
/// </summary>
internal sealed unsafe class VipsTransfer : IDisposable
{
    private readonly PixelBuffer _pixels;
    private readonly Stream _destination;
    private readonly CancellationToken _cancellationToken;
    private GCHandle _self;
    private Exception? _failure;

    public VipsTransfer(PixelBuffer pixels, Stream destination, CancellationToken cancellationToken)
    {
        _pixels = pixels;
        _destination = destination;
        _cancellationToken = cancellationToken;
        _self = GCHandle.Alloc(this);

        Image = vips_image_new();
        var interpretation = pixels.ColourChannels == 1 ? InterpretationBlackAndWhite : InterpretationSrgb;
        const double PixelsPerMillimetre = 72 / 25.4;
        vips_image_init_fields(
            Image, pixels.Width, pixels.Height, pixels.Channels, FormatUchar, CodingNone, interpretation, PixelsPerMillimetre, PixelsPerMillimetre);
        nint noInputs = 0;
        _ = vips_image_pipeline_array(Image, DemandThinStrip, &noInputs);
        _ = vips_image_generate(Image, 0, &Generate, 0, GCHandle.ToIntPtr(_self), 0);

        Target = vips_target_custom_new();
        delegate* unmanaged<nint, void*, long, nint, long> write = &Write;
        _ = g_signal_connect_data(Target, "write", (nint)write, GCHandle.ToIntPtr(_self), 0, 0);
    }

    /// <summary>The VipsImage whose pixels are the buffer's.</summary>
    public nint Image { get; }

    /// <summary>The VipsTarget that writes to the stream.</summary>
    public nint Target { get; }

    /// <summary>Throws what went wrong inside a callback, where an exception cannot pass through the native frames.</summary>
    public void ThrowIfFailed()
    {
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
    }

    public void Dispose()
    {
        g_object_unref(Image);
        g_object_unref(Target);
        _self.Free();
    }

    [UnmanagedCallersOnly]
    private static int Generate(VipsRegion* region, void* sequence, void* self, void* unused, int* stop)
    {
        var transfer = (VipsTransfer)GCHandle.FromIntPtr((nint)self).Target!;
        try
        {
            var pixels = transfer._pixels;
            transfer._cancellationToken.ThrowIfCancellationRequested();
            pixels.WaitForRows(region->Top + region->Height, transfer._cancellationToken);
            var source = pixels.Rows(region->Top, region->Height);
            var length = region->Width * pixels.Channels;
            for (var y = 0; y < region->Height; y++)
            {
                source.Slice((y * pixels.RowBytes) + (region->Left * pixels.Channels), length)
                    .CopyTo(new Span<byte>(region->Data + ((nint)y * region->BytesPerLine), length));
            }

            return 0;
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref transfer._failure, exception, null);
            return -1;
        }
    }

    [UnmanagedCallersOnly]
    private static long Write(nint target, void* data, long length, nint self)
    {
        var transfer = (VipsTransfer)GCHandle.FromIntPtr(self).Target!;
        try
        {
            transfer._destination.Write(new ReadOnlySpan<byte>(data, checked((int)length)));
            return length;
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref transfer._failure, exception, null);
            return -1;
        }
    }
}
