using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace DeconvService.Benchmarks.Fuzz;

/// <summary>A request as bytes: what the fuzzer changes, and what it keeps of a request that found something.</summary>
/// <param name="Method">GET, POST or PUT.</param>
/// <param name="Target">Path and query.</param>
/// <param name="Headers">Media type and whatever else belongs to the body.</param>
/// <param name="Body">The body.</param>
internal sealed record FuzzCase(string Method, string Target, IReadOnlyList<(string Name, string Value)> Headers, byte[] Body)
{
    /// <summary>For a client.</summary>
    public HttpRequestMessage ToRequest()
    {
        var content = new ByteArrayContent(Body);
        var request = new HttpRequestMessage(new HttpMethod(Method), Target);
        foreach ((string name, string value) in Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
                content.Headers.TryAddWithoutValidation(name, value);
        }

        if (Body.Length > 0)
            request.Content = content;

        return request;
    }

    /// <summary>As it travels: request line, headers, empty line, body.</summary>
    public byte[] ToBytes()
    {
        var head = new StringBuilder($"{Method} {Target}\n");
        foreach ((string name, string value) in Headers)
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\n");

        return [.. Encoding.UTF8.GetBytes(head.Append('\n').ToString()), .. Body];
    }
}
