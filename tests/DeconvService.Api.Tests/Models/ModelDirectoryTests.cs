using DeconvService.Api.Models;
using Xunit;

namespace DeconvService.Api.Tests.Models;

public sealed class ModelDirectoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("models-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Scan_FindsFilesAndVersions_AndNothingElse()
    {
        foreach (string path in (string[])["a.onnx", "b/1/model.onnx", "b/v2/model.onnx", "b/1/other.onnx", ".upload-x", "c.txt", "d/e.onnx", ".hidden.onnx", "f/2/x/model.onnx"])
            Touch(path);

        Assert.Equal(["a/1", "b/1", "b/v2"], new ModelDirectory(_root).Scan().Select(file => $"{file.Name}/{file.Version}"));
    }

    [Fact]
    public void Scan_VersionOneTwice_TakesTheFolder()
    {
        Touch("a.onnx");
        Touch("a/1/model.onnx");
        ModelFile file = Assert.Single(new ModelDirectory(_root).Scan());
        Assert.Equal("model.onnx", Path.GetFileName(file.Path));
    }

    [Fact]
    public void Scan_NoDirectory_IsEmpty() => Assert.Empty(new ModelDirectory(Path.Combine(_root, "none")).Scan());

    [Fact]
    public void DeleteLeftovers_OldUpload_IsDeleted_ButNotOneThatMayStillBeWritten()
    {
        Touch(".upload-old");
        Touch(".upload-new");
        File.SetLastWriteTimeUtc(Path.Combine(_root, ".upload-old"), DateTime.UtcNow.AddHours(-2));
        new ModelDirectory(_root).DeleteLeftovers();
        Assert.Equal([".upload-new"], Directory.EnumerateFiles(_root).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("1", "2")]
    [InlineData("9", "10")]
    [InlineData("beta", "1")]
    [InlineData("alpha", "beta")]
    public void VersionOrder_SmallerFirst(string smaller, string larger)
    {
        Assert.True(ModelName.VersionOrder.Compare(smaller, larger) < 0);
        Assert.True(ModelName.VersionOrder.Compare(larger, smaller) > 0);
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("0a.b-c_d", true)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("a/b", false)]
    [InlineData("a\n", false)]
    [InlineData("ä", false)]
    [InlineData("a b", false)]
    public void IsValid_Name_IsWhatTheContractSays(string name, bool valid) => Assert.Equal(valid, ModelName.IsValid(name));

    [Fact]
    public void IsValid_Length_EndsAt128()
    {
        Assert.True(ModelName.IsValid(new string('a', 128)));
        Assert.False(ModelName.IsValid(new string('a', 129)));
    }

    private void Touch(string path)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, "");
    }
}
