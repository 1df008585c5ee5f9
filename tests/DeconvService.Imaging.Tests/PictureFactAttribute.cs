using System.Runtime.CompilerServices;
using Xunit;

namespace DeconvService.Imaging.Tests;

/// <summary>A test that needs the picture library: without one it is skipped, and `.ci/run` fails on the sentence that it is skipped with.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PictureFactAttribute : FactAttribute
{
    public const string Reason = "picture tests need libvips: install npm and build again, or apt-get install libvips42";

    public PictureFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) =>
        (Skip, SkipUnless, SkipType) = (Reason, nameof(ImageCodec.IsAvailable), typeof(ImageCodec));
}

/// <summary>As <see cref="PictureFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PictureTheoryAttribute : TheoryAttribute
{
    public PictureTheoryAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) =>
        (Skip, SkipUnless, SkipType) = (PictureFactAttribute.Reason, nameof(ImageCodec.IsAvailable), typeof(ImageCodec));
}
