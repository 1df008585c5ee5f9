using System.Runtime.CompilerServices;

namespace DeconvService.Browser.Tests;

/// <summary>A test that needs a browser: without one it is skipped, and `.ci/run` fails on skipped tests.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserFactAttribute : FactAttribute
{
    public const string Reason = "browser tests need chromium at /usr/bin/chromium: apt-get install chromium";

    public BrowserFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) =>
        (Skip, SkipUnless, SkipType) = (Reason, nameof(Playground.BrowserIsInstalled), typeof(Playground));
}
