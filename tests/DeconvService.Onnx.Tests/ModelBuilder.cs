using System.Runtime.InteropServices;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Proto;
using DeconvService.Testing;
using Google.Protobuf;
using AttributeType = DeconvService.Onnx.Proto.AttributeProto.Types.AttributeType;

namespace DeconvService.Onnx.Tests;

/// <summary>Writes small ONNX files for tests.</summary>
internal sealed class ModelBuilder
{
    private int _seed;

    public ModelBuilder(int opset = 17)
    {
        Proto = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "test" } };
        Proto.OpsetImport.Add(new OperatorSetIdProto { Version = opset });
    }

    public ModelProto Proto { get; }

    public string Input(string name, params int[] sizes) => Input(name, ElementType.Float32, sizes);

    /// <summary>An input; -1 stands for a free size.</summary>
    public string Input(string name, ElementType type, params int[] sizes)
    {
        var shape = new TensorShapeProto();
        shape.Dim.AddRange(sizes.Select((size, axis) => size < 0
            ? new TensorShapeProto.Types.Dimension { DimParam = $"d{axis}" }
            : new TensorShapeProto.Types.Dimension { DimValue = size }));
        Proto.Graph.Input.Add(Info(name, type, shape));
        return name;
    }

    public ModelBuilder Output(string name, ElementType type = ElementType.Float32)
    {
        Proto.Graph.Output.Add(Info(name, type, shape: null));
        return this;
    }

    /// <summary>A node with one output of the same name; attributes are int, float, string, int[] or float[].</summary>
    public string Node(string op, string name, string[] inputs, params (string Name, object Value)[] attributes)
    {
        Nodes(op, [name], inputs, attributes);
        return name;
    }

    public void Nodes(string op, string[] outputs, string[] inputs, params (string Name, object Value)[] attributes)
    {
        var node = new NodeProto { OpType = op, Name = $"{op}_{outputs[0]}" };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        node.Attribute.AddRange(attributes.Select(Attribute));
        Proto.Graph.Node.Add(node);
    }

    public string Constant(string name, float[] values, params int[] sizes)
    {
        var tensor = new TensorProto { Name = name, DataType = 1, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(values)) };
        tensor.Dims.AddRange(sizes.Select(size => (long)size));
        Proto.Graph.Initializer.Add(tensor);
        return name;
    }

    /// <summary>A list of integers; a single one is a list of one.</summary>
    public string Constant(string name, params long[] values)
    {
        var tensor = new TensorProto { Name = name, DataType = 7 };
        tensor.Dims.Add(values.Length);
        tensor.Int64Data.AddRange(values);
        Proto.Graph.Initializer.Add(tensor);
        return name;
    }

    /// <summary>A single integer without an axis.</summary>
    public string Scalar(string name, long value)
    {
        var tensor = new TensorProto { Name = name, DataType = 7 };
        tensor.Int64Data.Add(value);
        Proto.Graph.Initializer.Add(tensor);
        return name;
    }

    public string Random(string name, params int[] sizes) =>
        Constant(name, RandomTensor.Make(new TensorShape(sizes).Count, ++_seed), sizes);

    /// <summary>A convolution with random weights and biases.</summary>
    public string Conv(string name, string input, int channels, int filters, int kernel, int stride = 1, int pad = 0, string op = "Conv") => Node(
        op,
        name,
        [
            input,
            op is "Conv" ? Random($"{name}.w", filters, channels, kernel, kernel) : Random($"{name}.w", channels, filters, kernel, kernel),
            Random($"{name}.b", filters),
        ],
        ("strides", new[] { stride, stride }),
        ("pads", new[] { pad, pad, pad, pad }));

    public byte[] ToBytes() => Proto.ToByteArray();

    public OnnxModel Load(OnnxLimits? limits = null) => OnnxModel.Load(ToBytes(), limits);

    private static ValueInfoProto Info(string name, ElementType type, TensorShapeProto? shape) =>
        new() { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } } };

    private static AttributeProto Attribute((string Name, object Value) attribute)
    {
        var proto = new AttributeProto { Name = attribute.Name };
        switch (attribute.Value)
        {
            case int integer:
                (proto.Type, proto.I) = (AttributeType.Int, integer);
                break;
            case float number:
                (proto.Type, proto.F) = (AttributeType.Float, number);
                break;
            case string text:
                (proto.Type, proto.S) = (AttributeType.String, ByteString.CopyFromUtf8(text));
                break;
            case int[] integers:
                proto.Type = AttributeType.Ints;
                proto.Ints.AddRange(integers.Select(value => (long)value));
                break;
            case float[] numbers:
                proto.Type = AttributeType.Floats;
                proto.Floats.AddRange(numbers);
                break;
            default:
                throw new ArgumentException($"no attribute of {attribute.Value.GetType()}");
        }

        return proto;
    }
}
