using DeconvService.Engine;
using DeconvService.Onnx.Geometry;
using DeconvService.Onnx.Graphs;
using DeconvService.Onnx.Passes;

namespace DeconvService.Onnx;

/// <summary>Turns a model into something that the engine runs.</summary>
public static class ModelCompiler
{
    /// <summary>Simplifies the graph (constants folded, batch normalisation folded into convolutions, dead nodes dropped) and derives its geometry.</summary>
    /// <param name="model">The model; not changed, and not needed afterwards.</param>
    /// <param name="engine">What it will run on; must outlive the result.</param>
    /// <exception cref="OnnxModelException">A node breaks its operator's specification.</exception>
    public static CompiledModel Compile(OnnxModel model, ConvolutionEngine engine)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(engine);
        Graph graph = model.Graph.Copy();
        ConstantFolding.Apply(graph, engine);
        long parameters = CountParameters(graph);
        AffineFolding.Apply(graph);
        var probe = new ShapeProbe(graph, engine);
        probe.RefuseWhatNeverPlans();
        return new CompiledModel(graph, engine, parameters, GeometryAnalysis.Analyse(graph, probe));
    }

    private static long CountParameters(Graph graph) => graph.Nodes
        .SelectMany(node => node.Inputs)
        .Select(input => input?.Constant)
        .OfType<TensorValue>()
        .Where(constant => constant.Type.IsFloating())
        .Distinct()
        .Sum(constant => constant.Shape.Count);
}
