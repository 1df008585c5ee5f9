using System.Diagnostics;
using System.Runtime.ExceptionServices;
using DeconvService.Api.Errors;
using DeconvService.Api.Models.Progress;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Tensors;
using DeconvService.Imaging;

namespace DeconvService.Api.Models.Pictures;

/// <summary>
/// A picture that goes through a network: decoding, tiles and encoding each on a thread of its own, each working on the rows that the one
/// before it has finished. Pixels are kept in 8 bits; only a tile is ever held in float32.
/// </summary>
internal sealed class PictureJob : IDisposable
{
    private readonly IImageCodec _codec;
    private readonly TileRun _run;
    private readonly PictureBody _encoded;
    private readonly ImageInfo _picture;
    private readonly ServerTiming _timing;
    private readonly long _start = Stopwatch.GetTimestamp();
    private PixelBuffer? _resultPixels;
    private Task _encoding = Task.CompletedTask;
    private TimeSpan _encodeTime;

    /// <summary>Prepares the work; takes no memory yet.</summary>
    public PictureJob(IImageCodec codec, TileRun run, PictureBody encoded, ImageInfo picture, ServerTiming timing)
    {
        (_codec, _run, _encoded, _picture, _timing) = (codec, run, encoded, picture, timing);
        Width = run.Mapping.Geometry.ToOutput(picture.Width);
        Height = run.Mapping.Geometry.ToOutput(picture.Height);
        bool alpha = picture.Channels is 2 or 4;
        Channels = run.Mapping.ColoursOf(alpha ? picture.Channels - 1 : picture.Channels) + (alpha ? 1 : 0);
    }

    /// <summary>Width of the result.</summary>
    public int Width { get; }

    /// <summary>Height of the result.</summary>
    public int Height { get; }

    /// <summary>Channels of the result.</summary>
    public int Channels { get; }

    /// <summary>Tiles in all.</summary>
    public int Tiles => _run.Plan.Count;

    /// <summary>Names of the algorithms that ran.</summary>
    public string Algorithms => _run.Algorithms;

    /// <summary>Milliseconds since the work was prepared.</summary>
    public double Milliseconds => Stopwatch.GetElapsedTime(_start).TotalMilliseconds;

    /// <summary>Bytes that the job takes beside its body with a result of 8-bit pixels, encoded.</summary>
    public long PixelJobBytes => BaseBytes + Elements + Math.Min(Elements, EncodedPicture.HoldBackBytes);

    /// <summary>Bytes that the job takes beside its body with a result of float32.</summary>
    public long TensorJobBytes => BaseBytes + (Elements * sizeof(float));

    /// <summary>Values of the result.</summary>
    public long Elements => (long)Width * Height * Channels;

    private long BaseBytes => _picture.DecodeBytes + _run.TileBytes;

    /// <summary>Decodes and computes, with an encoder running beside that goes on after this returns: <see cref="FinishEncodingAsync"/>.</summary>
    public async Task RunEncodedAsync(
        ComputeQueue queue, ImageEncoding encoding, EncodedPicture target, RequestProgress progress, CancellationToken cancellationToken)
    {
        _resultPixels = new PixelBuffer(Width, Height, Channels);
        _encoding = OnThreadOfItsOwn(() => Encode(_resultPixels, encoding, target, cancellationToken));
        try
        {
            await RunIntoAsync(queue, new PixelResult(_resultPixels), progress, cancellationToken);
        }
        catch (Exception exception)
        {
            _resultPixels.Fail(exception);
            throw;
        }
    }

    /// <summary>Decodes and computes a tensor <c>(1, C, H, W)</c>, which the caller disposes.</summary>
    public async Task<Tensor> RunTensorAsync(ComputeQueue queue, AlignedBufferPool buffers, RequestProgress progress, CancellationToken cancellationToken)
    {
        var tensor = new Tensor(new TensorShape(1, Channels, Height, Width), buffers.Rent(Elements));
        try
        {
            await RunIntoAsync(queue, new TensorResult(tensor), progress, cancellationToken);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Waits for the encoder.</summary>
    public async Task FinishEncodingAsync()
    {
        await _encoding;
        _timing.Add("encode", _encodeTime);
    }

    /// <inheritdoc/>
    public void Dispose() => _resultPixels?.Dispose();

    private async Task RunIntoAsync(ComputeQueue queue, IPictureResult result, RequestProgress progress, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var pixels = new PixelBuffer(_picture.Width, _picture.Height, _picture.Channels);
        long start = Stopwatch.GetTimestamp();
        TimeSpan decodeTime = default;
        Task decoding = OnThreadOfItsOwn(() =>
        {
            _codec.Decode(_encoded.Bytes, pixels, stop.Token);
            decodeTime = Stopwatch.GetElapsedTime(start);
        });
        try
        {
            await _run.ExecuteAsync(queue, pixels, result, progress, cancellationToken);
        }
        catch (IOException exception) when (exception.InnerException is ImageException image)
        {
            ExceptionDispatchInfo.Throw(image);
        }
        finally
        {
            // The decoder must have let go of the pixels before they are freed.
            await stop.CancelAsync();
            await decoding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _timing.Add("decode", decodeTime);
            _timing.Add("queue", Stopwatch.GetElapsedTime(start) - _run.ComputeTime);
            _timing.Add("run", _run.ComputeTime);
        }
    }

    private void Encode(PixelBuffer pixels, ImageEncoding encoding, EncodedPicture target, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        using Stream stream = target.OpenWriter();
        _codec.Encode(pixels, encoding, stream, cancellationToken);
        _encodeTime = Stopwatch.GetElapsedTime(start);
    }

    private static Task OnThreadOfItsOwn(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
