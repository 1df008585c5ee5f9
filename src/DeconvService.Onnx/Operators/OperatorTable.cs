using System.Collections.Frozen;

namespace DeconvService.Onnx.Operators;

/// <summary>All operators that can be run.</summary>
internal static class OperatorTable
{
    private static readonly FrozenDictionary<string, OperatorDefinition> ByName = new[]
    {
        ConvolutionOperators.Definitions,
        ActivationOperators.Definitions,
        BinaryOperators.Definitions,
        ShapeOperators.Definitions,
        DataOperators.Definitions,
        BorderOperators.Definitions,
        ResizeOperators.Definitions,
        PoolOperators.Definitions,
        NormalizationOperators.Definitions,
        ReductionOperators.Definitions,
        MatrixOperators.Definitions,
    }.SelectMany(definitions => definitions).ToFrozenDictionary(definition => definition.Name, StringComparer.Ordinal);

    /// <summary>Their names, sorted.</summary>
    public static IEnumerable<string> Names => ByName.Keys.Order(StringComparer.Ordinal);

    /// <summary>The operator of this name in this version of the operator set, or null.</summary>
    public static OperatorDefinition? Find(string name, int opset) =>
        ByName.TryGetValue(name, out OperatorDefinition? found) && opset >= found.Since && opset < found.Until ? found : null;
}
