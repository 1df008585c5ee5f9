using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Testing;

/// <summary>Makes the plan under test for an engine (whose options say how many threads), or null where the algorithm declines the shape.</summary>
public delegate ConvPlan? PlanMaker(ConvolutionEngine engine, ConvShape shape, ConvWeights weights, Epilogue epilogue);

/// <summary>
/// What every algorithm has to keep to, checked on one layer: near the reference, the same bits for 1, 2 and 4 threads and whatever was in
/// output and workspace before, and no access outside of input, output and workspace. Of large layers the reference computes a sample.
/// </summary>
public static class AlgorithmContract
{
    /// <summary>Checks one layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="maker">Makes the plan.</param>
    /// <param name="epilogue">Activation and residual; none when null.</param>
    /// <param name="tolerance">Largest error, measured by the largest absolute reference value.</param>
    /// <returns>The name of the algorithm that ran, or null when it declined.</returns>
    /// <exception cref="ToleranceException">A result is too far off, or the bits differ between runs.</exception>
    public static string? Check(ConvCase layer, PlanMaker maker, Epilogue? epilogue = null, double tolerance = Tolerance.Default)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(maker);
        epilogue ??= Epilogue.None;
        ConvShape shape = layer.Shape;
        float[] input = layer.MakeInput();
        float[] residual = epilogue.HasResidual ? RandomTensor.Make(shape.Output.Count, seed: 4) : [];
        ReferenceSample? expected = null;
        float[]? first = null;
        string? name = null;
        foreach ((int threads, Guard guard, float poison) in ((int, Guard, float)[])[(1, Guard.End, float.NaN), (2, Guard.Start, 1e30f), (4, Guard.End, float.NegativeInfinity)])
        {
            using var engine = new ConvolutionEngine(new EngineOptions { Threads = threads });
            using ConvWeights weights = layer.MakeWeights();
            if (maker(engine, shape, weights, epilogue) is not { } plan)
                return null;

            name = plan.Algorithm;
            expected ??= ReferenceSample.Compute(shape, input, weights, epilogue, residual);
            float[] actual = RunGuarded(plan, input, residual, guard, poison);
            Tolerance.AssertClose(expected.Values, expected.Pick(actual), tolerance, $"{layer.Name} by {name}, {threads} threads");
            // Each run found another poison in the output, so what no run has written differs too.
            first ??= actual;
            Tolerance.AssertSameBits(first, actual, $"{layer.Name} by {name}, {threads} threads");
        }

        return name;
    }

    /// <summary>Runs a plan in guarded memory whose output and workspace are filled with <paramref name="poison"/> beforehand.</summary>
    public static unsafe float[] RunGuarded(ConvPlan plan, ReadOnlySpan<float> input, ReadOnlySpan<float> residual = default, Guard guard = Guard.End, float poison = float.NaN)
    {
        ArgumentNullException.ThrowIfNull(plan);
        using GuardedMemory<float> x = GuardedMemory.Of(input, guard), r = GuardedMemory.Of(residual, guard);
        using var y = new GuardedMemory<float>(checked((int)plan.Shape.Output.Count), guard);
        using var scratch = new GuardedMemory<float>(checked((int)((plan.WorkspaceBytes + sizeof(float) - 1) / sizeof(float))), guard, alignment: 64);
        y.Span.Fill(poison);
        scratch.Span.Fill(poison);
        using var workspace = new Workspace(AlignedBuffer.Over(scratch.Pointer, scratch.Length));
        plan.Run(x.Span, y.Span, workspace, r.Span);
        if (!x.Span.SequenceEqual(input))
            throw new ToleranceException("the input was written to");

        return y.Span.ToArray();
    }
}
