using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Simd;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Algorithms;

/// <summary>Every algorithm at every width keeps to <see cref="AlgorithmContract"/> on all layers that it takes.</summary>
public sealed class AlgorithmTests
{
    public static TheoryData<string, SimdLevel> AlgorithmsAndLevels
    {
        get
        {
            var data = new TheoryData<string, SimdLevel>();
            foreach (IConvAlgorithm algorithm in ConvPlanner.Algorithms)
            {
                foreach (SimdLevel level in SimdLevels.Supported)
                    data.Add(algorithm.GetType().Name, level);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(AlgorithmsAndLevels))]
    public void Run_ShapeTable_KeepsTheContract(string algorithm, SimdLevel level) => CheckAll(algorithm, level, ShapeTable.All, mustTakeSome: true);

    [Theory]
    [MemberData(nameof(AlgorithmsAndLevels))]
    public void Run_RandomCases_KeepsTheContract(string algorithm, SimdLevel level) => CheckAll(algorithm, level, RandomCases.Make(seed: 11, count: 80), mustTakeSome: false);

    [Theory]
    [MemberData(nameof(AlgorithmsAndLevels))]
    public void Run_Epilogues_KeepsTheContract(string algorithm, SimdLevel level)
    {
        float[] slopes = RandomTensor.Make(1000, seed: 9);
        Epilogue[] epilogues =
        [
            new() { Activation = Activation.Relu },
            new() { Activation = Activation.Clip, Alpha = -2, Beta = 3 },
            new() { Activation = Activation.LeakyRelu, Alpha = 0.1f, HasResidual = true },
            new() { Activation = Activation.Clip, Alpha = -0.5f, Beta = 0.75f, HasResidual = true, ResidualAfterActivation = true },
            new() { HasResidual = true },
        ];
        foreach (ConvCase layer in ShapeTable.Special)
        {
            var prelu = new Epilogue { Activation = Activation.PRelu, Slopes = slopes.AsMemory(0, layer.Shape.OutputChannels) };
            foreach (Epilogue epilogue in epilogues.Append(prelu))
            {
                if (Check(algorithm, level, layer, epilogue) is null)
                    break;
            }
        }
    }

    internal static ConvPlan? Plan(IConvAlgorithm algorithm, SimdLevel level, ConvolutionEngine engine, ConvShape shape, ConvWeights weights, Epilogue epilogue)
    {
        var output = new OutputStage(epilogue, shape.OutputChannels, weights.Bias);
        var request = new ConvRequest(shape, weights, output, engine.Buffers, engine.Threads.Count) { EvenIfSlow = true };
        return ConvPlanner.TryPlan(algorithm, request, level) is { } planned ? new ConvPlan(request, planned, engine.Threads) : null;
    }

    private static void CheckAll(string algorithm, SimdLevel level, IEnumerable<ConvCase> layers, bool mustTakeSome)
    {
        int taken = layers.Count(layer => Check(algorithm, level, layer, Epilogue.None) is not null);
        Assert.True(taken > 0 || !mustTakeSome, $"{algorithm} takes no layer of the table, so nothing was tested");
    }

    private static string? Check(string name, SimdLevel level, ConvCase layer, Epilogue epilogue)
    {
        IConvAlgorithm algorithm = ConvPlanner.Algorithms.Single(item => string.Equals(item.GetType().Name, name, StringComparison.Ordinal));
        return AlgorithmContract.Check(
            layer,
            (engine, shape, weights, output) => Plan(algorithm, level, engine, shape, weights, output),
            epilogue,
            // Clip cuts off the largest values, by which errors are measured.
            epilogue.Activation == Activation.Clip ? 2 * Tolerance.Default : Tolerance.Default);
    }
}
