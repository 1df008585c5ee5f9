using System.Net;
using System.Net.Http.Headers;
using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Tests.Hosting;
using Xunit;

namespace DeconvService.Api.Tests.Operators;

/// <summary>Valid requests, changed at random by the thousand, through the whole host: never a 5xx, and every error a complete problem.</summary>
public sealed class MutationTests
{
    private const int RequestsPerSeed = 1500;

    private static readonly string[] Paths = ["/v1/conv", "/v1/conv-transpose", "/v1/conv/shape", "/v1/conv-transpose/shape"];

    private static readonly string[] MediaTypes =
    [
        "application/json", "application/json; charset=utf-8", "application/x-npz", "application/x-npy", "multipart/form-data",
        "multipart/form-data; boundary=edge", "multipart/form-data; boundary=\"\"", "image/png", "text/plain", "*/*", ";;",
    ];

    private static readonly string[] Accepts =
        ["", "*/*", "application/json", "application/x-npy", "application/x-npz;q=0.3", "image/png", "q=1", "application/json;q=7", ",,,"];

    private static readonly string[] Queries =
        ["", "?stride=2", "?stride=[1,2]&padding=same", "?stride=-1", "?padding=[[0,1],[1,0]]", "?x=1", "?stride=2&stride=3", "?groups=99999999999", "?%ff=%00"];

    // What breaks parsers and size rules; put in the place of numbers and strings.
    private static readonly string[] Tokens =
    [
        "-1", "0", "1e400", "-0", "1E-50", "2147483648", "9223372036854775808", "00", "NaN", "Infinity", "null", "true", "\"\"", "\"same\"", "[]", "{}",
        "[[]]", "[1,2,3,4]", "1.5", "\"\\ud800\"", "\u0000", "]", "}", ",", "\"",
    ];

    private static readonly string[] Jsons =
    [
        """{"input":{"shape":[1,2,5,6],"data":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]},"weight":[[[[1,2],[3,4]]],[[[1,0],[0,1]]]],"bias":[1,2],"stride":[1,2],"padding":[[0,1],[2,0]],"dilation":1,"groups":2,"paddingMode":"replicate","fit":"floor","accuracy":"exact"}""",
        """{"input":[[[1,2,3,4]]],"weight":[[[1,2]]],"stride":2,"padding":"same-lower"}""",
        """{"input":[[[[1,2],[3,4]]]],"weight":[[[[1,1],[1,1]]]],"stride":2,"outputPadding":1,"outputSize":5}""",
        """{"inputShape":[1,1,55,55],"weightShape":[1,1,21,21],"padding":20,"stride":1}""",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task ChangedRequests_NeverFailTheService(int seed)
    {
        await using var app = new ServiceApp(
            seed == 1 ? "Development" : "Production",
            ("Limits:TensorElements", "20000"),
            ("Limits:OutputElements", "20000"),
            ("Limits:RequestBytes", "65536"));
        using HttpClient client = app.CreateClient();
        byte[] npz = await client.GetByteArrayAsync("/examples/seed.npz", TestContext.Current.CancellationToken);
        byte[] npy = await client.GetByteArrayAsync("/examples/w.npy", TestContext.Current.CancellationToken);
        var random = new Random(seed);
        int good = 0;
        for (int i = 0; i < RequestsPerSeed; i++)
        {
            (string mediaType, byte[] body) = Valid(random, npz, npy);
            for (int changes = random.Next(3); changes > 0; changes--)
                body = Change(random, body);

            using var request = new HttpRequestMessage(HttpMethod.Post, Pick(random, Paths) + (random.Next(4) == 0 ? Pick(random, Queries) : ""))
            {
                Content = new ByteArrayContent(body),
            };
            request.Content.Headers.TryAddWithoutValidation("Content-Type", random.Next(12) == 0 ? Pick(random, MediaTypes) : mediaType);
            if (random.Next(3) == 0)
                request.Headers.TryAddWithoutValidation("Accept", Pick(random, Accepts));

            using HttpResponseMessage response = await client.SendAsync(request, TestContext.Current.CancellationToken);
            string answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                good++;
                continue;
            }

            string what = $"seed {seed}, request {i}: {request.RequestUri} {request.Content.Headers.ContentType} "
                + $"{Encoding.Latin1.GetString(body.AsSpan(0, Math.Min(body.Length, 2000)))}\n{(int)response.StatusCode} {answer}";
            Assert.True((int)response.StatusCode is >= 400 and < 500, what);
            Assert.True(response.Content.Headers.ContentType?.MediaType == ProblemWriter.MediaType, what);
            ServiceAppExtensions.AssertProblem(answer, (int)response.StatusCode);
        }

        Assert.InRange(good, RequestsPerSeed / 20, RequestsPerSeed); // or nothing but the front door was tested
    }

    private static (string MediaType, byte[] Body) Valid(Random random, byte[] npz, byte[] npy)
    {
        switch (random.Next(6))
        {
            case 0:
                return ("application/x-npz", npz);
            case 1:
                const string Part = "--edge\r\nContent-Disposition: form-data; name=\"{0}\"; filename=\"{0}.npy\"\r\n\r\n";
                string stride = "\r\n--edge\r\nContent-Disposition: form-data; name=\"stride\"\r\n\r\n1\r\n--edge--\r\n";
                return ("multipart/form-data; boundary=edge",
                [
                    .. Encoding.Latin1.GetBytes(string.Format(Part, "input")), .. npy, .. "\r\n"u8,
                    .. Encoding.Latin1.GetBytes(string.Format(Part, "weight")), .. npy, .. Encoding.Latin1.GetBytes(stride),
                ]);
            default:
                return ("application/json", Encoding.UTF8.GetBytes(Pick(random, Jsons)));
        }
    }

    private static byte[] Change(Random random, byte[] body)
    {
        if (body.Length == 0)
            return "{"u8.ToArray();

        int at = random.Next(body.Length), length = random.Next(Math.Min(body.Length - at, 40));
        switch (random.Next(7))
        {
            case 0: // one bit
                byte[] flipped = [.. body];
                flipped[at] ^= (byte)(1 << random.Next(8));
                return flipped;
            case 1: // cut off
                return body[..at];
            case 2: // leave out
                return [.. body[..at], .. body[(at + length)..]];
            case 3: // say twice
                return [.. body[..(at + length)], .. body[at..]];
            case 4: // rubbish
                byte[] rubbish = new byte[length];
                random.NextBytes(rubbish);
                return [.. body[..at], .. rubbish, .. body[at..]];
            default: // another token in the place of a number or string
                int start = at;
                while (start > 0 && IsToken(body[start - 1]))
                    start--;

                int end = at;
                while (end < body.Length && IsToken(body[end]))
                    end++;

                return [.. body[..start], .. Encoding.UTF8.GetBytes(Pick(random, Tokens)), .. body[end..]];
        }
    }

    private static bool IsToken(byte value) => char.IsAsciiLetterOrDigit((char)value) || value is (byte)'-' or (byte)'.';

    private static string Pick(Random random, string[] items) => items[random.Next(items.Length)];
}
