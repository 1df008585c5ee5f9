using Microsoft.Playwright;

namespace DeconvService.Browser.Tests;

/// <summary>A page on which everything that must not happen is written down; disposing it asserts that nothing was.</summary>
internal sealed class WatchedPage : IAsyncDisposable
{
    private readonly List<string> _faults = [];

    public WatchedPage(IPage page, string origin)
    {
        Page = page;

        // A call that the service refuses is on the console as well ("the server responded with a status of 422"): not a fault of the page.
        // A violation of the Content-Security-Policy is there, too.
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning" && !message.Text.Contains("responded with a status of 4", StringComparison.Ordinal))
                Add(message.Text);
        };
        page.PageError += (_, error) => Add(error);
        page.Request += (_, request) =>
        {
            bool own = request.Url.StartsWith(origin, StringComparison.Ordinal) || request.Url.StartsWith("blob:", StringComparison.Ordinal)
                || request.Url.StartsWith("data:", StringComparison.Ordinal);
            if (!own)
                Add($"asked another host: {request.Url}");
        };
    }

    public IPage Page { get; }

    public ILocator this[string selector] => Page.Locator(selector);

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = name, Exact = true });

    public async ValueTask DisposeAsync()
    {
        await Page.Context.CloseAsync();
        lock (_faults)
            Assert.Empty(_faults);
    }

    private void Add(string fault)
    {
        lock (_faults)
            _faults.Add(fault);
    }
}
