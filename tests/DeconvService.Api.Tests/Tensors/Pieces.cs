using System.Buffers;
using System.IO.Pipelines;

namespace DeconvService.Api.Tests.Tensors;

/// <summary>Bytes that come through a pipe in pieces, as a network brings them.</summary>
internal static class Pieces
{
    /// <summary>One read that hands out segments cut at the given places.</summary>
    public static PipeReader Segments(ReadOnlyMemory<byte> bytes, params int[] cuts) => PipeReader.Create(Sequence(bytes, cuts));

    /// <summary>One read after another, each of at most so many bytes.</summary>
    public static PipeReader Reads(byte[] bytes, int pieceBytes) => PipeReader.Create(Stream(bytes, pieceBytes));

    /// <summary>A stream that gives at most so many bytes a read.</summary>
    public static Stream Stream(byte[] bytes, int pieceBytes) => new PieceStream(bytes, pieceBytes);

    private static ReadOnlySequence<byte> Sequence(ReadOnlyMemory<byte> bytes, int[] cuts)
    {
        Segment? first = null;
        Segment? last = null;
        int start = 0;
        foreach (int cut in (int[])[.. cuts, bytes.Length])
        {
            last = new Segment(bytes[start..cut], last);
            first ??= last;
            start = cut;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is null)
                return;

            previous.Next = this;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
        }
    }

    private sealed class PieceStream(byte[] bytes, int pieceBytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, pieceBytes)], cancellationToken);
    }
}
