using DeconvService.Imaging;

namespace DeconvService.Api.Tests.Images;

/// <summary>The pictures of Goldens/; make_goldens.py says how they were made.</summary>
internal static class ImageGoldens
{
    public const int Width = 64;
    public const int Height = 48;

    public static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Images", "Goldens", name + ".raw"));

    public static PixelBuffer Load(string name, int channels)
    {
        var pixels = new PixelBuffer(Width, Height, channels);
        Read(name).CopyTo(pixels.Rows(0, Height));
        pixels.Publish(Height);
        return pixels;
    }

    /// <summary>Asserts that two pictures differ by no more than some grey levels.</summary>
    public static void AssertClose(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, int levels)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= levels, $"byte {i}: expected {expected[i]}, found {actual[i]}");
    }
}
