using DeconvService.Onnx.Graphs;
using DeconvService.Onnx.Operators;

namespace DeconvService.Onnx.Loading;

/// <summary>Finds the inputs of a graph whose values have to be known before it can be planned.</summary>
internal static class ShapeInputs
{
    /// <summary>Marks them (<see cref="TensorInfo.DecidesShapes"/>).</summary>
    public static void Mark(IEnumerable<Node> nodes)
    {
        var seen = new HashSet<Value>(ReferenceEqualityComparer.Instance);
        var open = new Stack<Value>();
        foreach (Node node in nodes)
        {
            foreach (int index in OperatorTable.Find(node.Operator, node.Opset)!.ShapeInputs)
                Push(node.Inputs.ElementAtOrDefault(index));
        }

        while (open.TryPop(out Value? value))
        {
            if (value.Producer is null && value.Info is { } info)
                value.Info = info with { DecidesShapes = true };

            // Sizes are known whatever the values are.
            if (value.Producer is { Operator: not ("Shape" or "Size") } producer)
            {
                foreach (Value? input in producer.Inputs)
                    Push(input);
            }
        }

        void Push(Value? value)
        {
            if (value is { Constant: null } && seen.Add(value))
                open.Push(value);
        }
    }
}
