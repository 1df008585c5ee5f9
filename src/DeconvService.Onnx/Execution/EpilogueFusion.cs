using DeconvService.Engine.Convolution;

namespace DeconvService.Onnx.Execution;

/// <summary>Gives a convolution the activation and the residual addition that follow it, so that its output is not read and written again.</summary>
internal sealed class EpilogueFusion
{
    private readonly Dictionary<Operand, List<Step>> _uses = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Operand> _outputs;
    private readonly HashSet<Step> _absorbed = new(ReferenceEqualityComparer.Instance);

    private EpilogueFusion(NetworkPlan plan)
    {
        _outputs = new HashSet<Operand>(plan.Outputs, ReferenceEqualityComparer.Instance);
        foreach (Step step in plan.Steps)
        {
            foreach (Operand? input in step.Inputs)
            {
                if (input is null)
                    continue;

                if (!_uses.TryGetValue(input, out List<Step>? list))
                    _uses.Add(input, list = []);

                list.Add(step);
            }
        }
    }

    /// <summary>Changes the plan's steps.</summary>
    public static void Apply(NetworkPlan plan)
    {
        var fusion = new EpilogueFusion(plan);

        // The convolution runs where the last step that it takes over stood: its residual is made by then.
        Dictionary<Step, Step> atPlaceOf = new(ReferenceEqualityComparer.Instance);
        foreach (Step step in plan.Steps)
        {
            if (step.Convolution is { } convolution)
                atPlaceOf.Add(fusion.Absorb(step, convolution), step);
        }

        List<Step> steps = [];
        foreach (Step step in plan.Steps)
        {
            if (atPlaceOf.TryGetValue(step, out Step? convolution))
                steps.Add(convolution);
            else if (step.Convolution is null && !fusion._absorbed.Contains(step))
                steps.Add(step);
        }

        plan.Steps.Clear();
        plan.Steps.AddRange(steps);
    }

    // Takes over what follows as long as it can; returns the last step that was taken over.
    private Step Absorb(Step step, ConvStep convolution)
    {
        Step last = step;
        while (!_outputs.Contains(step.Outputs[0])
            && _uses.GetValueOrDefault(step.Outputs[0]) is [var next]
            && TryAbsorb(step, convolution, next))
        {
            _absorbed.Add(next);
            last = next;
        }

        return last;
    }

    private bool TryAbsorb(Step step, ConvStep convolution, Step next)
    {
        Epilogue epilogue = convolution.Epilogue;
        if (next.Activation is { } activation && epilogue.Activation == Activation.None)
        {
            convolution.Epilogue = activation with { HasResidual = epilogue.HasResidual };
        }
        else if (next.IsResidualAdd && !epilogue.HasResidual)
        {
            Operand residual = next.Inputs[0] == step.Outputs[0] ? next.Inputs[1]! : next.Inputs[0]!;
            convolution.Epilogue = epilogue with { HasResidual = true, ResidualAfterActivation = epilogue.Activation != Activation.None };
            convolution.Residual = step.Inputs.Length;
            step.Inputs = [.. step.Inputs, residual];
            List<Step> uses = _uses[residual];
            uses[uses.IndexOf(next)] = step;
        }
        else
        {
            return false;
        }

        convolution.Fused.Add(next.Node.Operator);
        step.Outputs = next.Outputs;
        return true;
    }
}
