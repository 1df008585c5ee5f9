namespace DeconvService.Imaging.Tests;

public sealed class PixelBufferTests
{
    [Fact]
    public void Rows_OutsideThePicture_Throws()
    {
        using var pixels = new PixelBuffer(4, 3, 2);
        Assert.Equal(8, pixels.Rows(2, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => pixels.Rows(2, 2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => pixels.Rows(-1, 1).Length);
    }

    [Fact]
    public void Rows_AfterDispose_Throws()
    {
        var pixels = new PixelBuffer(4, 3, 2);
        pixels.Dispose();
        pixels.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pixels.Rows(0, 1).Length);
    }

    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(1, 1, 0)]
    [InlineData(1, 1, 5)]
    [InlineData(65_536, 32_768, 1)]
    public void Constructor_SizeThatCannotBe_Throws(int width, int height, int channels) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PixelBuffer(width, height, channels));

    [Fact]
    public async Task WaitForRows_Cancelled_Throws()
    {
        using var pixels = new PixelBuffer(4, 3, 1);
        using var cancel = new CancellationTokenSource();
        var waiting = Task.Run(() => pixels.WaitForRows(1, cancel.Token));
        await Task.Delay(20);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public void WaitForRows_RowsThatCameBeforeTheFailure_AreGiven()
    {
        using var pixels = new PixelBuffer(4, 3, 1);
        pixels.Publish(2);
        pixels.Fail(new InvalidOperationException());
        pixels.WaitForRows(2);
        Assert.Throws<IOException>(() => pixels.WaitForRows(3));
    }
}
