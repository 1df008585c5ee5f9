using System.Text;
using DeconvService.Api.Tests.Hosting;

namespace DeconvService.Api.Tests.Security;

/// <summary>Requests that the <c>fuzz</c> command of the benchmarks found something with, as it wrote them.</summary>
public sealed class FuzzCaseTests
{
    public static TheoryData<string> Cases =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Security", "FuzzCases"), "*.http").Select(file => Path.GetFileName(file))];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task FoundBefore_IsAClientError(string file)
    {
        byte[] bytes = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "Security", "FuzzCases", file), TestContext.Current.CancellationToken);
        int end = bytes.AsSpan().IndexOf("\n\n"u8);
        string[] head = Encoding.UTF8.GetString(bytes, 0, end).Split('\n');
        string[] line = head[0].Split(' ', 2);
        using var request = new HttpRequestMessage(new HttpMethod(line[0]), line[1]) { Content = new ByteArrayContent(bytes[(end + 2)..]) };
        foreach (string[] header in head.Skip(1).Select(text => text.Split(": ", 2)))
        {
            if (!request.Headers.TryAddWithoutValidation(header[0], header[1]))
                request.Content.Headers.TryAddWithoutValidation(header[0], header[1]);
        }

        await using var app = new ServiceApp();
        using HttpResponseMessage response = await app.SendAsync(request);
        Assert.InRange((int)response.StatusCode, 400, 499);
    }
}
