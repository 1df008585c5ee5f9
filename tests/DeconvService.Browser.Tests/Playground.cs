using DeconvService.Api.Tests.Hosting;
using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(DeconvService.Browser.Tests.Playground))]

namespace DeconvService.Browser.Tests;

/// <summary>The service behind a socket and a browser, one of each for all tests.</summary>
public sealed class Playground : IAsyncLifetime
{
    private const string Chromium = "/usr/bin/chromium";
    private ServiceApp? _app;
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public static bool BrowserIsInstalled => File.Exists(Chromium);

    /// <summary>Address of the service, with a slash at the end.</summary>
    public string Origin => $"http://127.0.0.1:{_app!.Port}/";

    public async ValueTask InitializeAsync()
    {
        if (!BrowserIsInstalled)
            return;

        _app = ServiceApp.OnKestrel();
        Assertions.SetDefaultExpectTimeout(20_000); // also on a machine that does other things
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Chromium,
            Args =
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        });
        while ((await _app.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/health/ready"))).StatusCode != System.Net.HttpStatusCode.OK)
            await Task.Delay(20, TestContext.Current.CancellationToken);
    }

    /// <summary>Opens the page with a query, in a browser without memory of the other tests.</summary>
    internal async Task<WatchedPage> OpenAsync(string query, int width = 1280, int height = 900)
    {
        IBrowserContext context = await _browser!.NewContextAsync(new BrowserNewContextOptions { ViewportSize = new ViewportSize { Width = width, Height = height } });
        context.SetDefaultTimeout(20_000);
        var watched = new WatchedPage(await context.NewPageAsync(), Origin);
        await watched.Page.GotoAsync(Origin + query);
        return watched;
    }

    /// <summary>The cat at an eighth of its size, 57 x 38, as PNG: what a test can afford to enlarge.</summary>
    internal Task<FilePayload> SmallPictureAsync() => PictureAsync("conv?kernel=box&size=8&stride=8");

    /// <summary>The cat as a filter of the service makes it, as PNG.</summary>
    internal async Task<FilePayload> PictureAsync(string filter)
    {
        using var client = new HttpClient { BaseAddress = new Uri(Origin) };
        using var cat = new ByteArrayContent(await client.GetByteArrayAsync("pictures/cat.jpg", TestContext.Current.CancellationToken));
        cat.Headers.ContentType = new("image/jpeg");
        HttpResponseMessage picture = await client.PostAsync($"v1/images/{filter}", cat, TestContext.Current.CancellationToken);
        return new FilePayload
        {
            Name = "picture.png",
            MimeType = "image/png",
            Buffer = await picture.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken),
        };
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();

        _playwright?.Dispose();
        if (_app is not null)
            await _app.DisposeAsync();
    }
}
