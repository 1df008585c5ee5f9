using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Graphs;
using DeconvService.Onnx.Operators;

namespace DeconvService.Onnx.Execution;

/// <summary>A graph for inputs of known shapes: what is left to do, in order.</summary>
internal sealed record NetworkPlan(List<Step> Steps, IReadOnlyList<Operand> Inputs, IReadOnlyList<Operand> Outputs);

/// <summary>Finds all shapes, computes what depends on shapes and constants alone, and lists what is left to do.</summary>
internal static class NetworkPlanner
{
    // Shape arithmetic is tiny; whatever is larger is left to the run, so that a plan stays small.
    private const int FoldLimit = 1 << 16;

    /// <summary>Plans a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="inputShapes">One shape an input.</param>
    /// <param name="values">Values of inputs that decide shapes, by name.</param>
    /// <param name="engine">What computes.</param>
    /// <param name="accuracy">How exact the convolutions have to be.</param>
    /// <exception cref="OnnxModelException">Inputs of these shapes do not go through.</exception>
    public static NetworkPlan Plan(
        Graph graph,
        IReadOnlyList<TensorShape> inputShapes,
        IReadOnlyDictionary<string, TensorValue>? values,
        ConvolutionEngine engine,
        Accuracy accuracy)
    {
        var operands = new Dictionary<Value, Operand>(ReferenceEqualityComparer.Instance);
        List<Operand> inputs = [];
        for (int i = 0; i < graph.Inputs.Count; i++)
        {
            TensorInfo info = graph.Inputs[i].Info!;
            CheckInput(info, inputShapes[i]);
            inputs.Add(new Operand(info.Name, info.Type, inputShapes[i]) { Constant = ValueFor(info, inputShapes[i], values) });
            operands.Add(graph.Inputs[i], inputs[i]);
        }

        List<Step> steps = [];
        foreach (Node node in graph.Nodes)
        {
            NodeContext context = PlanNode(node, value => Find(operands, value), engine, accuracy, FoldLimit);
            for (int i = 0; i < node.Outputs.Length; i++)
            {
                if (node.Outputs[i] is { } output)
                    operands.Add(output, context.Outputs[i]);
            }

            if (context.Step is { } step)
                steps.Add(step);
        }

        Operand[] outputs = [.. graph.Outputs.Select(output => Find(operands, output))];
        return new NetworkPlan(WithoutDead(steps, outputs), inputs, outputs);
    }

    // What nobody uses: steps whose output was only asked for its shape, or for nothing.
    private static List<Step> WithoutDead(List<Step> steps, IEnumerable<Operand> outputs)
    {
        var needed = new HashSet<Operand>(outputs, ReferenceEqualityComparer.Instance);
        List<Step> alive = [];
        for (int i = steps.Count - 1; i >= 0; i--)
        {
            if (!Array.Exists(steps[i].Outputs, needed.Contains))
                continue;

            alive.Add(steps[i]);
            foreach (Operand? input in steps[i].Inputs)
            {
                if (input is not null)
                    needed.Add(input);
            }
        }

        alive.Reverse();
        return alive;
    }

    /// <summary>Lets a node's operator plan.</summary>
    public static NodeContext PlanNode(Node node, Func<Value, Operand> find, ConvolutionEngine engine, Accuracy accuracy, int foldLimit)
    {
        var context = new NodeContext(node, [.. node.Inputs.Select(input => input is null ? null : find(input))], engine, accuracy, foldLimit);
        try
        {
            OperatorTable.Find(node.Operator, node.Opset)!.Plan(context);
        }
        catch (Exception e) when (e is AttributeException or ConvShapeException or ArgumentException or OverflowException)
        {
            throw node.Invalid(e.Message, e);
        }

        context.Require(context.Outputs.Length >= node.Outputs.Length, $"it has {node.Outputs.Length} outputs, {context.Outputs.Length} were expected");
        return context;
    }

    private static Operand Find(Dictionary<Value, Operand> operands, Value value)
    {
        if (!operands.TryGetValue(value, out Operand? operand))
        {
            TensorValue constant = value.Constant!;
            operand = new Operand(value.Name, constant.Type, constant.Shape) { Constant = constant };
            operands.Add(value, operand);
        }

        return operand;
    }

    private static TensorValue? ValueFor(TensorInfo info, TensorShape shape, IReadOnlyDictionary<string, TensorValue>? values)
    {
        if (!info.DecidesShapes)
            return null;

        if (values is null || !values.TryGetValue(info.Name, out TensorValue? value))
            throw Mismatch($"the values of input '{info.Name}' decide shapes, so they are needed before the network can be planned");

        if (value.Shape != shape || value.Type.IsFloating() != info.Type.IsFloating())
            throw Mismatch($"input '{info.Name}' is announced as {info.Type} {shape}, its values are {value.Type} {value.Shape}");

        return value;
    }

    private static void CheckInput(TensorInfo info, TensorShape shape)
    {
        if (info.Dimensions is not { } declared)
            return;

        if (shape.Rank != declared.Count)
            throw Mismatch($"input '{info.Name}' has the shape {shape}, expected {declared.Count} axes: [{string.Join(", ", declared)}]");

        for (int i = 0; i < declared.Count; i++)
        {
            if (declared[i].Size >= 0 && declared[i].Size != shape[i])
                throw Mismatch($"input '{info.Name}' has the shape {shape}, expected [{string.Join(", ", declared)}]");
        }

        if (shape.Count > int.MaxValue / 2)
            throw Mismatch($"input '{info.Name}' has {shape.Count} elements; {int.MaxValue / 2} is the most");
    }

    private static OnnxModelException Mismatch(string message) => new(OnnxModelError.InputShape, message);
}
