using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tests.Tensors;

namespace DeconvService.Api.Tests.Operators;

/// <summary>Valid requests of every encoding, changed at random: each is read or refused with a fault of its own, and all memory comes back.</summary>
public sealed class MutatedRequestTests : IDisposable
{
    private const int Mutations = 4000;

    private static readonly byte[][] Tokens =
    [
        .. new[] { "[", "]", "{", "}", ",", ":", "\"", "null", "true", "-", "1e999", "1e", "0", "99999999999", "-1", "NaN", "[[", "\\u00", "\r\n", "--", "/**/", "2.5" }
            .Select(Encoding.ASCII.GetBytes),
        [0xFF], [0], [0xEF, 0xBB, 0xBF], [0x50, 0x4B, 1, 2], [0x93],
    ];

    private readonly RequestReading _reading = new(new TensorLimits { TensorElements = 10_000 });

    public static TheoryData<string> Encodings() => ["json", "nested", "multipart", "stored", "deflated"];

    public void Dispose() => _reading.Dispose();

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task ReadAsync_MutatedRequest_IsReadOrRefused(string encoding)
    {
        (byte[] body, string contentType, string query) = Valid(encoding);
        Assert.Empty((await _reading.ReadAsync(RequestReading.Request(body, contentType, query))).Faults);

        var random = new Random(20240511);
        var kinds = new Dictionary<ServiceErrorKind, int>();
        for (int i = 0; i < Mutations; i++)
        {
            byte[] mutated = Mutate(body, random);
            try
            {
                await _reading.ReadAsync(RequestReading.Request(
                    mutated, contentType, query, Pieces.Reads(mutated, random.Next(1, 200)), withLength: random.Next(2) == 0));
            }
            catch (ServiceException exception)
            {
                ServiceErrorKind kind = exception.Faults[0].Kind;
                kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
            }
            catch (Exception exception)
            {
                Assert.Fail($"mutation {i}: {exception}\n{Encoding.Latin1.GetString(mutated)}");
            }
        }

        Assert.All(kinds.Keys, kind => Assert.Contains(kind, (ServiceErrorKind[])
        [
            ServiceErrorKind.Malformed, ServiceErrorKind.TooLarge, ServiceErrorKind.InvalidField, ServiceErrorKind.UnknownField,
            ServiceErrorKind.MissingField, ServiceErrorKind.UnsupportedMediaType,
        ]));
        Assert.True(kinds.Values.Sum() > Mutations / 10, "nearly nothing was refused: the mutations do not bite");
    }

    private static (byte[] Body, string ContentType, string Query) Valid(string encoding) => encoding switch
    {
        "json" => (
            """{"input":{"shape":[1,1,2,3],"data":[1.5,-2,3e2,0.25,1e-3,7]},"weight":{"data":[1,2],"shape":[1,1,1,2]},"bias":[0.5],"stride":[1,1],"padding":[[0,1],[0,1]],"paddingMode":"reflect","fit":"floor"}"""u8.ToArray(),
            TensorMediaTypes.Json, ""),
        "nested" => (
            """{"groups": 1, "weight": [[[[1, 2], [3, 4]]]], "input": [[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]], "padding": "same-lower", "accuracy": "exact"}"""u8.ToArray(),
            TensorMediaTypes.Json, ""),
        "multipart" => (MultipartForm.Build(
            new("input", NpyTests.Fixture("f4-little-C.npy"), "application/octet-stream", "x.npy"),
            new("weight", NpyTests.Fixture("i2-big-F.npy"), TensorMediaTypes.Npy, "w.npy"),
            new("bias", "[1,2]"u8.ToArray(), TensorMediaTypes.Json),
            new("stride", "2"u8.ToArray()),
            new("padding", "[[0,1],[0,1]]"u8.ToArray()),
            new("fit", "floor"u8.ToArray())), MultipartForm.ContentType, ""),
        _ => (NpyTests.Fixture($"{encoding}.npz"), TensorMediaTypes.Npz, "?stride=2&padding=same"),
    };

    private static byte[] Mutate(byte[] body, Random random)
    {
        List<byte> mutated = [.. body];
        for (int changes = random.Next(1, 4); changes > 0 && mutated.Count > 0; changes--)
        {
            int place = random.Next(mutated.Count);
            int length = Math.Min(random.Next(1, 20), mutated.Count - place);
            switch (random.Next(7))
            {
                case 0:
                    mutated[place] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    mutated[place] = (byte)random.Next(256);
                    break;
                case 2:
                    mutated.RemoveRange(place, length);
                    break;
                case 3:
                    mutated.InsertRange(random.Next(mutated.Count), mutated.GetRange(place, length));
                    break;
                case 4:
                    mutated.RemoveRange(place, mutated.Count - place);
                    break;
                case 5:
                    mutated.InsertRange(place, Tokens[random.Next(Tokens.Length)]);
                    break;
                default:
                    byte[] token = Tokens[random.Next(Tokens.Length)];
                    mutated.RemoveRange(place, Math.Min(token.Length, mutated.Count - place));
                    mutated.InsertRange(place, token);
                    break;
            }
        }

        return [.. mutated];
    }
}
