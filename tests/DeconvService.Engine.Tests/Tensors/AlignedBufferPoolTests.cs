using DeconvService.Engine.Tensors;

namespace DeconvService.Engine.Tests.Tensors;

public sealed unsafe class AlignedBufferPoolTests
{
    [Fact]
    public void Rent_AnyLength_AlignedAndUsable()
    {
        using var pool = new AlignedBufferPool();
        for (int length = 0; length < 300; length++)
        {
            using AlignedBuffer buffer = pool.Rent(length);
            Assert.Equal(0u, (nuint)buffer.Pointer % 64);
            Assert.Equal(length, buffer.Length);
            Assert.Equal(length * 4, buffer.Bytes.Length);
            buffer.Span.Fill(length);
        }

        Assert.Equal(0, pool.LentBytes);
    }

    [Fact]
    public void Rent_AfterReturn_GivesTheSameMemory()
    {
        using var pool = new AlignedBufferPool();
        AlignedBuffer first = pool.Rent(1000);
        float* pointer = first.Pointer;
        first.Dispose();
        // A length of the same rounded size.
        using AlignedBuffer second = pool.Rent(1001);
        Assert.True(pointer == second.Pointer);
        Assert.Equal(0, pool.KeptBytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(1000)]
    [InlineData(1025)]
    [InlineData(123_457)]
    public void Rent_AnyLength_WastesAtMostAnEighthOrALine(int length)
    {
        using var pool = new AlignedBufferPool();
        using AlignedBuffer buffer = pool.Rent(length);
        long bytes = length * 4L;
        Assert.InRange(pool.LentBytes, bytes, Math.Max(bytes + (bytes / 8), bytes + 63));
    }

    [Fact]
    public void Return_OverTheCap_Freed()
    {
        using var pool = new AlignedBufferPool(maximumKeptBytes: 10_000);
        AlignedBuffer first = pool.Rent(2000), second = pool.Rent(2000);
        first.Dispose();
        long kept = pool.KeptBytes;
        Assert.InRange(kept, 8000, 10_000);
        second.Dispose();
        Assert.Equal(kept, pool.KeptBytes);
    }

    [Fact]
    public void Dispose_Buffer_TwiceReturnsOnceAndForbidsUse()
    {
        using var pool = new AlignedBufferPool();
        AlignedBuffer buffer = pool.Rent(100);
        long lent = pool.LentBytes;
        buffer.Dispose();
        buffer.Dispose();
        Assert.Equal((0, lent), (pool.LentBytes, pool.KeptBytes));
        Assert.Throws<ObjectDisposedException>(() => buffer.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => buffer.Bytes.Length);
    }

    [Fact]
    public void Dispose_Pool_KeepsNothingThatComesBack()
    {
        var pool = new AlignedBufferPool();
        AlignedBuffer lent = pool.Rent(100), kept = pool.Rent(100);
        kept.Dispose();
        pool.Dispose();
        Assert.Equal(0, pool.KeptBytes);
        lent.Dispose();
        Assert.Equal((0, 0), (pool.LentBytes, pool.KeptBytes));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1L + int.MaxValue)]
    [InlineData(long.MaxValue)]
    public void Rent_LengthOutOfRange_Throws(long length)
    {
        using var pool = new AlignedBufferPool();
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(length));
        Assert.Equal(0, pool.LentBytes);
    }

    [Fact]
    public void Constructor_NegativeCap_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => new AlignedBufferPool(-1));

    // Every renter writes its own number all over and must find it unchanged: no memory is lent twice.
    [Fact]
    public void Rent_ManyThreads_NobodySharesMemory()
    {
        using var pool = new AlignedBufferPool(maximumKeptBytes: 100_000);
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, renter =>
        {
            var random = new Random(renter);
            for (int round = 0; round < 2000; round++)
            {
                using AlignedBuffer one = pool.Rent(random.Next(1, 600)), two = pool.Rent(random.Next(1, 600));
                float stamp = (renter * 10_000) + round;
                one.Span.Fill(stamp);
                two.Span.Fill(-stamp - 1);
                Thread.Yield();
                Assert.False(one.Span.ContainsAnyExcept(stamp));
                Assert.False(two.Span.ContainsAnyExcept(-stamp - 1));
            }
        });
        Assert.Equal(0, pool.LentBytes);
        Assert.InRange(pool.KeptBytes, 1, 100_000);
    }
}
