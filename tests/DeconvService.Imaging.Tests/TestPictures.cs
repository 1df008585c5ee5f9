namespace DeconvService.Imaging.Tests;

/// <summary>The pictures beside the test assembly; Pictures/README.md says where they come from.</summary>
internal static class TestPictures
{
    public static string Directory { get; } = Path.Combine(AppContext.BaseDirectory, "Pictures");

    public static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Directory, name));

    /// <summary>Encoded pictures of 48 x 32 pixels, one of each kind.</summary>
    public static byte[] Encoded(string name) => Read(Path.Combine("decode", name));

    /// <summary>The interleaved pixels that must be found in <see cref="Encoded"/>.</summary>
    public static byte[] Expected(string name) => Read(Path.Combine("decode", name + ".raw"));

    public static IEnumerable<string> EncodedNames =>
        System.IO.Directory.EnumerateFiles(Path.Combine(Directory, "decode"))
            .Select(path => Path.GetFileName(path)!)
            .Where(name => !name.EndsWith(".raw", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    /// <summary>The largest difference of two runs of bytes.</summary>
    public static int LargestDifference(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var largest = 0;
        for (var i = 0; i < expected.Length; i++)
            largest = Math.Max(largest, Math.Abs(expected[i] - actual[i]));
        return largest;
    }
}
