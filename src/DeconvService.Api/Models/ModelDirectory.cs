namespace DeconvService.Api.Models;

/// <summary>A network's file.</summary>
/// <param name="Name">The network's name.</param>
/// <param name="Version">Which version of it.</param>
/// <param name="Path">The file.</param>
internal sealed record ModelFile(string Name, string Version, string Path);

/// <summary>
/// The files of the networks: <c>name.onnx</c> (version 1) or <c>name/version/model.onnx</c>. A new file is written beside its place under
/// another name, flushed to the disk and then renamed, so that whenever the process dies there is the old network or the new one whole.
/// </summary>
internal sealed class ModelDirectory(string root)
{
    private const string Extension = ".onnx";
    private const string VersionedFile = "model.onnx";
    private const string TemporaryPattern = ".upload-*";

    // Another process that shares the directory may be writing one right now.
    private static readonly TimeSpan TemporaryAge = TimeSpan.FromHours(1);

    /// <summary>The directory.</summary>
    public string Root => root;

    /// <summary>All networks there are, in the order of names and versions; none when the directory does not exist.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public IReadOnlyList<ModelFile> Scan()
    {
        if (!Directory.Exists(root))
            return [];

        var found = new SortedDictionary<(string Name, string Version), ModelFile>();
        foreach (string folder in Directory.EnumerateDirectories(root))
        {
            string name = Path.GetFileName(folder);
            if (ModelName.IsValid(name))
                ScanVersions(name, folder, found);
        }

        foreach (string path in Directory.EnumerateFiles(root, "*" + Extension))
        {
            string name = Path.GetFileNameWithoutExtension(path);
            if (ModelName.IsValid(name))
                found.TryAdd((name, ModelName.FirstVersion), new ModelFile(name, ModelName.FirstVersion, path));
        }

        return [.. found.Values];
    }

    /// <summary>The files of one network.</summary>
    public IReadOnlyList<ModelFile> Find(string name)
    {
        if (!ModelName.IsValid(name))
            return [];

        var found = new SortedDictionary<(string Name, string Version), ModelFile>();
        string folder = Path.Combine(root, name);
        if (Directory.Exists(folder))
            ScanVersions(name, folder, found);

        string path = folder + Extension;
        if (File.Exists(path))
            found.TryAdd((name, ModelName.FirstVersion), new ModelFile(name, ModelName.FirstVersion, path));

        return [.. found.Values];
    }

    /// <summary>Where an upload of this name goes: over the newest version that there is, else to <c>name.onnx</c>.</summary>
    public ModelFile PlaceFor(string name) =>
        Find(name).MaxBy(file => file.Version, ModelName.VersionOrder)
        ?? new ModelFile(name, ModelName.FirstVersion, Path.Combine(root, name + Extension));

    /// <summary>Opens a file that nobody takes for a network yet.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory must not be written.</exception>
    public FileStream CreateTemporary()
    {
        Directory.CreateDirectory(root);
        return new FileStream(
            Path.Combine(root, $".upload-{Guid.NewGuid():N}"),
            new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Options = FileOptions.Asynchronous });
    }

    /// <summary>Puts a temporary file, already on the disk, into a network's place in one step.</summary>
    public static void Publish(string temporary, ModelFile place) => File.Move(temporary, place.Path, overwrite: true);

    /// <summary>Deletes all versions of a network.</summary>
    public void Delete(string name)
    {
        foreach (ModelFile file in Find(name))
            File.Delete(file.Path);

        string folder = Path.Combine(root, name);
        if (!Directory.Exists(folder))
            return;

        foreach (string version in Directory.EnumerateDirectories(folder).Append(folder))
        {
            if (!Directory.EnumerateFileSystemEntries(version).Any())
                Directory.Delete(version);
        }
    }

    /// <summary>Deletes what an upload left behind when the process was killed.</summary>
    public void DeleteLeftovers()
    {
        if (!Directory.Exists(root))
            return;

        foreach (string path in Directory.EnumerateFiles(root, TemporaryPattern))
        {
            if (DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > TemporaryAge)
                File.Delete(path);
        }
    }

    private static void ScanVersions(string name, string folder, SortedDictionary<(string Name, string Version), ModelFile> found)
    {
        foreach (string versionFolder in Directory.EnumerateDirectories(folder))
        {
            string version = Path.GetFileName(versionFolder);
            string path = Path.Combine(versionFolder, VersionedFile);
            if (ModelName.IsValid(version) && File.Exists(path))
                found.Add((name, version), new ModelFile(name, version, path));
        }
    }
}
