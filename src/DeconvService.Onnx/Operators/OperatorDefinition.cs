using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Graphs;

namespace DeconvService.Onnx.Operators;

/// <summary>How an operator is run.</summary>
/// <param name="Name">Its name in ONNX.</param>
/// <param name="Inputs">How many inputs it takes: required ones and at the most.</param>
/// <param name="Outputs">How many outputs it has at the most.</param>
/// <param name="Plan">Reads the attributes, checks the shapes, and says what to compute.</param>
internal sealed record OperatorDefinition(string Name, (int Least, int Most) Inputs, int Outputs, Action<NodeContext> Plan)
{
    /// <summary>Any number of inputs.</summary>
    public const int Many = int.MaxValue;

    /// <summary>The version of the operator set that brought it.</summary>
    public int Since { get; init; } = 1;

    /// <summary>The version of the operator set that dropped it.</summary>
    public int Until { get; init; } = int.MaxValue;

    /// <summary>Inputs whose values (not only sizes) must be known to plan: target shapes, axes, pads, bounds.</summary>
    public IReadOnlyList<int> ShapeInputs { get; init; } = [];

    /// <summary>Refuses a node with too few or too many inputs or outputs.</summary>
    public void CheckArity(Node node)
    {
        if (node.Inputs.Length < Inputs.Least || node.Inputs.Length > Inputs.Most)
            throw node.Invalid($"it has {node.Inputs.Length} inputs, expected {(Inputs.Most == Many ? $"{Inputs.Least} or more" : $"{Inputs.Least} to {Inputs.Most}")}");

        if (node.Outputs.Length == 0 || node.Outputs.Length > Outputs)
            throw node.Invalid($"it has {node.Outputs.Length} outputs, expected 1 to {Outputs}");
    }
}
