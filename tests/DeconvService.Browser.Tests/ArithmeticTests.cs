using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace DeconvService.Browser.Tests;

/// <summary>The arithmetic view, as a visitor uses it.</summary>
public sealed partial class ArithmeticTests(Playground playground)
{
    [BrowserFact]
    public async Task FrontPage_ShowsTheArithmetic_WithTheServicesFormulaAndValues()
    {
        await using WatchedPage page = await playground.OpenAsync("");
        await Expect(page["#formula-width"]).ToHaveTextAsync("(5 + 0 + 0 - 3)/1 + 1 = 3");

        // Nine values that only the service knows, and the sentence that ends with the first.
        await Expect(page["#scene .input .values text"]).ToHaveTextAsync(["05432", "33333", "01234", "35135", "03030"]);
        await Expect(page["#scene .output .values text"]).ToHaveCountAsync(9);
        string first = (await page["#scene .output .values text"].First.TextContentAsync())!;
        await Expect(page["#explain"]).ToContainTextAsync($" = {first}   (9 products)");
    }

    [BrowserFact]
    public async Task Address_HoldsTheState_AndGivesItBack()
    {
        await using WatchedPage page = await playground.OpenAsync("");
        await page["#stride-width"].FillAsync("2");
        await page.Button("Padding, begin, width: one more").ClickAsync();
        await page.Button("Padding, end, width: one more").ClickAsync();
        await page["#apart"].CheckAsync();
        await page["#size-height"].FillAsync("9");
        await Expect(page["#formula-height"]).ToHaveTextAsync("(9 + 1 + 1 - 3)/2 + 1 = 5");
        await page.Button("Padding, begin, height: one less").ClickAsync();
        await Expect(page["#formula-height"]).ToHaveTextAsync("does not work");
        await page.Button("Padding, end, height: one less").ClickAsync();
        await Expect(page["#formula-height"]).ToHaveTextAsync("(9 + 0 + 0 - 3)/2 + 1 = 4");
        await Expect(page.Page).ToHaveURLAsync(AddressOfState());

        await using WatchedPage again = await playground.OpenAsync(new Uri(page.Page.Url).Query);
        await Expect(again["#size-height"]).ToHaveValueAsync("9");
        await Expect(again["#size-width"]).ToHaveValueAsync("5");
        await Expect(again["#begin-width"]).ToHaveValueAsync("1");
        await Expect(again["#begin-height"]).ToHaveValueAsync("0");
        await Expect(again["#formula-height"]).ToHaveTextAsync("(9 + 0 + 0 - 3)/2 + 1 = 4");
    }

    [BrowserFact]
    public async Task StrideThatDoesNotFit_ShowsTheServicesSentence_AndEverySuggestionMends()
    {
        const string Query = "?view=arithmetic&op=conv&size=8&kernel=3&stride=2";
        int suggestions;
        await using (WatchedPage page = await playground.OpenAsync(Query))
        {
            await Expect(page["#arithmetic-problem"]).ToContainTextAsync("width does not work: (8 + 0 + 0 - 3) = 5 is not a multiple of stride 2 (remainder 1)");
            await Expect(page["#arithmetic-problem"]).ToContainTextAsync(", and so for the height");
            await Expect(page["#scene .leftover"]).ToHaveCountAsync(2);
            suggestions = await page[".suggestion"].CountAsync();
        }

        Assert.True(suggestions >= 3, $"{suggestions} suggestions");
        for (int i = 0; i < suggestions; i++)
        {
            await using WatchedPage page = await playground.OpenAsync(Query);
            string label = (await page[".suggestion"].Nth(i).TextContentAsync())!;
            string gives = Gives().Match(label).Groups["size"].Value;
            await page[".suggestion"].Nth(i).ClickAsync();
            await Expect(page["#arithmetic-problem"]).ToBeHiddenAsync();
            await Expect(page["#formula-width"]).ToHaveTextAsync(new Regex($"= {gives}$", RegexOptions.None, TimeSpan.FromSeconds(1)));
        }
    }

    [BrowserFact]
    public async Task Pointer_OnACell_LightsWhatItIsMadeOf()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=arithmetic&op=conv-transpose&size=4&kernel=3&stride=2");
        await Expect(page["#scene .output .values text"]).ToHaveCountAsync(81);

        // Output (2, 2) is where four kernels overlap.
        ILocator cell = page["#scene .output .values text"].Nth((2 * 9) + 2);
        await cell.HoverAsync(new LocatorHoverOptions { Force = true });
        await Expect(page["#explain"]).ToContainTextAsync("output[2, 2] = ");
        await Expect(page["#explain"]).ToContainTextAsync("(4 products)");

        await HoverInputAsync(page, 1, 1, size: 4);
        await Expect(page["#explain"]).ToHaveTextAsync("input[1, 1] = 3 is spread over 9 output cells");
    }

    [BrowserFact]
    public async Task Pointer_OnConvolution_LightsBothWays()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=arithmetic&op=conv&size=5&kernel=3");
        await Expect(page["#scene .output .values text"]).ToHaveCountAsync(9);
        await page["#scene .output .values text"].Nth(8).HoverAsync(new LocatorHoverOptions { Force = true });
        await Expect(page["#explain"]).ToContainTextAsync("output[2, 2] = ");
        await Expect(page["#lights .window"]).ToBeVisibleAsync();
        Assert.Equal(9, await AreasAsync(page["#lights .window .met"]));

        // The middle of the input is seen by every window; the first cell by one alone, through the first weight.
        await HoverInputAsync(page, 2, 2, size: 5);
        await Expect(page["#explain"]).ToHaveTextAsync("input[2, 2] = 2 feeds 9 output cells");
        await Expect(page["#lights .window"]).ToBeHiddenAsync();
        Assert.Equal(9, await AreasAsync(page["#lights > .met"].Nth(1)));
        await HoverInputAsync(page, 0, 0, size: 5);
        await Expect(page["#explain"]).ToHaveTextAsync("input[0, 0] = 0 feeds 1 output cell");
        Assert.Equal(1, await AreasAsync(page["#lights > .met"].Nth(0)));
        Assert.Equal(1, await AreasAsync(page["#lights > .met"].Nth(1)));

        static async Task<int> AreasAsync(ILocator path) => (await path.GetAttributeAsync("d"))!.Count(letter => letter == 'M');
    }

    [BrowserFact]
    public async Task Window_Glides_UnlessMotionIsNotWanted()
    {
        foreach (ReducedMotion motion in (ReducedMotion[])[ReducedMotion.NoPreference, ReducedMotion.Reduce])
        {
            await using WatchedPage page = await playground.OpenAsync("");
            await page.Page.EmulateMediaAsync(new PageEmulateMediaOptions { ReducedMotion = motion });
            await Expect(page["#scene .output .values text"]).ToHaveCountAsync(9);
            int moving = await page.Page.EvaluateAsync<int>("() => { document.querySelector('#forward').click(); return document.getAnimations().length; }");
            Assert.Equal(motion == ReducedMotion.Reduce ? 0 : 2, moving);
            await Expect(page["#explain"]).ToContainTextAsync("output[0, 1] = ");
        }
    }

    [BrowserFact]
    public async Task Checkerboard_ShowsUnevenCounts_AndTheServicesNote()
    {
        await using WatchedPage page = await playground.OpenAsync("");
        await page.Button("Checkerboard").ClickAsync();
        await Expect(page["#notes"]).ToContainTextAsync("checkerboard");
        string[] counts = [.. await page["#scene .output .values text"].AllTextContentsAsync()];
        Assert.Equal(["1", "2", "4"], counts.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));

        // Rows with one product and with two, and columns as a mask over them that halves those with one.
        Assert.Equal(["0.360", "0.720"], await AttributesAsync(page["#scene .output .heat"], "fill-opacity"));
        Assert.Equal(["0.5", "1"], await AttributesAsync(page["#scene .output mask path"], "fill-opacity"));
        await Expect(page["#scene .caption"].Last).ToHaveTextAsync("Output 9 × 9, 1 to 4 products a cell");
    }

    [BrowserFact]
    public async Task Dilation_AndOutputPadding_ChangeWhatTheServiceSays()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=arithmetic&op=conv&size=8&kernel=3");
        await Expect(page["#scene .output .values text"]).ToHaveCountAsync(36);
        await Expect(page["#outputPadding-width"]).ToBeDisabledAsync();
        await page.Button("Dilation, width: one more").ClickAsync();
        await Expect(page["#formula-width"]).ToHaveTextAsync(new Regex("= 4$", RegexOptions.None, TimeSpan.FromSeconds(1)));
        await Expect(page["#scene .output .values text"]).ToHaveCountAsync(16);
        await Expect(page["#code"]).ToContainTextAsync("\"dilation\":2");
        await Expect(page["#explain"]).ToContainTextAsync("output[0, 0] = 0·0 + 4·(−1) + 2·2 + "); // every second cell of the first row

        await page.Page.GetByText("Transposed", new PageGetByTextOptions { Exact = true }).ClickAsync();
        await page["#stride-width"].FillAsync("2");
        await page["#dilation-width"].FillAsync("1");
        await page["#outputPadding-width"].FillAsync("1");
        await Expect(page["#formula-width"]).ToHaveTextAsync("(8 - 1)*2 + 3 - 0 - 0 + 1 = 18");
        await Expect(page["#scene .output .values text"]).ToHaveCountAsync(18 * 18);
        await Expect(page.Page).ToHaveURLAsync(new Regex("op=conv-transpose&size=8&kernel=3&stride=2&outputPadding=1$", RegexOptions.None, TimeSpan.FromSeconds(1)));
    }

    [BrowserFact]
    public async Task TensorFlowAndPyTorch_AreOneExample_WhoseWindowJumpsByACell()
    {
        await using WatchedPage page = await playground.OpenAsync("");
        await page.Button("TensorFlow or PyTorch").ClickAsync();
        await page["#position"].FillAsync("5");
        await Expect(page["#explain"]).ToContainTextAsync("output[1, 1] = ");
        foreach ((string link, string padded, string first) in ((string, string, string)[])
            [
                ("", "9 × 9", "2·0 + "), ("See PyTorch’s padding=1", "10 × 10", "3·0 + "), ("See TensorFlow’s SAME", "9 × 9", "2·0 + "),
            ])
        {
            if (link.Length > 0)
                await page.Button(link).ClickAsync();

            await Expect(page["#scene .caption"].Nth(1)).ToContainTextAsync($"padded to {padded}");
            await Expect(page["#explain"]).ToContainTextAsync($"output[1, 1] = {first}");
            await Expect(page.Button("TensorFlow or PyTorch")).ToHaveAttributeAsync("aria-pressed", "true");
        }
    }

    [BrowserFact]
    public async Task ThousandNumbers_AreWrittenOverSeveralFrames()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=arithmetic&op=conv&size=34&kernel=3", width: 3840, height: 2160);
        await Expect(page["#scene .output .values text"]).ToHaveCountAsync(32 * 32);
        await page.Page.EvaluateAsync(
            """
            () => {
              window.most = 0;
              const count = list => { window.most = Math.max(window.most, list.reduce((sum, { addedNodes }) => sum + addedNodes.length, 0)); };
              new MutationObserver(count).observe(document.querySelector('#scene'), { subtree: true, childList: true });
            }
            """);
        await page["#size-width"].PressAsync("ArrowDown");
        await Expect(page["#scene .output .values text"]).ToHaveCountAsync(31 * 31);
        Assert.InRange(await page.Page.EvaluateAsync<int>("() => window.most"), 31, 300);
    }

    [BrowserFact]
    public async Task SeedChain_FeedsTheOutputInAgain()
    {
        await using WatchedPage page = await playground.OpenAsync("");
        await page.Button("55 → 75 → 95").ClickAsync();
        foreach (int output in (int[])[75, 95, 115])
        {
            await Expect(page["#formula-width"]).ToHaveTextAsync(new Regex($"= {output}$", RegexOptions.None, TimeSpan.FromSeconds(1)));
            await page.Button("Output → input").ClickAsync();
        }

        await Expect(page["#size-width"]).ToHaveValueAsync("115");
    }

    [BrowserFact]
    public async Task Keyboard_MovesTheWindow_AndPlays()
    {
        await using WatchedPage page = await playground.OpenAsync("");
        await page["#scene"].FocusAsync();
        await page.Page.Keyboard.PressAsync("ArrowRight");
        await page.Page.Keyboard.PressAsync("ArrowDown");
        await Expect(page["#explain"]).ToContainTextAsync("output[1, 1] = ");
        await page.Page.Keyboard.PressAsync("Enter");
        await page.Page.Keyboard.PressAsync("ArrowRight");
        await Expect(page["#explain"]).ToContainTextAsync("input[0, 1] = 5 feeds 2 output cells");
        await page.Page.Keyboard.PressAsync("Space");
        await Expect(page.Button("Pause")).ToBeVisibleAsync();
        string step = await page["#position"].InputValueAsync();
        await Expect(page["#position"]).Not.ToHaveValueAsync(step);
        await page.Page.Keyboard.PressAsync("Space");
        await Expect(page.Button("Play")).ToBeVisibleAsync();
    }

    [BrowserFact]
    public async Task Tab_ReachesEveryControl_InTheOrderOfThePage()
    {
        await using WatchedPage page = await playground.OpenAsync("");
        await Expect(page["#scene .output .values text"]).ToHaveCountAsync(9);
        var reached = new List<string>();
        for (int i = 0; i < 45; i++)
        {
            await page.Page.Keyboard.PressAsync("Tab");
            reached.Add(await page.Page.EvaluateAsync<string>("() => document.activeElement.id || document.activeElement.name || document.activeElement.textContent"));
        }

        string[] expected = ["Does not fit", "scene", "play", "position", "op", "size-width", "stride-width", "apart", "padding", "fit", "code", "copy-code"];
        Assert.Equal(expected, reached.Where(expected.Contains).Distinct(StringComparer.Ordinal));
    }

    [BrowserFact]
    public async Task Code_IsThatOfTheLayer()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=arithmetic&op=conv&size=7&kernel=3&stride=2&begin=1&end=1");
        await Expect(page["#code"]).ToContainTextAsync($"curl -s {playground.Origin}v1/conv ");
        foreach ((string language, string line) in ((string, string)[])
            [
                ("PyTorch", "nn.Conv2d(1, 1, kernel_size=3, stride=2, padding=1, bias=False)"), ("Keras", "layers.ZeroPadding2D(((1, 1), (1, 1)))"),
                ("ONNX", "pads=[1, 1, 1, 1]"), ("numpy", "sliding_window_view(padded, (3, 3))[::2, ::2, ::1, ::1]"),
            ])
        {
            await page.Page.GetByText(language, new PageGetByTextOptions { Exact = true }).ClickAsync();
            await Expect(page["#code"]).ToContainTextAsync(line);
        }
    }

    [BrowserFact]
    public async Task EveryExample_FitsEveryScreen_AndHasNoFault()
    {
        foreach (int width in (int[])[360, 768, 3840])
        {
            await using WatchedPage page = await playground.OpenAsync("", width);
            foreach (ILocator chip in await page["#presets button"].AllAsync())
            {
                await chip.ClickAsync();
                int beyond = await page.Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth - document.documentElement.clientWidth");
                Assert.True(beyond <= 0, string.Create(CultureInfo.InvariantCulture, $"{beyond} pixels beyond a screen of {width}"));
            }
        }
    }

    [BrowserFact]
    public async Task Step_OnTheLargestGrid_MovesWhatIsThere()
    {
        await using WatchedPage page = await playground.OpenAsync("?view=arithmetic&op=conv-transpose&size=128&kernel=63&stride=16&dilation=16&show=overlap");
        await Expect(page["#formula-width"]).ToHaveTextAsync("(128 - 1)*16 + 993 - 0 - 0 + 0 = 3025");
        await page.Page.EvaluateAsync(
            """
            async () => {
              window.made = window.changed = 0;
              new MutationObserver(list => {
                for (const { type, target, addedNodes } of list) {
                  window.changed++;
                  if (type === 'childList' && target.closest('svg')) window.made += addedNodes.length;
                }
              }).observe(document.querySelector('#view-arithmetic'), { subtree: true, childList: true, attributes: true, characterData: true });

              // The grids are drawn over many frames, and what is counted comes after them: ten without a change.
              const frame = () => new Promise(requestAnimationFrame);
              for (let before = -1, quiet = 0; quiet < 10; before = window.changed) {
                await frame();
                quiet = window.changed === before ? quiet + 1 : 0;
              }

              window.made = window.changed = 0;
            }
            """);

        // By keyboard along the input, then over the cells of the output: nine million cells and 3969 weights are drawn, none again.
        await page["#scene"].FocusAsync();
        const int Steps = 10;
        for (int i = 0; i < Steps; i++)
            await page.Page.Keyboard.PressAsync("ArrowRight");
        await Expect(page["#explain"]).ToContainTextAsync($"input[0, {Steps}] = ");
        await page.Page.Keyboard.PressAsync("Enter");
        for (int i = 0; i < Steps; i++)
            await page.Page.Keyboard.PressAsync("ArrowDown");
        await Expect(page["#explain"]).ToContainTextAsync($"output[{Steps}, 0] = ");

        Assert.Equal(0, await page.Page.EvaluateAsync<int>("() => window.made"));
        int changed = await page.Page.EvaluateAsync<int>("() => window.changed");
        Assert.InRange(changed, 2 * Steps, 10 * 2 * Steps);
    }

    [BrowserFact]
    public async Task RefusalAndChoiceOfAxes_MoveNothingAroundThem()
    {
        foreach (int width in (int[])[360, 1440])
        {
            await using WatchedPage page = await playground.OpenAsync("?view=arithmetic&op=conv&size=7&kernel=3&stride=2", width);
            await Expect(page["#formula-width"]).ToHaveTextAsync("(7 + 0 + 0 - 3)/2 + 1 = 3");
            string before = await PlacesAsync(page);
            await page["#size-width"].FillAsync("8");
            await Expect(page["#arithmetic-problem"]).ToBeVisibleAsync();
            Assert.Equal(before, await PlacesAsync(page));
            await page["#apart"].CheckAsync();
            Assert.Equal(before, await PlacesAsync(page));
        }

        static Task<string> PlacesAsync(WatchedPage page) => page.Page.EvaluateAsync<string>(
            "() => [...document.querySelectorAll('#view-arithmetic :is(.intro, .about, .card, .controls > *, .sizes, .drawing)')].map(e => { const b = e.getBoundingClientRect(); return `${e.className} ${b.x} ${b.y + scrollY}`; }).join('; ')");
    }

    private static async Task HoverInputAsync(WatchedPage page, int row, int column, int size)
    {
        LocatorBoundingBoxResult grid = (await page["#scene .input .cells"].BoundingBoxAsync())!;
        await page.Page.Mouse.MoveAsync(grid.X + ((column + 0.5f) * grid.Width / size), grid.Y + ((row + 0.5f) * grid.Height / size));
    }

    private static async Task<string[]> AttributesAsync(ILocator elements, string name) =>
        [.. (await elements.EvaluateAllAsync<string[]>("(list, name) => list.map(e => e.getAttribute(name))", name)).Order(StringComparer.Ordinal)];

    [GeneratedRegex(@"gives (?<size>\d+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Gives();

    [GeneratedRegex("size=9x5&kernel=3&stride=2&begin=0x1&end=0x1$", RegexOptions.None, 1000)]
    private static partial Regex AddressOfState();
}
