using System.Net;
using DeconvService.Api.Tests.Hosting;
using Xunit;

namespace DeconvService.Api.Tests.Models;

/// <summary>The whole service with a directory of networks of its own, ready.</summary>
internal sealed class ModelsApp : IAsyncDisposable
{
    public const string Key = "secret";

    private ModelsApp(string directory, ServiceApp app) => (Directory, App) = (directory, app);

    public string Directory { get; }

    public ServiceApp App { get; }

    /// <summary>Starts it with files in the directory.</summary>
    public static Task<ModelsApp> StartAsync(params (string Path, byte[] Content)[] files) => StartAsync(settings: [], files);

    /// <summary>Starts it with settings beside those that enable management.</summary>
    public static async Task<ModelsApp> StartAsync((string Key, string Value)[] settings, params (string Path, byte[] Content)[] files)
    {
        string directory = System.IO.Directory.CreateTempSubdirectory("models-").FullName;
        foreach ((string path, byte[] content) in files)
            Write(directory, path, content);

        (string, string)[] all = [("Models:Directory", directory), ("Management:Enabled", "true"), ("Management:ApiKey", Key), .. settings];
        var app = new ModelsApp(directory, ServiceApp.OnKestrel(all));
        await app.WaitUntilReadyAsync();
        return app;
    }

    public void Write(string path, byte[] content) => Write(Directory, path, content);

    public Task<HttpResponseMessage> GetAsync(string path) => App.SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

    public Task<HttpResponseMessage> PutAsync(string name, byte[] file, string? key = Key)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, $"/v1/models/{name}") { Content = Bytes(file, "application/octet-stream") };
        return SendAsync(request, key);
    }

    public Task<HttpResponseMessage> DeleteAsync(string name, string? key = Key) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Delete, $"/v1/models/{name}"), key);

    public Task<HttpResponseMessage> PostPictureAsync(string path, byte[] picture, string? accept = null, string mediaType = "image/png") =>
        App.SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = Bytes(picture, mediaType) }, accept);

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string? key = Key)
    {
        if (key is not null)
            request.Headers.Add("X-Api-Key", key);

        return App.SendAsync(request);
    }

    public static ByteArrayContent Bytes(byte[] bytes, string mediaType)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        return content;
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private async Task WaitUntilReadyAsync()
    {
        while ((await GetAsync("/health/ready")).StatusCode != HttpStatusCode.OK)
            await Task.Delay(10, TestContext.Current.CancellationToken);
    }

    private static void Write(string directory, string path, byte[] content)
    {
        string full = Path.Combine(directory, path);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllBytes(full, content);
    }
}
