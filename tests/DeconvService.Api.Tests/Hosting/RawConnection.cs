using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace DeconvService.Api.Tests.Hosting;

/// <summary>
/// A client of the plainest kind: it sends the whole of its request before it looks at the answer, and one connection reset loses the answer.
/// </summary>
internal sealed class RawConnection : IDisposable
{
    private readonly TcpClient _client;
    private readonly NetworkStream _stream;

    public RawConnection(int port)
    {
        _client = new TcpClient("127.0.0.1", port) { ReceiveTimeout = 60_000, SendTimeout = 60_000 };
        _stream = _client.GetStream();
    }

    public async Task SendAsync(string text) => await _stream.WriteAsync(Encoding.Latin1.GetBytes(text), TestContext.Current.CancellationToken);

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await _stream.WriteAsync(bytes, TestContext.Current.CancellationToken);

    /// <summary>Sends a POST with a body of <paramref name="length"/> spaces, with Content-Length or in chunks.</summary>
    public async Task PostSpacesAsync(string path, long length, bool chunked, string mediaType = "application/json")
    {
        string framing = chunked ? "Transfer-Encoding: chunked" : $"Content-Length: {length}";
        await SendAsync($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {mediaType}\r\n{framing}\r\n\r\n");
        byte[] spaces = new byte[1 << 16];
        spaces.AsSpan().Fill((byte)' ');
        for (long sent = 0; sent < length;)
        {
            int count = (int)Math.Min(spaces.Length, length - sent);
            if (chunked)
                await SendAsync($"{count.ToString("x", CultureInfo.InvariantCulture)}\r\n");

            await SendAsync(spaces.AsMemory(0, count));
            if (chunked)
                await SendAsync("\r\n");

            sent += count;
        }

        if (chunked)
            await SendAsync("0\r\n\r\n");
    }

    /// <summary>Reads one answer with a Content-Length.</summary>
    public async Task<(int Status, string Headers, string Body)> ReceiveAsync()
    {
        var text = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (true)
        {
            string seen = text.ToString();
            int end = seen.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0)
            {
                const string Name = "Content-Length: ";
                int at = seen.IndexOf(Name, StringComparison.Ordinal);
                Assert.True(at >= 0, seen);
                int length = int.Parse(seen.AsSpan(at + Name.Length, seen.IndexOf('\r', at) - at - Name.Length), CultureInfo.InvariantCulture);
                if (seen.Length >= end + 4 + length)
                    return (int.Parse(seen.AsSpan(9, 3), CultureInfo.InvariantCulture), seen[..end], seen.Substring(end + 4, length));
            }

            int count = await _stream.ReadAsync(buffer, TestContext.Current.CancellationToken);
            Assert.True(count > 0, $"the connection ended after: {seen}");
            text.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
    }

    public void Dispose() => _client.Dispose();
}
