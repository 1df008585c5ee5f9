using System.Buffers;
using System.Globalization;
using DeconvService.Api.Errors;
using DeconvService.Api.Limits;
using DeconvService.Api.Models.Progress;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Imaging;
using Microsoft.AspNetCore.Connections;

namespace DeconvService.Api.Models.Pictures;

/// <summary>The handler of <c>POST /v1/models/{name}/image</c>.</summary>
internal sealed class PictureEndpoint(
    ModelRepository repository,
    IImageCodec codec,
    ComputeQueue queue,
    AlignedBufferPool buffers,
    ProgressRegistry registry,
    ServiceMetrics metrics,
    LimitsOptions limits,
    ModelsOptions options,
    IMemoryPoolFactory<byte> pools)
{
    /// <summary>The header that names a request for <c>GET /v1/progress/{id}</c>.</summary>
    public const string RequestIdHeader = "X-Request-Id";

    // Takes blocks back. Without it, what was sent stays until the next garbage collection: tens of megabytes for a large picture.
    private readonly MemoryPool<byte> _encoded = pools.Create();

    /// <summary>Sends the picture of the body through a network.</summary>
    public async Task HandleAsync(HttpContext context, string name, CancellationToken cancellationToken)
    {
        var timing = ServerTiming.Of(context);
        _ = PictureAnswer.Choose(context); // an Accept that cannot be met is answered before the picture is read
        (Accuracy accuracy, int? quality) = PictureParameters.Read(context.Request.Query);
        using ModelLease lease = repository.Lease(name);
        PictureMapping mapping = PictureMapping.Of(lease.Model);
        using RequestProgress progress = registry.Begin(context.Request.Headers[RequestIdHeader]);
        using PictureBody body = await PictureBody.ReadAsync(context.Request, buffers, cancellationToken);
        ImageInfo picture = codec.Identify(body.Bytes);
        PictureAnswer answer = PictureAnswer.Choose(context, picture.Format);
        timing.Start("plan");
        TileRun run = Plan(lease.Model, mapping, picture, accuracy, answer);
        using var job = new PictureJob(codec, run, body, picture, timing);
        RequestFacts facts = RequestFacts.Of(context);
        facts.Shapes = $"{picture.Width} x {picture.Height} -> {job.Width} x {job.Height} by {name} in {run.Plan.Count} tiles";
        timing.Stop();
        using IDisposable memory = await queue.ReserveAsync(answer.Format is null ? job.TensorJobBytes : job.PixelJobBytes, cancellationToken);
        if (answer.Format is { } format)
            await AnswerPictureAsync(context, job, lease.Model, new ImageEncoding(format, quality), progress, cancellationToken);
        else
            await AnswerTensorAsync(context, job, lease.Model, answer, progress, timing, cancellationToken);

        facts.Algorithm = job.Algorithms;
        metrics.NetworkComputed(job.Algorithms, run.ComputeTime, run.MultiplyAdds);
    }

    private TileRun Plan(ServedModel model, PictureMapping mapping, ImageInfo picture, Accuracy accuracy, PictureAnswer answer)
    {
        (long width, long height) = (SizeOf(picture.Width), SizeOf(picture.Height));
        long channels = mapping.ColoursOf(picture.Channels is 2 or 4 ? picture.Channels - 1 : picture.Channels) + (picture.Channels is 2 or 4 ? 1 : 0);
        PictureFaults.ThrowUnlessAnswerable(width, height, channels, answer.Format, limits);
        return new TileRun(model, mapping, picture, accuracy, options, buffers);

        long SizeOf(int pixels) => ((long)pixels * mapping.Geometry.ScaleNumerator + mapping.Geometry.ScaleDenominator - 1) / mapping.Geometry.ScaleDenominator;
    }

    private async Task AnswerPictureAsync(
        HttpContext context, PictureJob job, ServedModel model, ImageEncoding encoding, RequestProgress progress, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var encoded = new EncodedPicture(_encoded);
        Task producing = ProduceAsync();
        try
        {
            context.Response.ContentLength = await encoded.HoldBackAsync(cancellationToken);
            SetHeaders(context, job, model, encoding.Format.MediaType());
            await encoded.SendAsync(context.Response.BodyWriter, cancellationToken);
            await producing;
        }
        finally
        {
            // Whatever went wrong: pixels are freed only when decoder, network and encoder have let go of them.
            await stop.CancelAsync();
            encoded.Abandon();
            await producing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task ProduceAsync()
        {
            Exception? failure = null;
            try
            {
                await job.RunEncodedAsync(queue, encoding, encoded, progress, stop.Token);
            }
            catch (Exception exception)
            {
                failure = exception;
                await stop.CancelAsync();
            }

            try
            {
                await job.FinishEncodingAsync();
            }
            catch (Exception exception)
            {
                failure ??= exception;
            }

            encoded.Complete(failure);
        }
    }

    private async Task AnswerTensorAsync(
        HttpContext context,
        PictureJob job,
        ServedModel model,
        PictureAnswer answer,
        RequestProgress progress,
        ServerTiming timing,
        CancellationToken cancellationToken)
    {
        using Tensor tensor = await job.RunTensorAsync(queue, buffers, progress, cancellationToken);
        TensorEncoding encoding = answer.MediaType.Equals(TensorMediaTypes.Npy, StringComparison.Ordinal) ? TensorEncoding.Npy : TensorEncoding.Json;
        timing.Start("encode");
        SetHeaders(context, job, model, answer.MediaType);
        context.Response.ContentLength = TensorWriter.LengthOf(tensor, encoding);
        await TensorWriter.WriteAsync(context.Response.BodyWriter, tensor, encoding, cancellationToken);
    }

    private static void SetHeaders(HttpContext context, PictureJob job, ServedModel model, string mediaType)
    {
        context.Response.ContentType = mediaType;
        IHeaderDictionary headers = context.Response.Headers;
        headers["Deconv-Model"] = $"{model.Name}/{model.Version}";
        headers["Deconv-Tiles"] = job.Tiles.ToString(CultureInfo.InvariantCulture);
        headers["Deconv-Milliseconds"] = Math.Round(job.Milliseconds).ToString(CultureInfo.InvariantCulture);
        headers["Deconv-Algorithm"] = job.Algorithms;
    }
}
