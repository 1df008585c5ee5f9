using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using DeconvService.Api.Tests.Hosting;
using DeconvService.Imaging;
using DeconvService.Imaging.Tests;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace DeconvService.Api.Tests.Images;

/// <summary>The image endpoints as a client sees them.</summary>
public sealed class ImageEndpointsTests(ImageEndpointsTests.Service service) : IClassFixture<ImageEndpointsTests.Service>
{
    private readonly ServiceApp _app = service.App;
    private readonly IImageCodec _codec = ImageCodec.Create();

    /// <summary>One service for all tests: they change nothing in it.</summary>
    public sealed class Service : IAsyncDisposable
    {
        internal ServiceApp App { get; } = new();

        public ValueTask DisposeAsync() => App.DisposeAsync();
    }

    [PictureTheory]
    [InlineData("rgb.jpg", "image/jpeg", 3)]
    [InlineData("rgba8.png", "image/png", 4)]
    [InlineData("lossless-alpha.webp", "image/webp", 4)]
    [InlineData("animated.gif", "image/gif", 3)]
    [InlineData("rgb.tif", "image/tiff", 3)]
    [InlineData("grey8.png", "image/png", 1)]
    public async Task ConvTranspose_PictureAsBody_AnswersPngOfTwiceTheSize(string name, string mediaType, int channels)
    {
        HttpResponseMessage response = await PostAsync("/v1/images/conv-transpose?kernel=bilinear&stride=2", Picture(name), mediaType);
        using PixelBuffer result = await ReadPictureAsync(response, "image/png");
        Assert.Equal((96, 64, channels), (result.Width, result.Height, result.Channels));
        Assert.Contains("run;dur=", response.Headers.GetValues("Server-Timing").Single(), StringComparison.Ordinal);
        Assert.Equal("depthwise-separable", response.Headers.GetValues("Deconv-Algorithm").Single());
    }

    [PictureFact]
    public async Task Conv_Sharpen_IsTheGolden()
    {
        HttpResponseMessage response = await PostAsync("/v1/images/conv?kernel=sharpen", Photo(), "image/png");
        using PixelBuffer result = await ReadPictureAsync(response, "image/png");
        ImageGoldens.AssertClose(ImageGoldens.Read("sharpen"), result.Rows(0, result.Height), 1);
    }

    [PictureFact]
    public async Task Conv_MatrixInAFormWithOffset_IsTheGolden()
    {
        using var form = new MultipartFormDataContent
        {
            { new StringContent("0.5"), "offset" },
            { new ByteArrayContent(Photo()), "image", "photo.png" },
            { new StringContent("[[0,1,0],[1,-4,1],[0,1,0]]"), "kernel" },
        };
        HttpResponseMessage response = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/images/conv") { Content = form });
        using PixelBuffer result = await ReadPictureAsync(response, "image/png");
        ImageGoldens.AssertClose(ImageGoldens.Read("laplacian"), result.Rows(0, result.Height), 1);
    }

    [PictureFact]
    public async Task ConvTranspose_Matrix_FollowsTheOperatorsDefaults()
    {
        HttpResponseMessage response = await PostAsync("/v1/images/conv-transpose?kernel=[[1,1,1],[1,1,1],[1,1,1]]&stride=2", Photo(), "image/png");
        using PixelBuffer result = await ReadPictureAsync(response, "image/png");
        Assert.Equal(((63 * 2) + 3, (47 * 2) + 3), (result.Width, result.Height));
    }

    [PictureTheory]
    [InlineData("image/jpeg", "image/jpeg")]
    [InlineData("image/webp", "image/webp")]
    [InlineData("*/*", "image/png")]
    [InlineData("text/html,image/webp;q=0.9,*/*;q=0.1", "image/webp")]
    public async Task Conv_Accept_ChoosesTheFormat(string accept, string expected)
    {
        HttpResponseMessage response = await PostAsync("/v1/images/conv?kernel=box&quality=70", Photo(), "image/png", accept);
        using PixelBuffer result = await ReadPictureAsync(response, expected);
        Assert.Equal((64, 48), (result.Width, result.Height));
    }

    [PictureTheory]
    [InlineData("rgb.jpg", "image/jpeg", "image/jpeg")]
    [InlineData("animated.gif", "image/gif", "image/png")]
    public async Task Conv_AcceptAnyPicture_AnswersTheTypeThatCameIfItCanBeWritten(string name, string mediaType, string expected)
    {
        using PixelBuffer result = await ReadPictureAsync(await PostAsync("/v1/images/conv?kernel=box", Picture(name), mediaType, "image/*"), expected);
        Assert.Equal(48, result.Width);
    }

    [PictureFact]
    public async Task Conv_AcceptAnyPictureForAForm_AnswersTheTypeOfItsPart()
    {
        using var form = new MultipartFormDataContent { { new ByteArrayContent(Picture("rgb.jpg")), "image", "photo" } };
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/images/conv?kernel=box") { Content = form };
        request.Headers.Accept.ParseAdd("image/*");
        HttpResponseMessage response = await _app.SendAsync(request);
        using PixelBuffer result = await ReadPictureAsync(response, "image/jpeg");
        Assert.Equal(48, result.Width);
        Assert.Equal("Accept", Assert.Single(response.Headers.Vary));
    }

    [PictureFact]
    public async Task Conv_AcceptJson_AnswersTheTensorClamped()
    {
        HttpResponseMessage response = await PostAsync("/v1/images/conv?kernel=identity&scale=3&offset=-0.5", Photo(), "image/png", "application/json");
        JsonElement output = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement.GetProperty("output");
        Assert.Equal([1, 3, 48, 64], output.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        float[] values = [.. output.GetProperty("data").EnumerateArray().Select(value => value.GetSingle())];
        byte[] photo = ImageGoldens.Read("photo");
        for (int i = 0; i < values.Length; i++)
        {
            (int c, int pixel) = Math.DivRem(i, 64 * 48);
            Assert.Equal(Math.Clamp((photo[(pixel * 3) + c] / 255.0 * 3) - 0.5, 0, 1), values[i], 5);
        }
    }

    [PictureFact]
    public async Task Operators_PictureAsInput_IsATensorOfZeroToOne()
    {
        using var form = new MultipartFormDataContent();
        var picture = new ByteArrayContent(Photo());
        picture.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        form.Add(picture, "input", "photo.png");
        form.Add(new StringContent("""{"shape":[1,3,1,1],"data":[1,0,0]}"""), "weight");
        HttpResponseMessage response = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/conv") { Content = form });
        string json = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, json);
        JsonElement output = JsonDocument.Parse(json).RootElement.GetProperty("output");
        Assert.Equal([1, 1, 48, 64], output.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        Assert.Equal(ImageGoldens.Read("photo")[0] / 255f, Flatten(output.GetProperty("data")).First());
    }

    [PictureTheory]
    [InlineData("/v1/images/conv", 422, "missing-field")]
    [InlineData("/v1/images/conv?kernel=sharpn", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=bilinear", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=sharpen&size=3", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=gaussian&sigma=0", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=gaussian&sigma=NaN", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=box&size=256", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=box&quality=0", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=box&sizes=3", 422, "unknown-field")]
    [InlineData("/v1/images/conv?kernel=box&groups=3", 422, "unknown-field")]
    [InlineData("/v1/images/conv?kernel=[[1,2],[3]]", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=[[1e99]]", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=[]", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=[null]", 422, "invalid-field")]
    [InlineData("/v1/images/conv?kernel=box&stride=2&padding=0", 422, "stride-does-not-fit")]
    [InlineData("/v1/images/conv?kernel=box&stride=0", 422, null)]
    [InlineData("/v1/images/conv?kernel=box&size=255&paddingMode=reflect", 422, null)]
    [InlineData("/v1/images/conv-transpose?kernel=nearest&stride=0", 422, "invalid-field")]
    [InlineData("/v1/images/conv-transpose?kernel=nearest&stride=65", 422, "invalid-field")]
    [InlineData("/v1/images/conv-transpose?kernel=nearest&stride=[2,2,2]", 422, "invalid-field")]
    [InlineData("/v1/images/conv-transpose?kernel=nearest&padding=1", 422, "invalid-field")]
    [InlineData("/v1/images/conv-transpose?kernel=[[1]]&paddingMode=reflect", 422, "unknown-field")]
    public async Task Post_ImpossibleParameters_AreExplained(string path, int status, string? code) =>
        await (await PostAsync(path, Photo(), "image/png")).ReadProblemAsync((HttpStatusCode)status, code);

    [PictureTheory]
    [InlineData("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported-media-type")]
    [InlineData("image/png", "<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported-media-type")]
    [InlineData("application/pdf", "%PDF-1.7", 415, "unsupported-media-type")]
    [InlineData("image/png", "this is no picture", 400, "broken-image")]
    [InlineData("image/png", "", 400, "broken-image")]
    public async Task Post_NoPicture_IsRefused(string mediaType, string body, int status, string code)
    {
        HttpResponseMessage response = await PostAsync("/v1/images/conv?kernel=box", System.Text.Encoding.ASCII.GetBytes(body), mediaType);
        JsonElement problem = await response.ReadProblemAsync((HttpStatusCode)status, code);
        if (status == 415)
            Assert.Contains("image/webp", problem.GetProperty("accepted").EnumerateArray().Select(type => type.GetString()));
    }

    [PictureFact]
    public async Task Post_TruncatedPicture_Is400AndTheLibrarysWordsAreLogged()
    {
        byte[] picture = Picture("progressive.jpg");
        HttpResponseMessage response = await PostAsync("/v1/images/conv?kernel=box", picture[..^200], "image/jpeg");
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.BadRequest, "broken-image");
        Assert.DoesNotContain("Jpeg", problem.GetRawText(), StringComparison.OrdinalIgnoreCase);
    }

    [PictureFact]
    public async Task Post_PictureOverThePixelLimit_Is413WithTheSetting()
    {
        await using var strict = new ServiceApp(("Limits:ImageInputPixels", "1000"));
        using HttpRequestMessage request = Request("/v1/images/conv?kernel=box", Photo(), "image/png");
        JsonElement problem = await (await strict.SendAsync(request)).ReadProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Equal(1000, problem.GetProperty("limit").GetInt32());
        Assert.Equal("64 x 48", problem.GetProperty("value").GetString());
        Assert.Equal("Limits:ImageInputPixels", problem.GetProperty("setting").GetString());
    }

    [PictureFact]
    public async Task Post_ResultOverThePixelLimit_Is413BeforePixelsAreDecoded()
    {
        await using var strict = new ServiceApp(("Limits:ImageOutputPixels", "10000"));
        using HttpRequestMessage request = Request("/v1/images/conv-transpose?kernel=nearest&stride=2", Photo(), "image/png");
        JsonElement problem = await (await strict.SendAsync(request)).ReadProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too-large");
        Assert.Equal("128 x 96", problem.GetProperty("value").GetString());
    }

    [PictureFact]
    public async Task Post_AcceptThatCannotBeMet_Is406() =>
        await (await PostAsync("/v1/images/conv?kernel=box", Photo(), "image/png", "image/gif")).ReadProblemAsync(HttpStatusCode.NotAcceptable, "not-acceptable");

    [Fact]
    public async Task Post_WithoutALibrary_Is503AndTheRestWorks()
    {
        WebApplicationFactory<Program> app = _app.WithWebHostBuilder(
            builder => builder.ConfigureServices(services => services.AddSingleton<IImageCodec>(new MissingCodec())));
        using HttpClient client = app.CreateClient();
        using HttpRequestMessage request = Request("/v1/images/conv?kernel=box", [1, 2, 3], "image/png");
        HttpResponseMessage response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        JsonElement problem = await response.ReadProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.Contains("install", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.True((await client.GetAsync(new Uri("/v1/images/kernels", UriKind.Relative), TestContext.Current.CancellationToken)).IsSuccessStatusCode);
    }

    [Fact]
    public async Task Kernels_All_ListsEveryPresetWithItsMatrix()
    {
        JsonElement kernels = await GetKernelsAsync("");
        Assert.Equal(
            ["identity", "box", "gaussian", "sharpen", "emboss", "edges", "laplacian", "sobel-x", "sobel-y", "nearest", "bilinear", "bicubic", "lanczos3"],
            kernels.EnumerateArray().Select(kernel => kernel.GetProperty("name").GetString()));
        Assert.All(kernels.EnumerateArray(), kernel => Assert.True(kernel.GetProperty("matrix").GetArrayLength() > 0));
    }

    [Theory]
    [InlineData("?kernel=gaussian&sigma=2", 13, 1.0)]
    [InlineData("?kernel=box&size=5", 5, 1.0)]
    [InlineData("?kernel=bilinear&stride=3", 5, 9.0)]
    [InlineData("?kernel=lanczos3", 12, 4.0)]
    [InlineData("?kernel=sobel-x", 3, 0.0)]
    public async Task Kernels_One_HasTheMatrixOfItsParameters(string query, int size, double sum)
    {
        JsonElement kernel = (await GetKernelsAsync(query))[0];
        double[] weights = [.. Flatten(kernel.GetProperty("matrix")).Select(value => (double)value)];
        Assert.Equal(size * size, weights.Length);
        Assert.Equal(sum, weights.Sum(), 4);
    }

    [Fact]
    public async Task Kernels_UnknownName_Is422() =>
        await (await _app.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/v1/images/kernels?kernel=blurr"))).ReadProblemAsync(HttpStatusCode.UnprocessableEntity);

    private static byte[] Picture(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Pictures", "decode", name));

    private static IEnumerable<float> Flatten(JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray().SelectMany(Flatten) : [element.GetSingle()];

    private static HttpRequestMessage Request(string path, byte[] body, string mediaType)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(mediaType);
        return new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
    }

    private byte[] Photo()
    {
        using PixelBuffer photo = ImageGoldens.Load("photo", 3);
        return _codec.Encode(photo, new ImageEncoding(ImageFormat.Png));
    }

    private async Task<HttpResponseMessage> PostAsync(string path, byte[] body, string mediaType, string? accept = null)
    {
        using HttpRequestMessage request = Request(path, body, mediaType);
        return await _app.SendAsync(request, accept);
    }

    private async Task<PixelBuffer> ReadPictureAsync(HttpResponseMessage response, string mediaType)
    {
        byte[] bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, string.Create(CultureInfo.InvariantCulture, $"{response.StatusCode}: {System.Text.Encoding.UTF8.GetString(bytes)}"));
        Assert.Equal(mediaType, response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(ImageFormats.FromMediaType(mediaType), _codec.Identify(bytes).Format);
        return _codec.Decode(bytes);
    }

    private async Task<JsonElement> GetKernelsAsync(string query)
    {
        HttpResponseMessage response = await _app.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/v1/images/kernels" + query));
        string json = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, json);
        return JsonDocument.Parse(json).RootElement.GetProperty("kernels");
    }

    private sealed class MissingCodec : IImageCodec
    {
        public ImageInfo Identify(ReadOnlySpan<byte> encoded) => throw new ImageException(ImageFault.Unavailable, "no library: install one");

        public void Decode(ReadOnlySpan<byte> encoded, PixelBuffer pixels, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public void Encode(PixelBuffer pixels, ImageEncoding encoding, Stream destination, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();
    }
}
