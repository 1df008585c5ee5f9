using DeconvService.Engine;
using DeconvService.Onnx.Geometry;
using DeconvService.Onnx.Graphs;

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
        Graph graph = model.Graph;
        long parameters = graph.Nodes
            .SelectMany(node => node.Inputs)
            .Where(input => input?.Constant is { } constant && constant.Type.IsFloating())
            .Distinct()
            .Sum(input => input!.Constant!.Shape.Count);
        return new CompiledModel(graph, engine, parameters, GeometryAnalysis.Analyse(graph, engine));
    }
}
