using System.Diagnostics.CodeAnalysis;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Geometry;
using DeconvService.Onnx.Graphs;

namespace DeconvService.Onnx.Execution;

/// <summary>What an operator sees of a node while it plans, and where it says what to compute: exactly one of the Emit calls.</summary>
internal sealed class NodeContext(Node node, Operand?[] inputs, ConvolutionEngine engine, Accuracy accuracy, int foldLimit)
{
    public Node Node { get; } = node;

    public int Opset => Node.Opset;

    public Attributes Attributes => Node.Attributes;

    public ConvolutionEngine Engine { get; } = engine;

    public Accuracy Accuracy { get; } = accuracy;

    public int InputCount => inputs.Length;

    /// <summary>The step, when something is left to do in a run.</summary>
    public Step? Step { get; private set; }

    /// <summary>The outputs, in the node's order; never fewer than are wanted.</summary>
    public Operand[] Outputs { get; private set; } = [];

    /// <summary>A required input.</summary>
    public Operand In(int index) => Optional(index) ?? throw Invalid($"input {index} is missing");

    /// <summary>An input that may be left out.</summary>
    public Operand? Optional(int index) => index < inputs.Length ? inputs[index] : null;

    public bool Wants(int output) => output < Node.Outputs.Length && Node.Outputs[output] is not null;

    public OnnxModelException Invalid(string message) => Node.Invalid(message);

    /// <summary>Refuses the node unless the condition holds.</summary>
    public void Require([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
            throw Invalid(message);
    }

    /// <summary>Refuses an output of more elements than can be addressed.</summary>
    public void RequireSize(TensorShape shape) =>
        Require(shape.Count <= int.MaxValue / 2, $"its output {shape} has {shape.Count} elements; {int.MaxValue / 2} is the most");

    /// <summary>An axis attribute, counted from the end when negative.</summary>
    public int Axis(long axis, int rank)
    {
        Require(axis >= -rank && axis < rank, $"axis {axis} is outside of {rank} axes");
        return (int)(axis < 0 ? axis + rank : axis);
    }

    /// <summary>Axes, each once.</summary>
    public int[] Axes(IReadOnlyList<long> axes, int rank)
    {
        int[] result = new int[axes.Count];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = Axis(axes[i], rank);
            Require(Array.IndexOf(result, result[i], 0, i) < 0, $"axis {axes[i]} is given twice");
        }

        return result;
    }

    /// <summary>The values of an integer input that decides a shape; null when it is left out.</summary>
    public long[]? Integers(int index) => Known(index, floating: false)?.IntegerArray;

    /// <summary>The values of a floating-point input that decides a shape; null when it is left out.</summary>
    public float[]? Floats(int index) => Known(index, floating: true)?.FloatArray;

    /// <summary>Refuses an input that has the wrong kind of elements.</summary>
    public void RequireFloating(int index) =>
        Require(In(index).Type.IsFloating(), $"input {index} has elements of type {In(index).Type}, expected a floating type");

    /// <summary>One output that a kernel computes.</summary>
    public void Emit(TensorShape shape, ElementType type, Kernel kernel, PlaneMap? map = null, bool inPlace = false, long multiplyAdds = 0, Epilogue? activation = null, bool isResidualAdd = false) =>
        Emit([(shape, type)], kernel, map, inPlace, multiplyAdds, activation, isResidualAdd);

    /// <summary>Outputs that a kernel computes together.</summary>
    public void Emit((TensorShape Shape, ElementType Type)[] outputs, Kernel kernel, PlaneMap? map = null, bool inPlace = false, long multiplyAdds = 0, Epilogue? activation = null, bool isResidualAdd = false)
    {
        Outputs = [.. outputs.Select((output, i) => Make(i, output.Shape, output.Type))];
        if (TryFold(kernel, multiplyAdds))
            return;

        Step = new Step
        {
            Node = Node,
            Inputs = inputs,
            Outputs = Outputs,
            Kernel = kernel,
            Map = map,
            InPlace = inPlace,
            MultiplyAdds = multiplyAdds,
            Activation = activation,
            IsResidualAdd = isResidualAdd,
        };
    }

    /// <summary>A convolution with constant weights.</summary>
    public void EmitConvolution(ConvShape shape, PlaneMap? map, long multiplyAdds)
    {
        Outputs = [Make(0, shape.Output, In(0).Type)];
        Step = new Step
        {
            Node = Node,
            Inputs = [In(0)],
            Outputs = Outputs,
            Convolution = new ConvStep { Shape = shape },
            Map = map,
            MultiplyAdds = multiplyAdds,
        };
    }

    /// <summary>The elements of an input under other sizes: nothing is computed.</summary>
    public void EmitView(TensorShape shape, PlaneMap? map = null, int input = 0)
    {
        Operand source = In(input);
        Require(shape.Count == source.Shape.Count, $"{source.Shape} cannot become {shape}: {source.Shape.Count} elements against {shape.Count}");
        if (source.Constant is { } constant)
        {
            Emit(constant.WithShape(shape));
            return;
        }

        Outputs = [new Operand(OutputName(0), source.Type, shape) { ViewOf = source }];
        Step = new Step { Node = Node, Inputs = [source], Outputs = Outputs, Map = map };
    }

    /// <summary>Outputs that are known.</summary>
    public void Emit(params TensorValue[] constants) =>
        Outputs = [.. constants.Select((constant, i) => new Operand(OutputName(i), constant.Type, constant.Shape) { Constant = constant })];

    // What depends on constants alone is computed now, as long as it is small.
    private bool TryFold(Kernel kernel, long multiplyAdds)
    {
        if (multiplyAdds > foldLimit || Array.Exists(inputs, input => input is { Constant: null }))
            return false;

        if (Outputs.Sum(output => output.Shape.Count) > foldLimit)
            return false;

        TensorValue[] values = [.. Outputs.Select(output => output.Type.IsFloating()
            ? new TensorValue(output.Shape, new float[output.Count], output.Type)
            : new TensorValue(output.Shape, new long[output.Count], output.Type))];
        Slot[] from = [.. inputs.Select(input => input is null ? default : new Slot(0, input.Count, input.Constant))];
        Slot[] to = [.. values.Select(value => new Slot(0, value.Count, value))];
        kernel(new KernelArguments(from, to, [], Engine.Threads, CancellationToken.None));
        Emit(values);
        return true;
    }

    private Operand Make(int index, TensorShape shape, ElementType type)
    {
        RequireSize(shape);
        return new Operand(OutputName(index), type, shape);
    }

    private string OutputName(int index) => Wants(index) ? Node.Outputs[index]!.Name : $"{Node.Name}:{index}";

    private TensorValue? Known(int index, bool floating)
    {
        if (Optional(index) is not { } input)
            return null;

        Require(input.Type.IsFloating() == floating, $"input {index} has elements of type {input.Type}");
        return input.Constant ?? throw Invalid(
            $"input {index} ('{input.Name}') decides a shape, but its values are computed from the values of the network's inputs");
    }
}
