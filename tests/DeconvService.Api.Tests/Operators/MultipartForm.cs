using System.Text;

namespace DeconvService.Api.Tests.Operators;

/// <summary>Builds the bytes of a form.</summary>
internal static class MultipartForm
{
    public const string ContentType = "multipart/form-data; boundary=\"xyz-123\"";

    /// <summary>One part.</summary>
    public sealed record Part(string? Name, byte[] Body, string? ContentType = null, string? FileName = null);

    public static byte[] Build(params Part[] parts)
    {
        using var stream = new MemoryStream();
        foreach (Part part in parts)
        {
            string name = part.Name is null ? "" : $"; name=\"{part.Name}\"";
            string file = part.FileName is null ? "" : $"; filename=\"{part.FileName}\"";
            string type = part.ContentType is null ? "" : $"Content-Type: {part.ContentType}\r\n";
            stream.Write(Encoding.UTF8.GetBytes($"--xyz-123\r\nContent-Disposition: form-data{name}{file}\r\n{type}\r\n"));
            stream.Write(part.Body);
            stream.Write("\r\n"u8);
        }

        stream.Write("--xyz-123--\r\n"u8);
        return stream.ToArray();
    }
}
