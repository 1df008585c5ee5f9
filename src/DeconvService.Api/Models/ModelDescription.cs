using System.Text.Json.Serialization;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Api.Models;

/// <summary>A network as <c>GET /v1/models</c> lists it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">The version that serves.</param>
/// <param name="State">READY, LOADING or UNAVAILABLE.</param>
/// <param name="Reason">Why it is not ready, else null.</param>
/// <param name="Inputs">Its inputs; empty while it is not ready, as is all that follows.</param>
/// <param name="Outputs">Its outputs.</param>
/// <param name="Parameters">Number of trained numbers.</param>
/// <param name="MultiplyAddsPerPixel">Multiply-adds for each pixel of the input; null for a network that is not from picture to picture.</param>
/// <param name="Scale">Pixels of the result per pixel of the picture, along an axis.</param>
/// <param name="Halo">Pixels around a tile on which it depends.</param>
/// <param name="Multiple">What the sizes of tiles are multiples of.</param>
internal record ModelDescription(
    string Name,
    string Version,
    string State,
    string? Reason,
    IReadOnlyList<TensorMetadata> Inputs,
    IReadOnlyList<TensorMetadata> Outputs,
    long? Parameters,
    double? MultiplyAddsPerPixel,
    double? Scale,
    int? Halo,
    int? Multiple)
{
    /// <summary>Describes a version.</summary>
    public static ModelDescription Of(ModelSlot slot)
    {
        CompiledModel? network = slot.Model?.Network;
        NetworkGeometry? geometry = network?.Geometry;
        return new ModelDescription(
            slot.File.Name,
            slot.File.Version,
            slot.State.ToString().ToUpperInvariant(),
            slot.Reason.Length == 0 ? null : slot.Reason,
            TensorMetadata.Of(network?.Inputs ?? []),
            TensorMetadata.Of(network?.Outputs ?? []),
            network?.Parameters,
            geometry?.MultiplyAddsPerPixel,
            geometry?.Scale,
            geometry?.Halo,
            geometry?.Multiple);
    }
}

/// <summary>A network with its layers.</summary>
internal sealed record ModelDetails : ModelDescription
{
    /// <summary>Describes a version and what it is made of.</summary>
    public ModelDetails(ModelDescription description, IReadOnlyList<LayerDescription> layers, long? multiplyAdds)
        : base(description) => (Layers, MultiplyAdds) = (layers, multiplyAdds);

    /// <summary>The layers in the order in which they run.</summary>
    [JsonPropertyOrder(1)]
    public IReadOnlyList<LayerDescription> Layers { get; }

    /// <summary>Multiply-adds of a run for the given input size, over all layers.</summary>
    [JsonPropertyOrder(1)]
    public long? MultiplyAdds { get; }
}

/// <summary>The answer of <c>GET /v1/models</c>.</summary>
/// <param name="Models">The networks, by name.</param>
internal sealed record ModelList(IReadOnlyList<ModelDescription> Models);

/// <summary>A layer as it runs.</summary>
/// <param name="Name">Name of its node.</param>
/// <param name="Operator">Its operator, with what was fused into it.</param>
/// <param name="Parameters">Trained numbers.</param>
/// <param name="InputShape">Shape of its input for the given input size; null when none was given, as is all that follows.</param>
/// <param name="OutputShape">Shape of its output.</param>
/// <param name="MultiplyAdds">Multiply-adds.</param>
/// <param name="Algorithm">The engine's algorithm of a convolution.</param>
internal sealed record LayerDescription(
    string Name,
    string Operator,
    long Parameters,
    IReadOnlyList<int>? InputShape,
    IReadOnlyList<int>? OutputShape,
    long? MultiplyAdds,
    string? Algorithm)
{
    /// <summary>Describes a layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="sized">Whether its input size was asked for; otherwise only what does not depend on it is told.</param>
    public static LayerDescription Of(LayerInfo layer, bool sized) => new(
        layer.Name,
        layer.Operator,
        layer.Parameters,
        sized ? SizesOf(layer.InputShape) : null,
        sized ? SizesOf(layer.OutputShape) : null,
        sized ? layer.MultiplyAdds : null,
        sized ? layer.Algorithm : null);

    private static int[] SizesOf(TensorShape shape) => shape.Sizes.ToArray();
}
