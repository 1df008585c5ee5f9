using System.Text.Json;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Testing;

/// <summary>Layers of well-known networks (<c>layers.json</c>), for correctness and for benchmarks.</summary>
public static class NamedLayers
{
    private static readonly Lazy<IReadOnlyList<ConvCase>> Layers = new(Read);

    /// <summary>All layers, in the file's order.</summary>
    public static IReadOnlyList<ConvCase> All => Layers.Value;

    /// <summary>The layer of that name.</summary>
    public static ConvCase Get(string name) => All.Single(layer => string.Equals(layer.Name, name, StringComparison.Ordinal));

    private static ConvCase[] Read()
    {
        using Stream stream = typeof(NamedLayers).Assembly.GetManifestResourceStream("layers.json")!;
        using var document = JsonDocument.Parse(stream);
        return [.. document.RootElement.GetProperty("layers").EnumerateArray().Select(Parse)];
    }

    /// <summary>The layer that an object of such a file describes. Dilation, groups and output padding may be left out.</summary>
    public static ConvCase Parse(JsonElement layer)
    {
        int[] input = Numbers(layer, "input"), kernel = Numbers(layer, "kernel"), padding = Numbers(layer, "padding");
        int output = layer.GetProperty("output").GetInt32(), groups = layer.TryGetProperty("groups", out JsonElement number) ? number.GetInt32() : 1;
        bool transposed = string.Equals(layer.GetProperty("kind").GetString(), "conv-transpose", StringComparison.Ordinal);
        int n = kernel.Length;
        var parameters = new ConvParameters
        {
            Kind = transposed ? ConvKind.Transposed : ConvKind.Convolution,
            Stride = Numbers(layer, "stride"),
            Padding = ConvPadding.Pairs(padding[..n], padding[n..]),
            Dilation = layer.TryGetProperty("dilation", out _) ? Numbers(layer, "dilation") : 1,
            Groups = groups,
            // ResNet's first layer leaves a remainder, as its framework allows.
            Fit = transposed ? ConvFit.Exact : ConvFit.Floor,
            OutputPadding = layer.TryGetProperty("outputPadding", out _) ? Numbers(layer, "outputPadding") : 0,
        };
        int[] channels = transposed ? [input[1], output / groups] : [output, input[1] / groups];
        return new ConvCase(layer.GetProperty("name").GetString()!, parameters, new TensorShape(input), new TensorShape([.. channels, .. kernel]));
    }

    private static int[] Numbers(JsonElement layer, string name) => [.. layer.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];
}
