using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace DeconvService.Browser.Tests;

/// <summary>The view that sends a picture through a network, as a visitor uses it.</summary>
public sealed class UpscaleTests(Playground playground)
{
    [BrowserFact]
    public async Task Upscale_ShowsBicubicAndNetwork_WithDownload()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=upscale");
        await Expect(page["#upscale-model"]).ToHaveValueAsync("upconv7-scale2x");
        await page["#upscale-source input[type=file]"].SetInputFilesAsync(await playground.SmallPictureAsync());
        await Expect(page["#upscale-code"]).ToContainTextAsync("curl --data-binary @picture.png");
        await page.Button("Upscale").ClickAsync();
        await Expect(page["#upscale-status"]).ToHaveTextAsync("done", new LocatorAssertionsToHaveTextOptions { Timeout = 60_000 });
        await Expect(page["#upscale-outcome"]).ToContainTextAsync("57 × 38 → 114 × 76");
        await Expect(page["#upscale-compare .tag-before"]).ToHaveTextAsync("bicubic");
        await Expect(page["#upscale-compare .tag-after"]).ToHaveTextAsync("upconv7-scale2x");
        foreach (string side in (string[])["before", "after"])
            await Expect(page[$"#upscale-compare img[alt={side}]"]).ToHaveJSPropertyAsync("naturalWidth", 114);

        await Expect(page["#upscale-outcome a"]).ToHaveAttributeAsync("download", "result.png");
        await Expect(page["#upscale-progress"]).ToBeHiddenAsync();
    }

    [BrowserFact]
    public async Task Cancel_WhileTilesAreReported_EndsTheRequest()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=upscale");
        await Expect(page["#upscale-code"]).ToContainTextAsync("drawing.png");
        await page.Button("Upscale").ClickAsync();
        await Expect(page["#upscale-status"]).ToContainTextAsync(new Regex(@"^\d+ of \d+ tiles, \d+ s left$", RegexOptions.None, TimeSpan.FromSeconds(1)), new LocatorAssertionsToContainTextOptions { Timeout = 60_000 });
        await Expect(page["#upscale-progress"]).ToBeVisibleAsync();
        await page.Button("Cancel").ClickAsync();
        await Expect(page["#upscale-status"]).ToHaveTextAsync("cancelled");
        await Expect(page["#upscale-progress"]).ToBeHiddenAsync();
        await Expect(page.Button("Upscale")).ToBeEnabledAsync();
        await Expect(page.Button("Cancel")).ToBeDisabledAsync();
    }

    [BrowserFact]
    public async Task LargePicture_IsShownDownToItsPixels_AndDownloaded()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=upscale");
        await page["#upscale-source input[type=file]"].SetInputFilesAsync(await playground.PictureAsync("conv-transpose?kernel=bicubic&stride=3"));
        await Expect(page["#upscale-code"]).ToContainTextAsync("@picture.png");
        await page.Button("Upscale").ClickAsync();
        await Expect(page["#upscale-status"]).ToHaveTextAsync("done", new LocatorAssertionsToHaveTextOptions { Timeout = 120_000 });
        await Expect(page["#upscale-outcome"]).ToContainTextAsync("1353 × 900 → 2706 × 1800");
        foreach (string side in (string[])["before", "after"])
            await Expect(page[$"#upscale-compare img[alt={side}]"]).ToHaveJSPropertyAsync("naturalWidth", 2706);

        await page.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "1:1" }).ClickAsync();
        await Expect(page["#upscale-compare .zoom-level"]).ToHaveTextAsync("100 %");
        IDownload download = await page.Page.RunAndWaitForDownloadAsync(() => page["#upscale-outcome a"].ClickAsync());
        Assert.Equal("result.png", download.SuggestedFilename);
        await using Stream file = await download.CreateReadStreamAsync();
        byte[] start = new byte[24];
        await file.ReadExactlyAsync(start, TestContext.Current.CancellationToken);
        Assert.Equal([2706, 1800], [BinaryPrimitives.ReadInt32BigEndian(start.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(start.AsSpan(20))]);
    }

    [BrowserFact]
    public async Task Progress_WithoutTheStream_IsABarWithoutAnEnd()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=upscale&picture=cat");
        await page.Page.RouteAsync("**/v1/progress/**", route => route.FulfillAsync(new RouteFulfillOptions { Status = 404 }));
        var go = new TaskCompletionSource();
        await page.Page.RouteAsync("**/v1/models/*/image", async route =>
        {
            await go.Task;
            await route.ContinueAsync();
        });
        await Expect(page.Button("Upscale")).ToBeEnabledAsync(); // a key is pressed on a disabled button as well
        await Expect(page["#upscale-code"]).ToContainTextAsync("cat.jpg");
        await page.Button("Upscale").PressAsync("Enter");
        await Expect(page["#upscale-progress"]).ToBeVisibleAsync();
        await Expect(page["#upscale-progress"]).ToHaveJSPropertyAsync("position", -1);
        go.SetResult();
        await Expect(page["#upscale-status"]).ToHaveTextAsync("done", new LocatorAssertionsToHaveTextOptions { Timeout = 60_000 });
    }

    [BrowserFact]
    public async Task Refusal_IsSaidInTheServicesWords()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=upscale&picture=cat", width: 360);
        await Expect(page["#upscale-code"]).ToContainTextAsync("cat.jpg");
        await page["#upscale-source input[type=file]"].SetInputFilesAsync(new FilePayload { Name = "x.png", MimeType = "image/png", Buffer = "not a picture"u8.ToArray() });
        await page.Button("Upscale").ClickAsync();
        await Expect(page["#upscale-problem"]).Not.ToBeEmptyAsync();
        await Expect(page.Button("Upscale")).ToBeEnabledAsync();
        Assert.True(await page.Page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"), "wider than the screen");
    }

    [BrowserFact]
    public async Task Keyboard_RunsTheNetwork_AndReachesTheResult()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=upscale");
        await Expect(page["#upscale-code"]).ToContainTextAsync("drawing.png");
        await page["#upscale-source input[type=file]"].SetInputFilesAsync(await playground.SmallPictureAsync());
        await Expect(page["#upscale-code"]).ToContainTextAsync("@picture.png");
        await TabToAsync(page, "upscale-run");
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(page["#upscale-status"]).ToHaveTextAsync("done", new LocatorAssertionsToHaveTextOptions { Timeout = 60_000 });

        await page["header .brand"].FocusAsync();
        List<string> reached = await TabToAsync(page, "copy-upscale");
        string[] expected = ["compare-view", "divider", "sample", "choose", "upscale-model", "upscale-run", "button", "copy-upscale"];
        Assert.Equal(expected, reached.Where(expected.Contains).Distinct(StringComparer.Ordinal));

        static async Task<List<string>> TabToAsync(WatchedPage page, string id)
        {
            var reached = new List<string>();
            while (reached.Count < 60 && !reached.Contains(id))
            {
                await page.Page.Keyboard.PressAsync("Tab");
                reached.Add(await page.Page.EvaluateAsync<string>("() => document.activeElement.id || document.activeElement.className || document.activeElement.textContent"));
            }

            return reached;
        }
    }

    [BrowserFact]
    public async Task Views_AreReachedByKeyboard_AndByTheBrowsersBack()
    {
        await using WatchedPage page = await playground.OpenAsync("");
        await page.Page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Upscale" }).FocusAsync();
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(page["#view-upscale"]).ToBeVisibleAsync();
        await Expect(page["#view-arithmetic"]).ToBeHiddenAsync();
        await Expect(page.Page).ToHaveTitleAsync("Upscale · DeconvService");
        await page.Page.GoBackAsync();
        await Expect(page["#view-arithmetic"]).ToBeVisibleAsync();
        await Expect(page["#formula-width"]).ToHaveTextAsync("(5 + 0 + 0 - 3)/1 + 1 = 3");
    }

    [BrowserFact]
    public async Task Arithmetic_LeftBeforeItsAnswerCame_AsksAgain()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=upscale");
        bool held = false;
        await page.Page.RouteAsync("**/v1/conv/shape", route => held ? route.ContinueAsync() : Task.CompletedTask);
        await page.Page.RunAndWaitForRequestAsync(
            () => page.Page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Arithmetic" }).ClickAsync(),
            request => request.Url.EndsWith("/v1/conv/shape", StringComparison.Ordinal));
        held = true;
        await page.Page.GoBackAsync();
        await Expect(page["#view-upscale"]).ToBeVisibleAsync();
        await page.Page.GoForwardAsync();
        await Expect(page["#formula-width"]).ToHaveTextAsync("(5 + 0 + 0 - 3)/1 + 1 = 3");
    }
}
