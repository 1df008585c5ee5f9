using System.Globalization;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using DeconvService.Benchmarks.Service;

namespace DeconvService.Benchmarks.Fuzz;

/// <summary>Requests that are answered 200: what the fuzzer starts from, so that its changes reach deep into every parser.</summary>
internal static class FuzzSeeds
{
    /// <summary>The key of the management calls.</summary>
    public const string Key = "the key of the fuzzer";

    private const string Model = "upconv7-scale2x";
    private const string Json = "application/json";

    /// <summary>All of them. Pictures of other kinds than PNG are made by the service itself.</summary>
    public static async Task<FuzzCase[]> CreateAsync(HttpClient service)
    {
        var random = new Random(1);
        byte[] x = Bodies.Npy(random, 1, 3, 12, 10), w = Bodies.Npy(random, 4, 3, 3, 3), wt = Bodies.Npy(random, 3, 2, 4, 4), bias = Bodies.Npy(random, 4);
        byte[] png = Bodies.Png(random, 20, 15);
        string input = Bodies.JsonTensor(random, 1, 2, 5, 4), weight = Bodies.JsonTensor(random, 3, 2, 3, 3);
        List<FuzzCase> seeds =
        [
            Post("/v1/conv", Json, $"{{\"input\":{input},\"weight\":{weight},\"bias\":[1,2,3],\"stride\":[1,1],\"padding\":[[1,1],[0,1]],\"dilation\":1,\"groups\":1,\"paddingMode\":\"reflect\",\"fit\":\"floor\",\"accuracy\":\"fast\"}}"),
            Post("/v1/conv-transpose", Json, "{\"input\":[[[[1,2],[3,4.5e-3]]]],\"weight\":[[[[1,0,-1],[2,0,-2],[1,0,-1]]]],\"stride\":2,\"padding\":\"same\",\"outputSize\":[4,4]}"),
            Post("/v1/conv/shape", Json, "{\"inputShape\":[1,3,227,227],\"weightShape\":[96,3,11,11],\"stride\":4,\"padding\":0}"),
            Post("/v1/conv-transpose/shape", Json, "{\"inputShape\":[2,8,5,6,7],\"weightShape\":[8,4,3,3,3],\"stride\":2,\"outputPadding\":1,\"groups\":2}"),
            await PostAsync("/v1/conv", Bodies.Form([("input", x), ("weight", w), ("bias", bias)], ("padding", "[[0,1],[0,1]]"), ("stride", "1"))),
            await PostAsync("/v1/conv-transpose", Bodies.Form([("input", x), ("weight", wt)], ("stride", "2"), ("padding", "1"))),
            Post("/v1/conv?padding=1&stride=1", "application/x-npz", Bodies.Npz(CompressionLevel.NoCompression, ("input", x), ("weight", w), ("bias", bias))),
            Post("/v1/conv?padding=same&accuracy=exact", "application/x-npz", Bodies.Npz(CompressionLevel.Optimal, ("x", x), ("w", w))),
            Post("/v1/images/conv?kernel=gaussian&sigma=2&size=5&stride=1&paddingMode=reflect", "image/png", png),
            Post("/v1/images/conv?kernel=[[0,1,0],[1,-4,1],[0,1,0]]&scale=0.5&offset=0.5", "image/png", png),
            Post("/v1/images/conv-transpose?kernel=bicubic&stride=2", "image/png", png),
            Post($"/v1/models/{Model}/image?accuracy=default", "image/png", png),
            Post($"/v2/models/{Model}/infer", Json, $"{{\"id\":\"1\",\"inputs\":[{{\"name\":\"input\",\"shape\":[1,3,16,16],\"datatype\":\"FP32\",\"data\":[{string.Join(',', Enumerable.Repeat("0.5", 768))}]}}],\"outputs\":[{{\"name\":\"output\"}}]}}"),
            await PostAsync($"/v2/models/{Model}/infer", Bodies.Inference(random, 1, 3, 16, 16)),
            Post("/v2/repository/index", Json, "{\"ready\":true}"),
            new("PUT", "/v1/models/fuzz", [("Content-Type", "application/octet-stream"), ("X-Api-Key", Key)], OneLayerNetwork()),
            new("GET", $"/v1/models/{Model}?input=1,3,64,64", [], []),
            new("GET", "/v1/images/kernels?kernel=gaussian&sigma=2&size=5", [], []),
            new("POST", "/v1/conv/shape?inputShape=[1,3,9,9]&weightShape=[4,3,3,3]&stride=2", [], []),
        ];
        foreach (string type in new[] { "image/jpeg", "image/webp" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/images/conv?kernel=identity") { Content = new ByteArrayContent(png) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("image/png");
            request.Headers.Accept.ParseAdd(type);
            using HttpResponseMessage response = await service.SendAsync(request);
            seeds.Add(Post("/v1/images/conv?kernel=box&size=3", type, await response.Content.ReadAsByteArrayAsync()));
        }

        return [.. seeds];
    }

    private static FuzzCase Post(string target, string type, string body) => Post(target, type, Encoding.UTF8.GetBytes(body));

    private static FuzzCase Post(string target, string type, byte[] body) => new("POST", target, [("Content-Type", type)], body);

    private static async Task<FuzzCase> PostAsync(string target, HttpContent content)
    {
        using (content)
        {
            return new FuzzCase(
                "POST",
                target,
                [.. content.Headers.Where(header => !header.Key.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)).Select(header => (header.Key, string.Join(',', header.Value)))],
                await content.ReadAsByteArrayAsync());
        }
    }

    // ONNX: ModelProto of one 3x3 convolution. Field numbers as in onnx.proto.
    private static byte[] OneLayerNetwork()
    {
        byte[] node = [.. Text(1, "x"), .. Text(1, "w"), .. Text(2, "y"), .. Text(4, "Conv"), .. Field(5, [.. Text(1, "pads"), .. Number(8, 1), .. Number(8, 1), .. Number(8, 1), .. Number(8, 1), .. Number(20, 7)])];
        byte[] weight = [.. Number(1, 3), .. Number(1, 3), .. Number(1, 3), .. Number(1, 3), .. Number(2, 1), .. Text(8, "w"), .. Field(9, new byte[4 * 81])];
        byte[] graph = [.. Field(1, node), .. Text(2, "g"), .. Field(5, weight), .. Value(11, "x"), .. Value(12, "y")];
        return [.. Number(1, 8), .. Field(7, graph), .. Field(8, Number(2, 13))];

        static byte[] Value(int field, string name) => Field(field, [.. Text(1, name), .. Field(2, Field(1, [.. Number(1, 1), .. Field(2, [.. Size(1), .. Size(3), .. Size(-1), .. Size(-1)])]))]);
        static byte[] Size(int size) => Field(1, size < 0 ? Text(2, "n") : Number(1, size));
        static byte[] Number(int field, int number) => [.. Varint(field << 3), .. Varint(number)];
        static byte[] Text(int field, string text) => Field(field, Encoding.UTF8.GetBytes(text));
        static byte[] Field(int field, byte[] bytes) => [.. Varint((field << 3) | 2), .. Varint(bytes.Length), .. bytes];
        static byte[] Varint(int number) => number < 128 ? [(byte)number] : [(byte)(number | 128), .. Varint(number >> 7)];
    }
}
