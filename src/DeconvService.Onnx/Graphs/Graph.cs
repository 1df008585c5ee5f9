namespace DeconvService.Onnx.Graphs;

/// <summary>A directed graph of nodes and the values between them; the nodes are in an order in which they can be executed.</summary>
internal sealed class Graph
{
    public required List<Node> Nodes { get; init; }

    public required IReadOnlyList<Value> Inputs { get; init; }

    public required IReadOnlyList<Value> Outputs { get; init; }

    /// <summary>A graph whose nodes and values can be changed without changing this one; constants and attributes are shared.</summary>
    public Graph Copy()
    {
        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance);
        return new Graph
        {
            Inputs = [.. Inputs.Select(CopyOf)],
            Nodes = [.. Nodes.Select(Copy)],
            Outputs = [.. Outputs.Select(CopyOf)],
        };

        Value CopyOf(Value value)
        {
            if (!copies.TryGetValue(value, out Value? copy))
                copies.Add(value, copy = new Value(value.Name) { Info = value.Info, Constant = value.Constant });

            return copy;
        }

        Node Copy(Node node)
        {
            var copy = new Node
            {
                Name = node.Name,
                Operator = node.Operator,
                Opset = node.Opset,
                Attributes = node.Attributes,
                Inputs = [.. node.Inputs.Select(input => input is null ? null : CopyOf(input))],
                Outputs = [.. node.Outputs.Select(output => output is null ? null : CopyOf(output))],
            };
            foreach (Value? output in copy.Outputs)
                output?.Producer = copy;

            return copy;
        }
    }
}

/// <summary>A named value: an input, a constant, or what one node makes.</summary>
internal sealed class Value(string name)
{
    public string Name { get; } = name;

    /// <summary>What the file declares; inputs and outputs only.</summary>
    public TensorInfo? Info { get; set; }

    /// <summary>The elements, where they are known without running anything.</summary>
    public TensorValue? Constant { get; set; }

    /// <summary>The node that makes it, or null.</summary>
    public Node? Producer { get; set; }

    public override string ToString() => Name;
}

/// <summary>One use of an operator.</summary>
internal sealed class Node
{
    public required string Name { get; init; }

    public required string Operator { get; init; }

    /// <summary>Version of the operator set that the operator is meant in.</summary>
    public required int Opset { get; init; }

    /// <summary>The inputs; null where an optional one is left out.</summary>
    public required Value?[] Inputs { get; init; }

    /// <summary>The outputs; null where an optional one is not wanted.</summary>
    public required Value?[] Outputs { get; init; }

    public required Attributes Attributes { get; init; }

    /// <summary>The error of a node that breaks its operator's specification.</summary>
    public OnnxModelException Invalid(string message, Exception? inner = null) =>
        new(OnnxModelError.InvalidNode, $"node '{Name}' ({Operator}): {message}", Name, innerException: inner);

    public override string ToString() => $"{Name} ({Operator})";
}
