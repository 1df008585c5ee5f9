using System.Buffers;
using System.IO.Pipelines;
using DeconvService.Api.Models.Pictures;

namespace DeconvService.Api.Tests.Models.Pictures;

public sealed class EncodedPictureTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task HoldBack_SmallPicture_WaitsForAllOfIt()
    {
        var picture = new EncodedPicture(MemoryPool<byte>.Shared);
        Task<long?> held = picture.HoldBackAsync(Cancelled);
        await using (Stream stream = picture.OpenWriter())
        {
            stream.Write([1, 2, 3]);
            stream.Write([4]);
            Assert.False(held.IsCompleted);
        }

        picture.Complete();
        Assert.Equal(4, await held);
        var client = new MemoryStream();
        await picture.SendAsync(PipeWriter.Create(client, new StreamPipeWriterOptions(leaveOpen: true)), Cancelled);
        Assert.Equal([1, 2, 3, 4], client.ToArray());
    }

    [Fact]
    public async Task HoldBack_Failure_IsThrown()
    {
        var picture = new EncodedPicture(MemoryPool<byte>.Shared);
        Task<long?> held = picture.HoldBackAsync(Cancelled);
        picture.Complete(new InvalidDataException("no"));
        await Assert.ThrowsAsync<InvalidDataException>(() => held);
    }

    [Fact]
    public async Task HoldBack_LargePicture_StartsToFlow_AndTheWriterWaitsForTheClient()
    {
        var picture = new EncodedPicture(MemoryPool<byte>.Shared);
        byte[] piece = new byte[1 << 20];
        long written = 0;
        Task writing = Task.Factory.StartNew(
            () =>
            {
                using Stream stream = picture.OpenWriter();
                for (int i = 0; i < 120; i++)
                {
                    stream.Write(piece);
                    Interlocked.Add(ref written, piece.Length);
                }

                picture.Complete();
            },
            Cancelled,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        Assert.Null(await picture.HoldBackAsync(Cancelled));
        Assert.InRange(Interlocked.Read(ref written), 0, EncodedPicture.HoldBackBytes + (6 << 20));
        var client = new CountingStream();
        await picture.SendAsync(PipeWriter.Create(client), Cancelled);
        await writing;
        Assert.Equal(120L << 20, client.Length);
    }

    [Fact]
    public async Task Abandon_LetsTheWriterEnd()
    {
        var picture = new EncodedPicture(MemoryPool<byte>.Shared);
        picture.Abandon();
        await Task.Run(
            () =>
            {
                using Stream stream = picture.OpenWriter();
                for (int i = 0; i < 120; i++)
                    stream.Write(new byte[1 << 20]);
            },
            Cancelled);
    }

    private sealed class CountingStream : MemoryStream
    {
        private long _length;

        public override long Length => _length;

        public override void Write(ReadOnlySpan<byte> buffer) => _length += buffer.Length;

        public override void Write(byte[] buffer, int offset, int count) => _length += count;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _length += buffer.Length;
            return default;
        }
    }
}
