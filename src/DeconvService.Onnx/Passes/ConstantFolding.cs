using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Graphs;

namespace DeconvService.Onnx.Passes;

/// <summary>Computes nodes that depend on constants alone: weights that come through Cast or Transpose, shapes that are put together.</summary>
internal static class ConstantFolding
{
    // A few bytes of a file can ask for a tensor of any size (ConstantOfShape, Expand, Concat of a tensor with itself). What grows is left
    // to the run, whose memory is counted, unless it is small.
    private const long SmallOutput = 1 << 16, SmallTotal = 1 << 20;

    /// <summary>Removes the nodes that could be computed; their outputs become constants.</summary>
    /// <exception cref="OnnxModelException">Such a node breaks its operator's specification.</exception>
    public static void Apply(Graph graph, ConvolutionEngine engine)
    {
        long left = SmallTotal + (4 * graph.Nodes.SelectMany(node => node.Inputs).Distinct().Sum(CountOf));
        graph.Nodes.RemoveAll(node =>
        {
            long limit = Math.Min(left, Math.Max(SmallOutput, node.Inputs.Distinct().Sum(CountOf)));
            if (!Array.TrueForAll(node.Inputs, input => input is null or { Constant: not null }))
                return false;

            NodeContext context = NetworkPlanner.PlanNode(node, value => new Operand(value.Name, value.Constant!.Type, value.Constant.Shape) { Constant = value.Constant }, engine, Accuracy.Default, (int)Math.Clamp(limit, 0, int.MaxValue));
            if (context.Step is not null)
                return false;

            for (int i = 0; i < node.Outputs.Length; i++)
            {
                if (node.Outputs[i] is not { } output)
                    continue;

                (output.Constant, output.Producer) = (context.Outputs[i].Constant, null);
                left -= output.Constant!.Shape.Count;
            }

            return true;
        });
    }

    private static long CountOf(Value? value) => value?.Constant?.Shape.Count ?? 0;
}
