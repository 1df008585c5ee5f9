using DeconvService.Onnx.Graphs;
using DeconvService.Onnx.Operators;
using DeconvService.Onnx.Proto;
using Google.Protobuf;

namespace DeconvService.Onnx.Loading;

/// <summary>What a file says about itself.</summary>
internal sealed record ModelHeader(long IrVersion, int Opset, string Producer);

/// <summary>Reads a model file into a graph and checks everything that can be checked without shapes.</summary>
internal sealed class ModelReader
{
    /// <summary>The oldest operator set whose meaning is implemented: since 7, broadcasting is as in NumPy.</summary>
    public const int OldestOpset = 7;

    /// <summary>The newest operator set whose meaning is implemented.</summary>
    public const int NewestOpset = 22;

    private readonly OnnxLimits _limits;
    private readonly Dictionary<string, Value> _values = new(StringComparer.Ordinal);
    private int _opset;

    private ModelReader(OnnxLimits limits) => _limits = limits;

    /// <summary>Reads a model.</summary>
    /// <exception cref="OnnxModelException">It cannot be used; says why.</exception>
    public static OnnxModel Read(ReadOnlySpan<byte> file, OnnxLimits limits)
    {
        if (file.Length > limits.FileBytes)
            OnnxModelException.ThrowOverLimit("bytes", file.Length, limits.FileBytes);

        WireScan.Check(file, limits);
        var reader = new ModelReader(limits);
        ModelProto proto = Parse(file);
        ModelHeader header = reader.ReadHeader(proto);
        return new OnnxModel(reader.ReadGraph(proto.Graph), header);
    }

    private static ModelProto Parse(ReadOnlySpan<byte> file)
    {
        try
        {
            return ModelProto.Parser.WithDiscardUnknownFields(discardUnknownFields: true).ParseFrom(file);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new OnnxModelException(OnnxModelError.Malformed, $"not an ONNX file, or damaged: {e.Message}", innerException: e);
        }
    }

    private ModelHeader ReadHeader(ModelProto proto)
    {
        if (proto.Graph is null)
            OnnxModelException.ThrowMalformed("not an ONNX file: there is no graph in it");

        if (proto.IrVersion < 3)
            OnnxModelException.ThrowMalformed($"the file's IR version is {proto.IrVersion}; 3 is the oldest that is read");

        long opset = 0;
        foreach (OperatorSetIdProto import in proto.OpsetImport)
        {
            if (IsOnnxDomain(import.Domain))
                opset = Math.Max(opset, import.Version);
        }

        // Without any operator of ONNX's own there is none to be supported either: the list of operators says it better.
        bool foreign = opset == 0 && proto.Graph.Node.Any(node => !IsOnnxDomain(node.Domain));
        if (!foreign && (opset is < OldestOpset or > NewestOpset))
        {
            throw new OnnxModelException(
                OnnxModelError.Unsupported,
                $"the model uses version {opset} of the ONNX operator set; versions {OldestOpset} to {NewestOpset} are supported");
        }

        _opset = (int)opset;
        return new ModelHeader(proto.IrVersion, _opset, $"{proto.ProducerName} {proto.ProducerVersion}".Trim());
    }

    private static bool IsOnnxDomain(string domain) => domain is "" or "ai.onnx";

    private Graph ReadGraph(GraphProto proto)
    {
        RefuseUnsupported(proto);
        foreach (TensorProto initializer in proto.Initializer)
        {
            string where = $"initialiser '{initializer.Name}'";
            Define(initializer.Name, where).Constant = TensorReader.Read(initializer, where, _limits);
        }

        List<Value> inputs = [];
        foreach (ValueInfoProto input in proto.Input)
        {
            // Files of IR version 3 list every initialiser as an input too.
            if (_values.TryGetValue(input.Name, out Value? known) && known.Constant is not null)
                continue;

            Value value = Define(input.Name, $"input '{input.Name}'");
            value.Info = ReadInfo(input, "input");
            inputs.Add(value);
        }

        List<Node> nodes = ReadNodes(proto);
        List<Value> outputs = [];
        foreach (ValueInfoProto output in proto.Output)
        {
            if (!_values.TryGetValue(output.Name, out Value? value))
                OnnxModelException.ThrowMalformed($"output '{output.Name}' is made by no node");

            if (outputs.Contains(value))
                OnnxModelException.ThrowMalformed($"output '{output.Name}' is listed twice");

            value.Info ??= ReadInfo(output, "output");
            outputs.Add(value);
        }

        if (outputs.Count == 0)
            OnnxModelException.ThrowMalformed("the graph has no output");

        ShapeInputs.Mark(nodes);
        return new Graph { Nodes = TopologicalOrder.Sort(nodes), Inputs = inputs, Outputs = outputs };
    }

    private void RefuseUnsupported(GraphProto proto)
    {
        var unsupported = new SortedSet<string>(StringComparer.Ordinal);
        foreach (NodeProto node in proto.Node)
        {
            int longest = Math.Max(node.Name.Length, Math.Max(node.Domain.Length, node.OpType.Length));
            if (longest > _limits.NameLength)
                OnnxModelException.ThrowOverLimit("characters in a name", longest, _limits.NameLength);

            if (!IsOnnxDomain(node.Domain))
                unsupported.Add($"{node.Domain}.{node.OpType}");
            else if (OperatorTable.Find(node.OpType, _opset) is null)
                unsupported.Add(node.OpType);
        }

        if (unsupported.Count > 0)
        {
            string list = string.Join(", ", unsupported.Take(50));
            throw new OnnxModelException(
                OnnxModelError.Unsupported,
                $"the model has operators that are not supported in version {_opset} of the operator set: {list}",
                unsupportedOperators: [.. unsupported]);
        }
    }

    private List<Node> ReadNodes(GraphProto proto)
    {
        List<Node> nodes = new(proto.Node.Count);
        foreach (NodeProto node in proto.Node)
        {
            string name = node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault(output => output.Length > 0) ?? $"{node.OpType}_{nodes.Count}";
            nodes.Add(new Node
            {
                Name = name,
                Operator = node.OpType,
                Opset = _opset,
                Inputs = new Value?[node.Input.Count],
                Outputs = [.. node.Output.Select(output => output.Length == 0 ? null : Define(output, $"an output of node '{name}'"))],
                Attributes = ReadAttributes(node, name),
            });
            foreach (Value? output in nodes[^1].Outputs)
                output?.Producer = nodes[^1];
        }

        for (int i = 0; i < nodes.Count; i++)
        {
            OperatorTable.Find(nodes[i].Operator, _opset)!.CheckArity(nodes[i]);
            for (int j = 0; j < nodes[i].Inputs.Length; j++)
            {
                string input = proto.Node[i].Input[j];
                if (input.Length > 0 && !_values.TryGetValue(input, out nodes[i].Inputs[j]))
                    throw nodes[i].Invalid($"its input '{input}' is not made by any node and is no input of the graph");
            }
        }

        return nodes;
    }

    private Attributes ReadAttributes(NodeProto node, string name)
    {
        var attributes = new Attributes();
        foreach (AttributeProto attribute in node.Attribute)
        {
            TensorValue? tensor = attribute.T is null ? null : TensorReader.Read(attribute.T, $"attribute '{attribute.Name}' of node '{name}'", _limits);
            if (!attributes.TryAdd(attribute, tensor))
                OnnxModelException.ThrowMalformed($"node '{name}' has two attributes '{attribute.Name}'");
        }

        return attributes;
    }

    private Value Define(string name, string what)
    {
        if (name.Length == 0)
            OnnxModelException.ThrowMalformed($"{what} has no name");

        if (name.Length > _limits.NameLength)
            OnnxModelException.ThrowOverLimit("characters in a name", name.Length, _limits.NameLength);

        var value = new Value(name);
        if (!_values.TryAdd(name, value))
            OnnxModelException.ThrowMalformed($"{what}: the name '{name}' is already taken");

        return value;
    }

    private TensorInfo ReadInfo(ValueInfoProto proto, string what)
    {
        if (proto.Type?.TensorType is not { } tensor)
            throw new OnnxModelException(OnnxModelError.Unsupported, $"{what} '{proto.Name}' is not a tensor");

        var type = (ElementType)tensor.ElemType;
        if (type.WireBytes() == 0)
            throw new OnnxModelException(OnnxModelError.Unsupported, $"{what} '{proto.Name}' has the element type {tensor.ElemType}, which is not supported");

        if (tensor.Shape is null)
            return new TensorInfo(proto.Name, type, Dimensions: null);

        if (tensor.Shape.Dim.Count > _limits.Rank)
            OnnxModelException.ThrowOverLimit($"axes in {what} '{proto.Name}'", tensor.Shape.Dim.Count, _limits.Rank);

        var dimensions = new TensorDimension[tensor.Shape.Dim.Count];
        for (int i = 0; i < dimensions.Length; i++)
        {
            TensorShapeProto.Types.Dimension dim = tensor.Shape.Dim[i];
            bool free = dim.ValueCase != TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue || dim.DimValue == -1;
            if (!free && dim.DimValue is < 0 or > int.MaxValue)
                OnnxModelException.ThrowMalformed($"{what} '{proto.Name}' has the size {dim.DimValue} on axis {i}");

            dimensions[i] = free ? new TensorDimension(-1, dim.HasDimParam && dim.DimParam.Length > 0 ? dim.DimParam : null) : new((int)dim.DimValue);
        }

        return new TensorInfo(proto.Name, type, dimensions);
    }
}
