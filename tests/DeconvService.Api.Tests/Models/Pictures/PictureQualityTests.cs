using DeconvService.Imaging;

namespace DeconvService.Api.Tests.Models.Pictures;

/// <summary>The network that ships makes better pictures than bicubic interpolation: pictures are halved, doubled again, and compared.</summary>
public sealed class PictureQualityTests
{
    private const int Margin = 8;
    private static readonly IImageCodec Codec = ImageCodec.Create();

    [Theory]
    [InlineData("q_sylvie.png", 140, 180, 160, 160, 5.0)] // a drawing
    [InlineData("coffee.png", 240, 120, 160, 160, 1.4)] // a photograph
    public async Task ShippedNetwork_BeatsBicubic(string file, int left, int top, int width, int height, double decibels)
    {
        using PixelBuffer picture = Codec.Decode(await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "Pictures", file), Cancelled), Cancelled);
        using PixelBuffer original = Crop(picture, left, top, width, height);
        using PixelBuffer small = Halve(original);
        await using ModelsApp app = await ModelsApp.StartAsync(
            ("net.onnx", await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "models", "upconv7-scale2x.onnx"), Cancelled)));
        HttpResponseMessage response = await app.PostPictureAsync("/v1/models/net/image", Codec.Encode(small, new ImageEncoding(ImageFormat.Png), Cancelled));
        using PixelBuffer network = Codec.Decode(await response.Content.ReadAsByteArrayAsync(Cancelled), Cancelled);
        using PixelBuffer bicubic = Bicubic(small);

        double gain = Psnr(network, original) - Psnr(bicubic, original);
        TestContext.Current.TestOutputHelper?.WriteLine($"{file}: {gain:0.00} dB over bicubic");
        Assert.InRange(gain, decibels, 20);
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static PixelBuffer Crop(PixelBuffer picture, int left, int top, int width, int height) =>
        Make(width, height, (x, y, c) => picture.Rows(top + y, 1)[((left + x) * picture.Channels) + c]);

    // The mean of two by two.
    private static PixelBuffer Halve(PixelBuffer picture) => Make(picture.Width / 2, picture.Height / 2, (x, y, c) =>
        (At(picture, 2 * x, 2 * y, c) + At(picture, (2 * x) + 1, 2 * y, c) + At(picture, 2 * x, (2 * y) + 1, c) + At(picture, (2 * x) + 1, (2 * y) + 1, c)) / 4f);

    // Keys' kernel with a = -0.5 (IEEE ASSP 29/6, 1981), pixel centres at halves, edges repeated.
    private static PixelBuffer Bicubic(PixelBuffer picture) => Make(2 * picture.Width, 2 * picture.Height, (x, y, c) =>
    {
        float[] weights = [-0.0234375f, 0.2265625f, 0.8671875f, -0.0703125f];
        float sum = 0;
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < 4; j++)
                sum += weights[i] * weights[j] * At(picture, Tap(x, j), Tap(y, i), c);
        }

        return sum;

        // An even pixel lies a quarter before its centre, an odd one a quarter behind, where the taps are the other way round.
        static int Tap(int output, int i) => output % 2 == 0 ? (output / 2) - 2 + i : (output / 2) + 2 - i;
    });

    private static float At(PixelBuffer picture, int x, int y, int c) =>
        picture.Rows(Math.Clamp(y, 0, picture.Height - 1), 1)[(Math.Clamp(x, 0, picture.Width - 1) * picture.Channels) + c];

    private static PixelBuffer Make(int width, int height, Func<int, int, int, float> value)
    {
        var made = new PixelBuffer(width, height, 3);
        for (int y = 0; y < height; y++)
        {
            Span<byte> row = made.Rows(y, 1);
            for (int i = 0; i < row.Length; i++)
                row[i] = (byte)Math.Clamp(MathF.Round(value(i / 3, y, i % 3)), 0, 255);
        }

        made.Publish(height);
        return made;
    }

    private static double Psnr(PixelBuffer a, PixelBuffer b)
    {
        double sum = 0;
        for (int y = Margin; y < a.Height - Margin; y++)
        {
            for (int i = Margin * 3; i < (a.Width - Margin) * 3; i++)
                sum += Math.Pow(a.Rows(y, 1)[i] - b.Rows(y, 1)[i], 2);
        }

        return 10 * Math.Log10(255 * 255 / (sum / ((a.Height - (2 * Margin)) * (a.Width - (2 * Margin)) * 3)));
    }
}
