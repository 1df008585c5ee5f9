using System.Buffers;
using System.IO.Pipelines;

namespace DeconvService.Api.Models.Pictures;

/// <summary>
/// An encoded picture on its way to the client. It is held back until it is whole, so that what goes wrong until then is still answered with
/// an error and the headers can say how long it took; a picture that is larger than <see cref="HoldBackBytes"/> starts to flow before, and
/// from then on its writer waits for the client.
/// </summary>
/// <param name="memory">Where what is not sent yet is kept.</param>
internal sealed class EncodedPicture(MemoryPool<byte> memory)
{
    /// <summary>Most bytes that are held back.</summary>
    public const long HoldBackBytes = 32L << 20;

    /// <summary>Most bytes that wait for the client beside those that were held back.</summary>
    private const long UnreadBytes = 4L << 20;

    // What the pipe counts are bytes that its reader has not looked at: nothing while they are held back, all of them afterwards.
    private readonly Pipe _pipe = new(new PipeOptions(
        memory,
        pauseWriterThreshold: UnreadBytes,
        resumeWriterThreshold: UnreadBytes / 2,
        useSynchronizationContext: false));

    /// <summary>What the encoder writes to. A write blocks its thread while the client has more than enough to read.</summary>
    public Stream OpenWriter() => _pipe.Writer.AsStream(leaveOpen: true);

    /// <summary>Says that the picture is whole, or with <paramref name="failure"/> that it never will be.</summary>
    public void Complete(Exception? failure = null) => _pipe.Writer.Complete(failure);

    /// <summary>Waits until the picture is whole or too large to be held back.</summary>
    /// <returns>Its length, or null when it is not whole.</returns>
    /// <exception cref="Exception">What it was completed with.</exception>
    public async Task<long?> HoldBackAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult read = await _pipe.Reader.ReadAsync(cancellationToken);
            long length = read.Buffer.Length;
            bool enough = read.IsCompleted || length >= HoldBackBytes;
            _pipe.Reader.AdvanceTo(read.Buffer.Start, enough ? read.Buffer.Start : read.Buffer.End);
            if (enough)
                return read.IsCompleted ? length : null;
        }
    }

    /// <summary>Sends the picture as fast as the client takes it.</summary>
    public Task SendAsync(PipeWriter client, CancellationToken cancellationToken) => _pipe.Reader.CopyToAsync(client, cancellationToken);

    /// <summary>Frees the memory, and lets the writer's writes come to nothing.</summary>
    public void Abandon() => _pipe.Reader.Complete();
}
