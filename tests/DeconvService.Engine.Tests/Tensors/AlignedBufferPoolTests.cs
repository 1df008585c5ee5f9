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

    // Their last page is an ordinary one where the capacity is no multiple of a huge page's size.
    [Theory]
    [InlineData(HugePages.SmallestBytes - 64)]
    [InlineData(HugePages.SmallestBytes)]
    [InlineData(HugePages.SmallestBytes + (HugePages.PageBytes / 4))]
    [InlineData(16 * HugePages.PageBytes)]
    public void Rent_AroundTheSizeOfHugePages_AlignedAndUsable(long bytes)
    {
        using var pool = new AlignedBufferPool();
        using AlignedBuffer buffer = pool.Rent(bytes / sizeof(float));
        bool huge = OperatingSystem.IsLinux() && Environment.SystemPageSize == 4096 && buffer.Capacity >= HugePages.SmallestBytes;
        Assert.Equal(0u, (nuint)buffer.Pointer % (nuint)(huge ? HugePages.PageBytes : 64));
        buffer.Span.Fill(1);
        Assert.False(buffer.Span.ContainsAnyExcept(1));
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
    public void Rent_EverNewSizes_TakesNoMoreThanWasLentAtOnce()
    {
        using var pool = new AlignedBufferPool();
        var random = new Random(1);
        long most = 0;
        for (int round = 0; round < 1000; round++)
        {
            using AlignedBuffer one = pool.Rent(random.Next(1, 100_000)), two = pool.Rent(random.Next(1, 100_000));
            most = Math.Max(most, pool.LentBytes);
            Assert.InRange(pool.LentBytes + pool.KeptBytes, 1, most);
        }
    }

    [Fact]
    public void Rent_LargerThanAllThatIsKept_FreesTheOldest()
    {
        using var pool = new AlignedBufferPool();
        AlignedBuffer[] buffers = [pool.Rent(4096), pool.Rent(4096), pool.Rent(1024)];
        long most = pool.LentBytes;
        foreach (AlignedBuffer buffer in buffers)
            buffer.Dispose();

        using AlignedBuffer larger = pool.Rent(4608);
        Assert.Equal(4096, pool.KeptBytes); // the youngest, 1024 floats; with one of the others it would be more than ever
        Assert.InRange(pool.LentBytes + pool.KeptBytes, 1, most);
    }

    [Fact]
    public void Rent_SmallerThanWhatIsKept_GivesItUnlessMemoryIsShort()
    {
        using var pool = new AlignedBufferPool { MaximumBytes = 20_000 };
        AlignedBuffer large = pool.Rent(2000);
        float* pointer = large.Pointer;
        large.Dispose();
        using (AlignedBuffer small = pool.Rent(1100))
            Assert.True(pointer == small.Pointer && small.Length == 1100);

        using AlignedBuffer tiny = pool.Rent(500); // too small for it
        Assert.Equal(2048, pool.LentBytes);
        using AlignedBuffer beside = pool.Rent(1100); // with the large one more than half of all would be lent
        Assert.InRange(pool.LentBytes, 2048 + 4400, 2048 + 5120);
    }

    [Fact]
    public void Return_OverTheCap_OldestFreed()
    {
        using var pool = new AlignedBufferPool(maximumKeptBytes: 10_000);
        AlignedBuffer first = pool.Rent(2000), second = pool.Rent(2000);
        float* pointer = second.Pointer;
        first.Dispose();
        long kept = pool.KeptBytes;
        Assert.InRange(kept, 8000, 10_000);
        second.Dispose();
        Assert.Equal(kept, pool.KeptBytes);
        using AlignedBuffer third = pool.Rent(2000);
        Assert.True(pointer == third.Pointer);
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
