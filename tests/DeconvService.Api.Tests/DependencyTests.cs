using System.Text.Json;

namespace DeconvService.Api.Tests;

/// <summary>Dependencies point one way. Read from the build's own list, which holds references even where no code uses them.</summary>
public sealed class DependencyTests
{
    [Theory]
    [InlineData("DeconvService.Api", "DeconvService.Engine, DeconvService.Imaging, DeconvService.Onnx")]
    [InlineData("DeconvService.Onnx", "DeconvService.Engine")]
    [InlineData("DeconvService.Engine", "")]
    [InlineData("DeconvService.Imaging", "")]
    public void References_OfOurProjects_PointOneWay(string project, string expected) =>
        Assert.Equal(expected, string.Join(", ", DependenciesOf(project).Where(name => name.StartsWith("DeconvService.", StringComparison.Ordinal))));

    [Fact]
    public void References_OfTheEngine_AreOnePackage() => Assert.Equal(["System.Numerics.Tensors"], DependenciesOf("DeconvService.Engine"));

    private static IEnumerable<string> DependenciesOf(string project)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "DeconvService.Api.Tests.deps.json")));
        JsonElement libraries = document.RootElement.GetProperty("targets").EnumerateObject().Single().Value;
        JsonElement library = libraries.EnumerateObject().Single(item => item.Name.StartsWith(project + "/", StringComparison.Ordinal)).Value;
        return library.TryGetProperty("dependencies", out JsonElement dependencies)
            ? [.. dependencies.EnumerateObject().Select(item => item.Name).Order(StringComparer.Ordinal)]
            : [];
    }
}
