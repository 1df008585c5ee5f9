using System.IO.Pipelines;
using DeconvService.Api.Limits;
using DeconvService.Api.Models.Pictures;
using DeconvService.Api.Observability;
using DeconvService.Api.Scheduling;
using DeconvService.Api.Tensors;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Imaging;

namespace DeconvService.Api.Images;

/// <summary>The handler of <c>/v1/images/conv</c> and <c>/v1/images/conv-transpose</c>.</summary>
internal sealed class ImageEndpoint(IImageCodec codec, ConvolutionEngine engine, ComputeQueue queue, ServiceMetrics metrics, LimitsOptions limits)
{
    // The filter's tiles and the engine's workspace.
    private const long FilterBytes = 16L << 20;

    /// <summary>Filters the picture of the request and answers a picture or a tensor, as <c>Accept</c> asks.</summary>
    public async Task HandleAsync(HttpContext context, ConvKind kind, CancellationToken cancellationToken)
    {
        var timing = ServerTiming.Of(context);
        _ = PictureAnswer.Choose(context); // an Accept that cannot be met is answered before the picture is read

        var parameters = new ImageParameterReader(kind);
        parameters.Take(context.Request.Query);
        using PictureBody body = await PictureBody.ReadAsync(context.Request, engine.Buffers, cancellationToken, parameters.Take);
        ImageRequest request = parameters.Build();
        ImageInfo picture = codec.Identify(body.Bytes);
        PictureAnswer answer = PictureAnswer.Choose(context, picture.Format);
        ConvShape layer = request.LayerOf(picture.Channels, picture.Height, picture.Width);
        PictureFaults.ThrowUnlessAnswerable(layer.Output[3], layer.Output[2], layer.Output[1], answer.Format, limits);
        RequestFacts facts = RequestFacts.Of(context);
        facts.Shapes = $"{layer.Input} * {layer.Weight} -> {layer.Output}";

        // Pixels that go out are there twice, as they are and encoded; those of a tensor once.
        long resultBytes = layer.Output.Count * (answer.Format is null ? sizeof(float) : 2);
        timing.Start("queue");
        using IDisposable memory = await queue.ReserveAsync(picture.DecodeBytes + resultBytes + FilterBytes, cancellationToken);
        var job = new Job(codec, engine, timing, metrics, request, layer, picture);
        if (answer.Format is { } format)
        {
            var encoded = new Pipe(new PipeOptions(pauseWriterThreshold: 0, minimumSegmentSize: 64 << 10, useSynchronizationContext: false));
            await queue.RunAsync(bytes: 0, token => job.RunPicture(body, new ImageEncoding(format, request.Quality), encoded.Writer, token), cancellationToken, layer.MultiplyAdds);
            SetHeaders(context, answer, job, facts);
            await SendAsync(context.Response, encoded.Reader, cancellationToken);
        }
        else
        {
            using var tensor = new Tensor(layer.Output, engine.Buffers.Rent(layer.Output.Count));
            await queue.RunAsync(bytes: 0, token => job.RunTensor(body, tensor, token), cancellationToken, layer.MultiplyAdds);
            TensorEncoding encoding = answer.MediaType.Equals(TensorMediaTypes.Npy, StringComparison.Ordinal) ? TensorEncoding.Npy : TensorEncoding.Json;
            timing.Start("encode");
            SetHeaders(context, answer, job, facts);
            context.Response.ContentLength = TensorWriter.LengthOf(tensor, encoding);
            await TensorWriter.WriteAsync(context.Response.BodyWriter, tensor, encoding, cancellationToken);
        }
    }

    private static async Task SendAsync(HttpResponse response, PipeReader encoded, CancellationToken cancellationToken)
    {
        try
        {
            // The writer is done, so this is all of it.
            ReadResult whole = await encoded.ReadAsync(cancellationToken);
            response.ContentLength = whole.Buffer.Length;
            foreach (ReadOnlyMemory<byte> piece in whole.Buffer)
                await response.BodyWriter.WriteAsync(piece, cancellationToken);
        }
        finally
        {
            await encoded.CompleteAsync();
        }
    }

    private static void SetHeaders(HttpContext context, PictureAnswer answer, Job job, RequestFacts facts)
    {
        facts.Algorithm = job.Algorithm;
        context.Response.ContentType = answer.MediaType;
        context.Response.Headers["Deconv-Algorithm"] = job.Algorithm;
    }

    /// <summary>The work of one request, on a thread of the queue.</summary>
    private sealed class Job(
        IImageCodec codec, ConvolutionEngine engine, ServerTiming timing, ServiceMetrics metrics, ImageRequest request, ConvShape layer, ImageInfo picture)
    {
        public string Algorithm { get; private set; } = "";

        public void RunPicture(PictureBody body, ImageEncoding encoding, PipeWriter encoded, CancellationToken cancellationToken)
        {
            using var result = new PixelBuffer(layer.Output[3], layer.Output[2], layer.Output[1]);
            Filter(body, (filter, source) => filter.Run(source, result, cancellationToken), cancellationToken);
            timing.Start("encode");
            using (Stream stream = encoded.AsStream(leaveOpen: true))
                codec.Encode(result, encoding, stream, cancellationToken);

            encoded.Complete();
            timing.Stop();
        }

        public void RunTensor(PictureBody body, Tensor result, CancellationToken cancellationToken) =>
            Filter(body, (filter, source) => filter.Run(source, result, cancellationToken), cancellationToken);

        private void Filter(PictureBody body, Action<ImageFilter, PixelBuffer> run, CancellationToken cancellationToken)
        {
            timing.Start("decode");
            using var source = new PixelBuffer(picture.Width, picture.Height, picture.Channels);
            codec.Decode(body.Bytes, source, cancellationToken);
            timing.Start("plan");
            using var filter = new ImageFilter(engine, layer, request.Kernel, request.Outside, request.Look);
            Algorithm = filter.Algorithm;
            timing.Start("run");
            run(filter, source);
            metrics.Computed(layer.Kind, Algorithm, timing.Stop(), layer.MultiplyAdds);
        }
    }
}
