using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Graphs;
using DeconvService.Onnx.Operators;

namespace DeconvService.Onnx.Passes;

/// <summary>
/// Folds what follows a convolution and is <c>scale[f] * y + shift[f]</c> for each output channel f (BatchNormalization; Mul, Div, Add,
/// Sub with a constant) into its weight and bias.
/// </summary>
internal static class AffineFolding
{
    /// <summary>Changes the graph's nodes.</summary>
    public static void Apply(Graph graph)
    {
        var uses = new Dictionary<Value, List<Node>>(ReferenceEqualityComparer.Instance);
        foreach (Node node in graph.Nodes)
        {
            foreach (Value? input in node.Inputs)
            {
                if (input is null)
                    continue;

                if (!uses.TryGetValue(input, out List<Node>? list))
                    uses.Add(input, list = []);

                list.Add(node);
            }
        }

        var folded = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            Node node = graph.Nodes[i];
            while (node.Operator is "Conv" or "ConvTranspose"
                && node.Outputs[0] is { } output
                && !graph.Outputs.Contains(output)
                && uses.GetValueOrDefault(output) is [var next]
                && TryFold(node, next) is { } joined)
            {
                folded.Add(next);
                joined.Outputs[0]!.Producer = joined;
                graph.Nodes[i] = node = joined;
            }
        }

        graph.Nodes.RemoveAll(folded.Contains);
    }

    private static Node? TryFold(Node convolution, Node next)
    {
        try
        {
            return Fold(convolution, next);
        }
        catch (AttributeException)
        {
            // An attribute of the wrong type: the operator itself will say so.
            return null;
        }
    }

    private static Node? Fold(Node convolution, Node next)
    {
        if (convolution.Inputs is not [_, { Constant: { Shape.Rank: >= 3 } weight }, ..] || !weight.Type.IsFloating())
            return null;

        TensorValue? bias = convolution.Inputs.Length > 2 ? convolution.Inputs[2]?.Constant : null;
        if (bias is null && convolution.Inputs.Length > 2 && convolution.Inputs[2] is not null)
            return null;

        bool transposed = convolution.Operator is "ConvTranspose";
        long groups = convolution.Attributes.Int("group", 1);
        if (groups < 1 || groups > weight.Shape[0] || weight.Shape[0] % groups != 0)
            return null;

        int channels = transposed ? (int)Math.Min(weight.Shape[1] * groups, int.MaxValue) : weight.Shape[0];
        if (channels > weight.Count || (bias is not null && (!bias.Type.IsFloating() || bias.Count != channels)))
            return null;

        float[] scale = new float[channels], shift = new float[channels];
        if (!TryCoefficients(next, convolution.Outputs[0]!, weight.Shape.Rank, scale, shift))
            return null;

        float[] newWeight = [.. weight.FloatArray], newBias = new float[channels];
        Scale(newWeight, weight.Shape, scale, transposed, (int)groups);
        for (int f = 0; f < channels; f++)
            newBias[f] = ((bias?.FloatArray[f] ?? 0) * scale[f]) + shift[f];

        return new Node
        {
            Name = convolution.Name,
            Operator = convolution.Operator,
            Opset = convolution.Opset,
            Attributes = convolution.Attributes,
            Inputs =
            [
                convolution.Inputs[0],
                new Value(convolution.Inputs[1]!.Name) { Constant = new TensorValue(weight.Shape, newWeight) },
                new Value($"{convolution.Name}:bias") { Constant = new TensorValue(new TensorShape(channels), newBias) },
            ],
            Outputs = [next.Outputs[0]],
        };
    }

    // Convolution [F, C/groups, k..]; transposed [C, F/groups, k..], where input channel c belongs to group c / (C / groups).
    private static void Scale(float[] weight, TensorShape shape, float[] scale, bool transposed, int groups)
    {
        int rows = shape[0] * shape[1], taps = rows == 0 ? 0 : weight.Length / rows;
        for (int row = 0; row < rows; row++)
        {
            (int first, int second) = Math.DivRem(row, shape[1]);
            int channel = transposed ? (first / (shape[0] / groups) * shape[1]) + second : first;
            foreach (ref float value in weight.AsSpan(row * taps, taps))
                value *= scale[channel];
        }
    }

    private static bool TryCoefficients(Node next, Value output, int rank, float[] scale, float[] shift)
    {
        if (next.Operator is "BatchNormalization")
            return TryBatchNormalization(next, output, scale, shift);

        if (next.Operator is not ("Mul" or "Div" or "Add" or "Sub") || next.Inputs.Length != 2 || next.Inputs[0] == next.Inputs[1])
            return false;

        bool first = next.Inputs[0] == output;
        if (next.Inputs[first ? 1 : 0]?.Constant is not { } constant || !constant.Type.IsFloating() || !IsPerChannel(constant.Shape, rank, scale.Length))
            return false;

        for (int f = 0; f < scale.Length; f++)
        {
            float value = constant.FloatArray[constant.Count == 1 ? 0 : f];
            (scale[f], shift[f]) = next.Operator switch
            {
                "Mul" => (value, 0f),
                "Div" => (1 / value, 0f),
                "Add" => (1f, value),
                _ => first ? (1f, -value) : (-1f, value),
            };
        }

        // Not constant / y, and nothing that is not finite.
        return (first || next.Operator is not "Div") && Array.TrueForAll(scale, float.IsFinite);
    }

    private static bool TryBatchNormalization(Node next, Value output, float[] scale, float[] shift)
    {
        if (next.Inputs.Length != 5 || next.Inputs[0] != output || next.Attributes.Flag("training_mode") || next.Outputs.Skip(1).Any(other => other is not null))
            return false;

        TensorValue?[] numbers = [.. next.Inputs.Skip(1).Select(input => input?.Constant)];
        if (!Array.TrueForAll(numbers, value => value is not null && value.Type.IsFloating() && value.Count == scale.Length))
            return false;

        NormalizationOperators.Coefficients(
            numbers[0]!.FloatArray, numbers[1]!.FloatArray, numbers[2]!.FloatArray, numbers[3]!.FloatArray, next.Attributes.Float("epsilon", 1e-5f), scale, shift);
        return Array.TrueForAll(scale, float.IsFinite);
    }

    // One number, or one a channel: [C, 1, 1], [1, C, 1, 1].
    private static bool IsPerChannel(TensorShape shape, int rank, int channels)
    {
        if (shape.Rank > rank)
            return false;

        if (shape.Count == 1)
            return true;

        int axis = shape.Rank - (rank - 1);
        return shape.Count == channels && axis >= 0 && shape[axis] == channels;
    }
}
