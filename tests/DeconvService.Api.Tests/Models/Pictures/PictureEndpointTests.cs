using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using DeconvService.Api.Models.Progress;
using DeconvService.Api.Tests.Hosting;
using DeconvService.Engine;
using DeconvService.Imaging;
using Microsoft.Extensions.DependencyInjection;

namespace DeconvService.Api.Tests.Models.Pictures;

public sealed class PictureEndpointTests
{
    private const string Path = "/v1/models/net/image";
    private static readonly IImageCodec Codec = ImageCodec.Create();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Post_Picture_AnswersItScaled_AndSaysHow()
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("net.onnx", TestNetwork.Border()));
        HttpResponseMessage response = await app.PostPictureAsync(Path, Png(31, 22, 3));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("image/png", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("net/1", Header(response, "Deconv-Model"));
        Assert.Equal("1", Header(response, "Deconv-Tiles"));
        Assert.True(int.Parse(Header(response, "Deconv-Milliseconds"), System.Globalization.CultureInfo.InvariantCulture) >= 0);
        Assert.NotEmpty(Header(response, "Deconv-Algorithm"));
        foreach (string stage in (string[])["decode", "queue", "plan", "run", "encode"])
            Assert.Contains($"{stage};dur=", Header(response, "Server-Timing"), StringComparison.Ordinal);

        using PixelBuffer picture = Codec.Decode(await response.Content.ReadAsByteArrayAsync(Cancelled), Cancelled);
        Assert.Equal((62, 44, 3), (picture.Width, picture.Height, picture.Channels));
    }

    [Theory]
    [InlineData(null, "image/jpeg", "image/png")]
    [InlineData("*/*", "image/jpeg", "image/png")]
    [InlineData("image/*", "image/jpeg", "image/jpeg")]
    [InlineData("image/webp", "image/png", "image/webp")]
    [InlineData("application/json", "image/png", "application/json")]
    public async Task Post_Accept_DecidesTheFormat(string? accept, string sent, string answered)
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("net.onnx", TestNetwork.Padded()));
        ImageFormat format = ImageFormats.FromMediaType(sent)!.Value;
        HttpResponseMessage response = await app.PostPictureAsync(Path + "?quality=50", Encode(9, 7, 3, format), accept, sent);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(answered, response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task Post_TensorAndPicture_AreTheSame_AlphaTogether()
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("net.onnx", TestNetwork.Border()));
        byte[] png = Png(40, 30, 4);
        HttpResponseMessage tensor = await app.PostPictureAsync(Path + "?accuracy=exact", png, "application/json");
        JsonElement output = JsonDocument.Parse(await tensor.Content.ReadAsStringAsync(Cancelled)).RootElement.GetProperty("output");
        Assert.Equal("[1,4,60,80]", output.GetProperty("shape").GetRawText());
        float[] values = output.GetProperty("data").Deserialize<float[]>()!;
        Assert.All(values, value => Assert.InRange(value, 0, 1));

        HttpResponseMessage response = await app.PostPictureAsync(Path + "?accuracy=exact", png);
        using PixelBuffer picture = Codec.Decode(await response.Content.ReadAsByteArrayAsync(Cancelled), Cancelled);
        Assert.Equal((80, 60, 4), (picture.Width, picture.Height, picture.Channels));
        for (int i = 0; i < 80 * 60; i++)
        {
            for (int c = 0; c < 4; c++)
                Assert.Equal(PixelConversion.ToByte(values[(c * 80 * 60) + i]), picture.Rows(0, 60)[(i * 4) + c]);
        }
    }

    [Fact]
    public async Task Post_Form_IsReadAsThePicture()
    {
        await using ModelsApp app = await ModelsApp.StartAsync(("net.onnx", TestNetwork.Padded()));
        byte[] png = Png(12, 8, 3);
        var form = new MultipartFormDataContent { { new StringContent("x"), "other" }, { ModelsApp.Bytes(png, "image/png"), "image", "a.png" } };
        HttpResponseMessage response = await app.App.SendAsync(new HttpRequestMessage(HttpMethod.Post, Path) { Content = form });
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(
            await (await app.PostPictureAsync(Path, png)).Content.ReadAsByteArrayAsync(Cancelled),
            await response.Content.ReadAsByteArrayAsync(Cancelled));
    }

    [Fact]
    public async Task Post_WhatCannotBeServed_IsAnErrorThatSaysWhy()
    {
        await using ModelsApp app = await ModelsApp.StartAsync(
            [("Limits:ImageInputPixels", "2000"), ("Limits:ImageOutputPixels", "4000")],
            ("net.onnx", TestNetwork.Border()),
            ("bad.onnx", [1]));
        byte[] png = Png(20, 20, 3);
        await (await app.PostPictureAsync("/v1/models/none/image", png)).ReadProblemAsync(HttpStatusCode.NotFound, "not-found");
        await (await app.PostPictureAsync("/v1/models/bad/image", png)).ReadProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        await (await app.PostPictureAsync(Path, "no picture"u8.ToArray())).ReadProblemAsync(HttpStatusCode.BadRequest, "broken-image");
        await (await app.PostPictureAsync(Path, Png(40, 40, 3)[..^100])).ReadProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        await (await app.PostPictureAsync(Path, png[..^200])).ReadProblemAsync(HttpStatusCode.BadRequest, "broken-image");
        await (await app.PostPictureAsync(Path, png, mediaType: "text/plain")).ReadProblemAsync(HttpStatusCode.UnsupportedMediaType);
        await (await app.PostPictureAsync(Path, png, "text/html")).ReadProblemAsync(HttpStatusCode.NotAcceptable, "not-acceptable");
        await (await app.PostPictureAsync(Path + "?accuracy=perfect&quality=0&size=3", png)).ReadProblemAsync(HttpStatusCode.UnprocessableEntity, "invalid-field");

        JsonElement large = await (await app.PostPictureAsync(Path, Png(60, 60, 3))).ReadProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Contains("Limits:ImageInputPixels", large.GetRawText(), StringComparison.Ordinal);
        large = await (await app.PostPictureAsync(Path, Png(40, 40, 3))).ReadProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Equal("80 x 80", large.GetProperty("value").GetString());
        Assert.Equal("Limits:ImageOutputPixels", large.GetProperty("setting").GetString());
    }

    [Fact]
    public async Task Post_ClientHangsUp_StopsAndGivesAllMemoryBack()
    {
        await using ModelsApp app = await ModelsApp.StartAsync([("Models:TileBytes", "1048576")], ("net.onnx", Slow()));
        var registry = app.App.Services.GetRequiredService<ProgressRegistry>();
        var engine = app.App.Services.GetRequiredService<ConvolutionEngine>();
        byte[] png = Png(1500, 1500, 3);

        // Once to the end: tiles of other sizes may be planned otherwise, with weights that are packed otherwise and kept.
        await app.PostPictureAsync(Path, png);
        long packedWeights = engine.Buffers.LentBytes;
        using (var raw = new RawConnection(app.App.Port))
        {
            await raw.SendAsync($"POST {Path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nX-Request-Id: hang-up\r\nContent-Length: {png.Length}\r\n\r\n");
            await raw.SendAsync(png);
            await WaitAsync(() => registry.Find("hang-up")?.Look().Current.Done > 0);
        }

        RequestProgress progress = registry.Find("hang-up")!;
        await WaitAsync(() => progress.Look().Ended);
        (ProgressEvent current, _, _) = progress.Look();
        Assert.InRange(current.Done, 1, current.Total - 1);
        await WaitAsync(() => engine.Buffers.LentBytes == packedWeights);
    }

    [Fact]
    public async Task Post_RequestId_CanBeFollowed()
    {
        await using ModelsApp app = await ModelsApp.StartAsync([("Models:TileBytes", "1048576")], ("net.onnx", TestNetwork.Border()));
        var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = ModelsApp.Bytes(Png(100, 700, 3), "image/png") };
        request.Headers.Add("X-Request-Id", "job");
        HttpResponseMessage response = await app.App.SendAsync(request);
        int tiles = int.Parse(Header(response, "Deconv-Tiles"), System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(tiles > 1);
        string events = await (await app.GetAsync("/v1/progress/job")).Content.ReadAsStringAsync(Cancelled);
        Assert.Equal($"data: {{\"done\":{tiles},\"total\":{tiles},\"secondsLeft\":0}}\n\n", events);
    }

    private static async Task WaitAsync(Func<bool> condition)
    {
        for (int i = 0; i < 12_000; i++)
        {
            if (condition())
                return;

            await Task.Delay(5, Cancelled);
        }

        Assert.Fail("it did not happen within a minute");
    }

    private static byte[] Slow()
    {
        var network = new TestNetwork();
        string x = network.Conv(network.Input("x", DeconvService.Onnx.ElementType.Float32, 1, 3, -1, -1), 3, 32, kernel: 3, padding: 1);
        for (int i = 0; i < 4; i++)
            x = network.Relu(network.Conv(x, 32, 32, kernel: 5, padding: 2));

        return network.Output(network.Conv(x, 32, 3, kernel: 1), DeconvService.Onnx.ElementType.Float32, 1, 3, -1, -1).ToFile();
    }

    private static string Header(HttpResponseMessage response, string name) => string.Join(", ", response.Headers.GetValues(name));

    private static byte[] Png(int width, int height, int channels) => Encode(width, height, channels, ImageFormat.Png);

    private static byte[] Encode(int width, int height, int channels, ImageFormat format)
    {
        using var pixels = new PixelBuffer(width, height, channels);
        new Random(3).NextBytes(pixels.Rows(0, height));
        pixels.Publish(height);
        return Codec.Encode(pixels, new ImageEncoding(format), Cancelled);
    }
}
