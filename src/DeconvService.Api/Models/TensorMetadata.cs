using DeconvService.Onnx;

namespace DeconvService.Api.Models;

/// <summary>An input or output of a network, as the Open Inference Protocol describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Datatype">The protocol's name of the element type, such as FP32.</param>
/// <param name="Shape">The sizes; -1 where any size goes.</param>
internal sealed record TensorMetadata(string Name, string Datatype, IReadOnlyList<int> Shape)
{
    /// <summary>The descriptions of several.</summary>
    public static IReadOnlyList<TensorMetadata> Of(IReadOnlyList<TensorInfo> tensors) =>
        [.. tensors.Select(tensor => new TensorMetadata(tensor.Name, DatatypeOf(tensor.Type), [.. (tensor.Dimensions ?? []).Select(axis => axis.Size)]))];

    /// <summary>The protocol's name of an element type.</summary>
    public static string DatatypeOf(ElementType type) => type switch
    {
        ElementType.Bool => "BOOL",
        ElementType.UInt8 => "UINT8",
        ElementType.UInt16 => "UINT16",
        ElementType.UInt32 => "UINT32",
        ElementType.UInt64 => "UINT64",
        ElementType.Int8 => "INT8",
        ElementType.Int16 => "INT16",
        ElementType.Int32 => "INT32",
        ElementType.Int64 => "INT64",
        ElementType.Float16 => "FP16",
        ElementType.Float32 => "FP32",
        ElementType.Float64 => "FP64",
        ElementType.BFloat16 => "BF16",
        _ => "BYTES",
    };
}
