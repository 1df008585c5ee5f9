using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Algorithms;

/// <summary>Depthwise layers with channels in the lanes, also where lines of rows would be chosen.</summary>
public sealed class DepthwiseChannelsTests
{
    private static readonly int[] _channels = [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33];

    public static TheoryData<SimdLevel> Levels => [.. SimdLevels.Supported];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_RandomLayers_KeepsTheContract(SimdLevel level)
    {
        int taken = 0;
        for (int i = 0; i < 200; i++)
            taken += Check(RandomLayer(new Random(900 + i), $"channels_{i}"), level) is null ? 0 : 1;

        Assert.Equal(200, taken);
    }

    /// <summary>Planes of every size around a vector, and channels that do and do not fill vectors.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_PlanesOfEverySize_KeepsTheContract(SimdLevel level)
    {
        for (int size = 1; size <= 30; size++)
        {
            var parameters = new ConvParameters { Groups = _channels[size % _channels.Length], Padding = 1, Stride = 1 + (size % 3), Fit = ConvFit.Floor };
            var layer = new ConvCase($"size_{size}", parameters, new TensorShape(1, parameters.Groups, size, size), new TensorShape(parameters.Groups, 1, 3, 3));
            Assert.NotNull(Check(layer, level));
        }
    }

    /// <summary>Rows of every length beside a vector or two, of channels that fill all lanes: they are turned to their place, with what follows them.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_RowsOfFullBlocks_KeepsTheContract(SimdLevel level)
    {
        for (int width = 3; width <= 34; width++)
        {
            PaddingMode mode = width % 2 == 0 ? PaddingMode.Zeros : PaddingMode.Reflect;
            var parameters = new ConvParameters { Groups = 32, Padding = width % 3, Stride = 1 + (width / 2 % 2), PaddingMode = mode, Fit = ConvFit.Floor };
            Assert.NotNull(Check(new ConvCase($"full_{width}", parameters, new TensorShape(2, 32, 3 + (width % 7), width), new TensorShape(32, 1, 3, 3)), level));
        }
    }

    /// <summary>Planes of several strips, whose borders meet rows of others.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_SeveralStrips_KeepsTheContract(SimdLevel level)
    {
        foreach (PaddingMode mode in Enum.GetValues<PaddingMode>())
        {
            var parameters = new ConvParameters { Groups = 17, Padding = 3, Stride = 2, PaddingMode = mode, Fit = ConvFit.Floor };
            Assert.NotNull(Check(new ConvCase($"strips_{mode}", parameters, new TensorShape(1, 17, 120, 90), new TensorShape(17, 1, 5, 7)), level));
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_Epilogues_KeepsTheContract(SimdLevel level)
    {
        float[] slopes = RandomTensor.Make(19, seed: 9);
        Epilogue[] epilogues =
        [
            new() { Activation = Activation.Relu },
            new() { Activation = Activation.Clip, Alpha = -0.5f, Beta = 1 },
            new() { Activation = Activation.LeakyRelu, Alpha = 0.1f },
            new() { Activation = Activation.PRelu, Slopes = slopes },
            new() { Activation = Activation.PRelu, Slopes = slopes, HasResidual = true },
            new() { HasResidual = true },
            new() { Activation = Activation.Clip, Alpha = 0, Beta = 1, HasResidual = true, ResidualAfterActivation = true },
        ];
        foreach (Epilogue epilogue in epilogues)
        {
            for (int width = 1; width <= 23; width += 2)
            {
                var parameters = new ConvParameters { Groups = 19, Padding = 1, Stride = 2, Fit = ConvFit.Floor };
                Assert.NotNull(Check(new ConvCase($"epilogue_{width}", parameters, new TensorShape(2, 19, 7, width), new TensorShape(19, 1, 3, 3)), level, epilogue));
                parameters = parameters with { Kind = ConvKind.Transposed, Fit = ConvFit.Exact };
                Assert.NotNull(Check(new ConvCase($"transposed_{width}", parameters, new TensorShape(1, 19, 4, width), new TensorShape(19, 1, 4, 4)), level, epilogue));
            }
        }
    }

    private static string? Check(ConvCase layer, SimdLevel level, Epilogue? epilogue = null) => AlgorithmContract.Check(
        layer, (engine, shape, weights, output) => AlgorithmTests.Plan(new Always(), level, engine, shape, weights, output), epilogue);

    private static ConvCase RandomLayer(Random random, string name) => RandomDepthwise.FirstThatFits(() =>
    {
        bool transposed = random.Next(3) == 0;
        int axes = random.Next(1, 4), channels = _channels[random.Next(_channels.Length)];
        int[] input = [.. Enumerable.Range(0, axes).Select(_ => random.Next(1, axes == 3 ? 9 : 31))];
        int[] kernel = [.. Enumerable.Range(0, axes).Select(_ => random.Next(1, axes == 3 ? 4 : 8))];
        ConvParameters parameters = RandomDepthwise.Parameters(random, transposed, channels, largestStride: 3, largestPadding: 4);
        return new ConvCase(name, parameters, new TensorShape([random.Next(1, 4), channels, .. input]), new TensorShape([channels, 1, .. kernel]), random.Next(2) == 0);
    });

    private sealed class Always : IConvAlgorithm
    {
        public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
            where V : struct, IVec<V> => DepthwiseChannels<V>.TryPlan(request);
    }
}
