using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;

namespace DeconvService.Onnx;

/// <summary>A network planned for inputs of fixed shapes. Immutable and thread-safe; holds no memory of its own but small constants.</summary>
public sealed class PreparedModel
{
    internal PreparedModel(CompiledModel model, NetworkPlan plan)
    {
        Model = model;
        MemoryPlan memory = MemoryPlanner.Plan(plan);
        if (memory.FloatLength > int.MaxValue)
        {
            throw new OnnxModelException(
                OnnxModelError.InputShape,
                $"the network needs {memory.FloatLength * sizeof(float)} bytes for inputs of these shapes; {(long)int.MaxValue * sizeof(float)} is the most");
        }

        Inputs = [.. plan.Inputs.Select(SlotOf)];
        Outputs = [.. plan.Outputs.Select(SlotOf)];
        InputShapes = [.. plan.Inputs.Select(input => input.Shape)];
        OutputShapes = [.. plan.Outputs.Select(output => output.Shape)];
        OutputTypes = [.. plan.Outputs.Select(output => output.Type)];
        Steps = [.. plan.Steps.Where(step => step.Kernel is not null || step.Convolution is not null).Select(Bind)];
        MemoryFloats = memory.FloatLength;
        LargestPlan = Steps.Select(step => step.Convolution).OfType<ConvPlan>().MaxBy(convolution => convolution.WorkspaceBytes);
        MemoryBytes = (memory.FloatLength * sizeof(float)) + (LargestPlan?.WorkspaceBytes ?? 0);
        MultiplyAdds = plan.Steps.Sum(step => step.MultiplyAdds);
        Layers = [.. Steps.Select(Describe)];

        Slot SlotOf(Operand operand) => operand.Root.Constant is { } constant
            ? new Slot(0, operand.Count, constant)
            : new Slot((int)memory.Offsets[operand.Root], operand.Count);

        BoundStep Bind(Step step) => new(
            step,
            [.. step.Inputs.Select(input => input is null ? default : SlotOf(input))],
            [.. step.Outputs.Select(SlotOf)],
            step.Convolution is { } convolution
                ? model.Engine.CreatePlan(convolution.Shape, model.WeightsOf(step.Node), convolution.Epilogue)
                : null);

        static LayerInfo Describe(BoundStep bound) => new(
            bound.Step.Node.Name,
            string.Join('+', [bound.Step.Node.Operator, .. bound.Step.Convolution?.Fused ?? []]),
            bound.Convolution?.Algorithm,
            bound.Step.Inputs.FirstOrDefault(input => input is not null)?.Shape ?? default,
            bound.Step.Outputs[0].Shape,
            bound.Step.MultiplyAdds,
            bound.Step.Node.Inputs.Sum(input => input?.Constant is { } constant && constant.Type.IsFloating() ? constant.Shape.Count : 0));
    }

    /// <summary>The shapes that it was planned for, in the order of <see cref="CompiledModel.Inputs"/>.</summary>
    public IReadOnlyList<TensorShape> InputShapes { get; }

    /// <summary>The shapes of the outputs, in the order of <see cref="CompiledModel.Outputs"/>.</summary>
    public IReadOnlyList<TensorShape> OutputShapes { get; }

    /// <summary>The element types that the outputs were found to have, in the order of <see cref="CompiledModel.Outputs"/>.</summary>
    public IReadOnlyList<ElementType> OutputTypes { get; }

    /// <summary>Bytes that <see cref="Rent"/> will take: all tensors of a run, inputs and outputs included, and the largest workspace.</summary>
    public long MemoryBytes { get; }

    /// <summary>Multiply-adds of a run, over all layers.</summary>
    public long MultiplyAdds { get; }

    /// <summary>The layers in the order in which they run.</summary>
    public IReadOnlyList<LayerInfo> Layers { get; }

    internal CompiledModel Model { get; }

    internal IReadOnlyList<Slot> Inputs { get; }

    internal IReadOnlyList<Slot> Outputs { get; }

    internal IReadOnlyList<BoundStep> Steps { get; }

    internal long MemoryFloats { get; }

    internal ConvPlan? LargestPlan { get; }

    /// <summary>Takes the memory of a run.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    /// <exception cref="OutOfMemoryException">The system has no such memory left.</exception>
    public ModelRun Rent() => new(this);

    /// <summary>A step with the places of its operands.</summary>
    internal sealed record BoundStep(Step Step, Slot[] Inputs, Slot[] Outputs, ConvPlan? Convolution);
}

/// <summary>A layer as it will run.</summary>
/// <param name="Name">Name of its (first) node.</param>
/// <param name="Operator">Its operator; what was fused into it follows, as in <c>Conv+LeakyRelu</c>.</param>
/// <param name="Algorithm">The engine's algorithm for convolutions, otherwise null.</param>
/// <param name="InputShape">Shape of its first input.</param>
/// <param name="OutputShape">Shape of its first output.</param>
/// <param name="MultiplyAdds">Multiply-adds; 0 for layers that are not counted in them.</param>
/// <param name="Parameters">Trained numbers.</param>
public sealed record LayerInfo(
    string Name,
    string Operator,
    string? Algorithm,
    TensorShape InputShape,
    TensorShape OutputShape,
    long MultiplyAdds,
    long Parameters);
