using DeconvService.Onnx;
using DeconvService.Onnx.Proto;
using Google.Protobuf;

namespace DeconvService.Api.Tests.Models;

/// <summary>Builds small ONNX files. Every node has one output, called after the node: <c>n0</c>, <c>n1</c>, ...; weights are random but always the same.</summary>
internal sealed class TestNetwork
{
    private readonly GraphProto _graph = new() { Name = "test" };
    private readonly Random _random = new(1);
    private int _nodes;

    /// <summary>Valid convolutions and a transposed one, as the network that ships: scale 2, consumes its border.</summary>
    public static byte[] Border(int planes = 3)
    {
        var network = new TestNetwork();
        string x = network.Input("x", ElementType.Float32, 1, planes, -1, -1);
        x = network.Relu(network.Conv(x, planes, 4, kernel: 3));
        x = network.Relu(network.Conv(x, 4, 5, kernel: 3));
        x = network.ConvTranspose(x, 5, planes, kernel: 4, stride: 2, padding: 3);
        return network.Output(x, ElementType.Float32, 1, planes, -1, -1).ToFile();
    }

    /// <summary>Convolutions that pad with zeros: scale 1.</summary>
    public static byte[] Padded(int planesIn = 3, int planesOut = 3)
    {
        var network = new TestNetwork();
        string x = network.Input("x", ElementType.Float32, -1, planesIn, -1, -1);
        x = network.Relu(network.Conv(x, planesIn, 6, kernel: 3, padding: 1));
        x = network.Relu(network.Conv(x, 6, 4, kernel: 5, padding: 2));
        x = network.Conv(x, 4, planesOut, kernel: 3, padding: 1);
        return network.Output(x, ElementType.Float32, -1, planesOut, -1, -1).ToFile();
    }

    /// <summary>Down by 2 and up again, padding with zeros: sizes must be multiples of 2.</summary>
    public static byte[] DownAndUp()
    {
        var network = new TestNetwork();
        string x = network.Input("x", ElementType.Float32, -1, 3, -1, -1);
        x = network.Relu(network.Conv(x, 3, 6, kernel: 3, padding: 1, stride: 2));
        x = network.Relu(network.Conv(x, 6, 6, kernel: 3, padding: 1));
        x = network.ConvTranspose(x, 6, 3, kernel: 4, stride: 2, padding: 1);
        return network.Output(x, ElementType.Float32, -1, 3, -1, -1).ToFile();
    }

    /// <summary>Every plane is weighed by the mean of the whole picture (squeeze and excite).</summary>
    public static byte[] Squeeze()
    {
        var network = new TestNetwork();
        string x = network.Input("x", ElementType.Float32, 1, 3, -1, -1);
        x = network.Conv(x, 3, 4, kernel: 3, padding: 1);
        string weight = network.Node("Sigmoid", [network.Conv(network.Node("GlobalAveragePool", [x]), 4, 4, kernel: 1)]);
        x = network.Conv(network.Node("Mul", [x, weight]), 4, 3, kernel: 1);
        return network.Output(x, ElementType.Float32, 1, 3, -1, -1).ToFile();
    }

    /// <summary>A network with an operator that nobody has.</summary>
    public static byte[] Unsupported()
    {
        var network = new TestNetwork();
        string x = network.Node("Frobnicate", [network.Input("x", ElementType.Float32, 1, 3, -1, -1)]);
        return network.Output(network.Node("Defenestrate", [x]), ElementType.Float32, 1, 3, -1, -1).ToFile();
    }

    public string Input(string name, ElementType type, params int[] sizes)
    {
        _graph.Input.Add(Describe(name, type, sizes));
        return name;
    }

    public TestNetwork Output(string name, ElementType type, params int[] sizes)
    {
        _graph.Output.Add(Describe(name, type, sizes));
        return this;
    }

    public string Relu(string input) => Node("Relu", [input]);

    public string Conv(string input, int planesIn, int planesOut, int kernel, int padding = 0, int stride = 1) => Node(
        "Conv",
        [input, Weights(planesOut, planesIn, kernel, kernel), Weights(planesOut)],
        Integers("pads", padding, padding, padding, padding),
        Integers("strides", stride, stride));

    public string ConvTranspose(string input, int planesIn, int planesOut, int kernel, int stride, int padding) => Node(
        "ConvTranspose",
        [input, Weights(planesIn, planesOut, kernel, kernel), Weights(planesOut)],
        Integers("pads", padding, padding, padding, padding),
        Integers("strides", stride, stride));

    public string Node(string type, IReadOnlyList<string> inputs, params AttributeProto[] attributes)
    {
        string name = $"n{_nodes++}";
        var node = new NodeProto { Name = name, OpType = type };
        node.Input.AddRange(inputs);
        node.Output.Add(name);
        node.Attribute.AddRange(attributes);
        _graph.Node.Add(node);
        return name;
    }

    /// <summary>Gives the output of the last node another name.</summary>
    public TestNetwork Named(string name)
    {
        _graph.Node[^1].Output[0] = name;
        return this;
    }

    public string Constant(params long[] values)
    {
        var tensor = new TensorProto { Name = $"c{_graph.Initializer.Count}", DataType = (int)ElementType.Int64 };
        tensor.Dims.Add(values.Length);
        tensor.Int64Data.AddRange(values);
        _graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    public static AttributeProto Integer(string name, long value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    public static AttributeProto Integers(string name, params long[] values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }

    public byte[] ToFile()
    {
        var model = new ModelProto { IrVersion = 8, Graph = _graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 13 });
        return model.ToByteArray();
    }

    private string Weights(params int[] sizes)
    {
        var tensor = new TensorProto { Name = $"w{_graph.Initializer.Count}", DataType = (int)ElementType.Float32 };
        int count = 1;
        foreach (int size in sizes)
        {
            tensor.Dims.Add(size);
            count *= size;
        }

        // Of a size that keeps values between layers near 1.
        float spread = 1.5f / MathF.Sqrt(Math.Max(count / sizes[0], 1));
        for (int i = 0; i < count; i++)
            tensor.FloatData.Add(((2 * _random.NextSingle()) - 1) * spread);

        _graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    private static ValueInfoProto Describe(string name, ElementType type, int[] sizes)
    {
        var shape = new TensorShapeProto();
        foreach (int size in sizes)
        {
            var dimension = new TensorShapeProto.Types.Dimension();
            if (size >= 0)
                dimension.DimValue = size;
            else
                dimension.DimParam = $"d{shape.Dim.Count}";

            shape.Dim.Add(dimension);
        }

        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } },
        };
    }
}
