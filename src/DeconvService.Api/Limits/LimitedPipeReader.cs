using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace DeconvService.Api.Limits;

/// <summary>A body of unknown length whose reading fails with 413 as soon as more than <paramref name="limit"/> bytes have come.</summary>
internal sealed class LimitedPipeReader(PipeReader body, long limit) : PipeReader, IRequestBodyPipeFeature
{
    private ReadOnlySequence<byte> _buffer;
    private long _consumed;

    public PipeReader Reader => this;

    /// <summary>Bytes that have come so far.</summary>
    public long Seen => _consumed + _buffer.Length;

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        Checked(await body.ReadAsync(cancellationToken));

    public override bool TryRead(out ReadResult result)
    {
        if (!body.TryRead(out result))
            return false;

        Checked(result);
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _consumed += _buffer.Slice(0, consumed).Length;
        _buffer = default;
        body.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => body.CancelPendingRead();

    // The rest of a refused body is still drained, so the server completes its reader, not we.
    public override void Complete(Exception? exception = null)
    {
    }

    private ReadResult Checked(ReadResult result)
    {
        long seen = _consumed + result.Buffer.Length;
        if (seen > limit)
        {
            body.AdvanceTo(result.Buffer.End);
            throw TooLarge.Exception("the body", "bytes or more", seen, limit, nameof(LimitsOptions.RequestBytes));
        }

        _buffer = result.Buffer;
        return result;
    }
}
