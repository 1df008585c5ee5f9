using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Xunit.Sdk;
using static Microsoft.Playwright.Assertions;

namespace DeconvService.Browser.Tests;

/// <summary>The view that filters a picture, as a visitor uses it.</summary>
public sealed class PictureTests(Playground playground)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    [BrowserFact]
    public async Task Filter_ShowsBeforeAndAfter_WithTimesAndDownload()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=picture");
        ILocator outcome = page["#picture-outcome"];
        await Expect(outcome).ToContainTextAsync("451 × 300 → 451 × 300");
        await Expect(outcome.GetByRole(AriaRole.List)).ToContainTextAsync(new Regex(@"run [\d.]+ ms", RegexOptions.None, Soon));
        await Expect(outcome.GetByRole(AriaRole.Link)).ToHaveAttributeAsync("download", "result.png");
        await Expect(page["#picture-compare img[alt=after]"]).ToHaveJSPropertyAsync("naturalWidth", 451);

        // The part of the result that shows follows the divider, by keyboard, too.
        string before = await ShownAsync(page);
        await page["#picture-compare .divider"].FocusAsync();
        await page.Page.Keyboard.PressAsync("Home");
        await Expect(page["#picture-compare .divider"]).ToHaveValueAsync("0");
        await page.Page.WaitForFunctionAsync("before => document.querySelector('#picture-compare img[alt=after]').style.clipPath !== before", before);
    }

    [BrowserFact]
    public async Task Kernel_ThatEnlarges_HasTheFactorOfTheStride_AndItsAddressGivesItBack()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=picture");
        await page["#picture-kernel"].SelectOptionAsync("bicubic");
        await Expect(page["#picture-outcome"]).ToContainTextAsync("451 × 300 → 902 × 600");
        await page["#picture-stride"].FillAsync("3");
        await Expect(page["#picture-outcome"]).ToContainTextAsync("451 × 300 → 1353 × 900");
        await Expect(page["#picture-code"]).ToContainTextAsync($"'{playground.Origin}v1/images/conv-transpose?kernel=bicubic&stride=3'");
        await Expect(page.Page).ToHaveURLAsync(new Regex("kernel=bicubic&stride=3&picture=cat$", RegexOptions.None, Soon));

        await using WatchedPage again = await playground.OpenAsync(new Uri(page.Page.Url).Query);
        await Expect(again["#picture-outcome"]).ToContainTextAsync("451 × 300 → 1353 × 900");
    }

    [BrowserFact]
    public async Task ScaleAndOffset_ChangeEveryPixel()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=picture&kernel=identity");
        await Expect(page["#picture-compare .tag-after"]).ToHaveTextAsync("identity");
        await page["#picture-scale"].FillAsync("0");
        await page["#picture-offset"].FillAsync("0.25"); // of white
        await Expect(page["#picture-code"]).ToContainTextAsync("kernel=identity&scale=0&offset=0.25'");
        await Expect(page.Page).ToHaveURLAsync(new Regex("kernel=identity&scale=0&offset=0\\.25&picture=cat$", RegexOptions.None, Soon));

        // No picture is left of it, only the offset.
        await page.Page.WaitForFunctionAsync(
            """
            () => {
              const canvas = document.createElement('canvas').getContext('2d');
              canvas.drawImage(document.querySelector('#picture-compare img[alt=after]'), 0, 0);
              return canvas.getImageData(0, 0, 200, 100).data.every((value, at) => value === (at % 4 === 3 ? 255 : 64));
            }
            """);
    }

    [BrowserFact]
    public async Task Weight_ThatIsEdited_MakesAMatrixOfTheVisitors()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=picture&kernel=sharpen");
        ILocator middle = page.Page.GetByLabel("Weight row 2, column 2");
        await Expect(middle).ToHaveValueAsync("5");
        await middle.FillAsync("4.5");
        await middle.PressAsync("Tab");
        await Expect(page["#picture-kernel"]).ToHaveValueAsync("matrix");
        await Expect(page.Page).ToHaveURLAsync(new Regex(Regex.Escape("kernel=[[0,-1,0],[-1,4.5,-1],[0,-1,0]]"), RegexOptions.None, Soon));
        await page.Button("A ring of weights more").ClickAsync();
        await Expect(page["#picture-matrix input"]).ToHaveCountAsync(25);
        await Expect(page["#picture-compare .tag-after"]).ToHaveTextAsync("matrix");
        await Expect(page["#picture-problem"]).ToBeHiddenAsync();
    }

    [BrowserFact]
    public async Task WhatTheServiceRefuses_IsSaidInItsWords()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=picture&kernel=[[1e39]]");
        await Expect(page["#picture-problem"]).ToHaveTextAsync("kernel has a number that float32 cannot hold");

        var text = new FilePayload { Name = "notes.txt", MimeType = "image/png", Buffer = Encoding.UTF8.GetBytes("not a picture") };
        await page["#picture-source input[type=file]"].SetInputFilesAsync(text);
        await page["#picture-kernel"].SelectOptionAsync("identity");
        await Expect(page["#picture-problem"]).Not.ToBeEmptyAsync();
        await page["#picture-source .sample"].First.ClickAsync();
        await Expect(page["#picture-outcome"]).ToContainTextAsync("451 × 300");
        await Expect(page["#picture-problem"]).ToBeHiddenAsync();
    }

    [BrowserFact]
    public async Task Picture_ThatIsChosenDroppedOrPasted_IsFiltered()
    {
        FilePayload small = await playground.SmallPictureAsync();
        await using WatchedPage page = await playground.OpenAsync("?view=picture");
        await Expect(page["#picture-outcome"]).ToContainTextAsync("451 × 300");
        await page["#picture-source input[type=file]"].SetInputFilesAsync(small);
        await Expect(page["#picture-outcome"]).ToContainTextAsync("57 × 38 → 57 × 38");

        foreach (string gesture in (string[])["drop", "paste"])
        {
            await page["#picture-source .sample"].First.ClickAsync();
            await Expect(page["#picture-outcome"]).ToContainTextAsync("451 × 300");
            await page.Page.EvaluateAsync(
                """
                ([gesture, bytes]) => {
                  const files = new DataTransfer();
                  files.items.add(new File([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))], 'small.png', { type: 'image/png' }));
                  const event = gesture === 'drop' ? new DragEvent('drop', { dataTransfer: files, bubbles: true }) : new ClipboardEvent('paste', { clipboardData: files, bubbles: true });
                  document.querySelector('#picture-compare').dispatchEvent(event);
                }
                """,
                new[] { gesture, Convert.ToBase64String(small.Buffer) });
            await Expect(page["#picture-outcome"]).ToContainTextAsync("57 × 38 → 57 × 38");
        }
    }

    [BrowserFact]
    public async Task Keyboard_ReachesAndMovesThePicture()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=picture");
        await Expect(page["#picture-outcome"]).ToContainTextAsync("451 × 300");
        var reached = new List<string>();
        for (int i = 0; i < 80; i++)
        {
            await page.Page.Keyboard.PressAsync("Tab");
            reached.Add(await page.Page.EvaluateAsync<string>("() => document.activeElement.id || document.activeElement.className || document.activeElement.textContent"));
        }

        string[] expected = ["compare-view", "divider", "sample", "choose", "picture-kernel", "picture-sigma", "picture-offset", "matrix-larger", "button", "copy-picture"];
        Assert.Equal(expected, reached.Where(expected.Contains).Distinct(StringComparer.Ordinal));

        ILocator level = page["#picture-compare .zoom-level"];
        string fitting = (await level.TextContentAsync())!;
        await page["#picture-compare .compare-view"].PressAsync("+");
        await Expect(level).Not.ToHaveTextAsync(fitting);
        await page["#picture-compare .compare-view"].PressAsync("ArrowLeft");
        await page["#picture-compare .compare-view"].PressAsync("0");
        await Expect(level).ToHaveTextAsync(fitting);
    }

    [BrowserFact]
    public async Task Watch_SeesWhatMustNotHappen()
    {
        WatchedPage script = await playground.OpenAsync("?view=picture");
        await script.Page.EvaluateAsync("() => { const inline = document.createElement('script'); inline.textContent = 'window.ran = true'; document.head.append(inline); }");
        Assert.False(await script.Page.EvaluateAsync<bool>("() => window.ran === true"), "the Content-Security-Policy lets scripts in the page run");
        await Assert.ThrowsAsync<EmptyException>(() => script.DisposeAsync().AsTask());

        WatchedPage host = await playground.OpenAsync("?view=picture");
        await host.Page.EvaluateAsync("() => fetch('http://127.0.0.2:9/').catch(() => null)");
        await Assert.ThrowsAsync<EmptyException>(() => host.DisposeAsync().AsTask());
    }

    [BrowserFact]
    public async Task EveryPreset_GivesAPicture()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=picture", width: 360);
        await Expect(page["#picture-kernel option"]).ToHaveCountAsync(14);
        foreach (ILocator option in await page["#picture-kernel option"].AllAsync())
        {
            string kernel = (await option.GetAttributeAsync("value"))!;
            await page["#picture-kernel"].SelectOptionAsync(kernel);
            await Expect(page["#picture-compare .tag-after"]).ToHaveTextAsync(kernel);
            await Expect(page["#picture-problem"]).ToBeHiddenAsync();
        }

        Assert.True(await page.Page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"), "wider than the screen");
    }

    private static Task<string> ShownAsync(WatchedPage page) =>
        page["#picture-compare img[alt=after]"].EvaluateAsync<string>("image => image.style.clipPath");
}
