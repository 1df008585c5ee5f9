using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Graphs;

namespace DeconvService.Onnx.Passes;

/// <summary>Computes nodes that depend on constants alone: weights that come through Cast or Transpose, shapes that are put together.</summary>
internal static class ConstantFolding
{
    // Bounds what a small file can make of itself; what is larger is computed in every run.
    private const int LargestOutput = 1 << 24;
    private const long LargestTotal = 1 << 27;

    /// <summary>Removes the nodes that could be computed; their outputs become constants.</summary>
    /// <exception cref="OnnxModelException">Such a node breaks its operator's specification.</exception>
    public static void Apply(Graph graph, ConvolutionEngine engine)
    {
        long total = 0;
        graph.Nodes.RemoveAll(node =>
        {
            if (total > LargestTotal || !Array.TrueForAll(node.Inputs, input => input is null or { Constant: not null }))
                return false;

            NodeContext context = NetworkPlanner.PlanNode(node, value => new Operand(value.Name, value.Constant!.Type, value.Constant.Shape) { Constant = value.Constant }, engine, Accuracy.Default, LargestOutput);
            if (context.Step is not null)
                return false;

            for (int i = 0; i < node.Outputs.Length; i++)
            {
                if (node.Outputs[i] is not { } output)
                    continue;

                (output.Constant, output.Producer) = (context.Outputs[i].Constant, null);
                total += output.Constant!.Shape.Count;
            }

            return true;
        });
    }
}
