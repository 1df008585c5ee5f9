using System.IO.Pipelines;
using DeconvService.Api.Limits;
using Microsoft.AspNetCore.Http.Features;

namespace DeconvService.Api.Observability;

/// <summary>Counts the bytes of bodies in and out.</summary>
internal sealed class TransferCount(RequestDelegate next, ServiceMetrics metrics)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var counted = new CountedBody(context.Features.GetRequiredFeature<IHttpResponseBodyFeature>());
        context.Features.Set<IHttpResponseBodyFeature>(counted);
        try
        {
            await next(context);
        }
        finally
        {
            long received = context.Request.ContentLength ?? (context.Features.Get<IRequestBodyPipeFeature>() as LimitedPipeReader)?.Seen ?? 0;
            metrics.Transferred(received, counted.Bytes);
        }
    }

    private sealed class CountedBody : PipeWriter, IHttpResponseBodyFeature
    {
        private readonly IHttpResponseBodyFeature _body;
        private Stream? _stream;

        public CountedBody(IHttpResponseBodyFeature body) => _body = body;

        public long Bytes { get; private set; }

        public PipeWriter Writer => this;

        public Stream Stream => _stream ??= AsStream(leaveOpen: true);

        public override bool CanGetUnflushedBytes => _body.Writer.CanGetUnflushedBytes;

        public override long UnflushedBytes => _body.Writer.UnflushedBytes;

        public override void Advance(int bytes)
        {
            Bytes += bytes;
            _body.Writer.Advance(bytes);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _body.Writer.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _body.Writer.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => _body.Writer.FlushAsync(cancellationToken);

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            Bytes += source.Length;
            return _body.Writer.WriteAsync(source, cancellationToken);
        }

        public override void CancelPendingFlush() => _body.Writer.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => _body.Writer.Complete(exception);

        public Task StartAsync(CancellationToken cancellationToken = default) => _body.StartAsync(cancellationToken);

        public Task CompleteAsync() => _body.CompleteAsync();

        public void DisableBuffering() => _body.DisableBuffering();

        public async Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default)
        {
            await _body.SendFileAsync(path, offset, count, cancellationToken);
            Bytes += count ?? (new FileInfo(path).Length - offset);
        }
    }
}
