using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Algorithms;

/// <summary>Depthwise layers of all kinds, and kernels that fall into a column and a row.</summary>
public sealed class DepthwiseTests
{
    public static TheoryData<SimdLevel> Levels => [.. SimdLevels.Supported];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_RandomDepthwiseLayers_KeepsTheContract(SimdLevel level)
    {
        int taken = 0;
        for (int i = 0; i < 150; i++)
            taken += AlgorithmContract.Check(RandomLayer(new Random(400 + i), $"depthwise_{i}"), Maker(level)) is null ? 0 : 1;

        Assert.InRange(taken, 120, 150);
    }

    /// <summary>Several tiles in both directions, and rows that end within every place of a vector.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_PlanesOfSeveralTiles_KeepsTheContract(SimdLevel level)
    {
        var strided = new ConvParameters { Groups = 1, Stride = 2, Padding = 1, Fit = ConvFit.Floor };
        var upsampled = new ConvParameters { Kind = ConvKind.Transposed, Groups = 1, Stride = 3, Padding = 1 };
        for (int width = 1022; width <= 1060; width++)
            AssertTaken(level, new ConvCase($"width_{width}", new() { Padding = 1, PaddingMode = PaddingMode.Replicate }, Plane(3, width), Plane(3, 3)));

        AssertTaken(level, new ConvCase("tiles", new() { Padding = 2, PaddingMode = PaddingMode.Reflect }, Plane(131, 1100), Plane(5, 5)));
        AssertTaken(level, new ConvCase("tiles_stride", strided, Plane(140, 2110), Plane(3, 3)));
        AssertTaken(level, new ConvCase("tiles_transposed", upsampled, Plane(70, 1030), Plane(4, 4)));
    }

    /// <summary>Bias, activation and residual of every kind, rows that end within every place of a vector, and phases.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_Epilogues_KeepsTheContract(SimdLevel level)
    {
        float[] slopes = RandomTensor.Make(6, seed: 9);
        Epilogue[] epilogues =
        [
            new() { Activation = Activation.Relu },
            new() { Activation = Activation.Clip, Alpha = -0.5f, Beta = 1 },
            new() { Activation = Activation.LeakyRelu, Alpha = 0.1f },
            new() { Activation = Activation.PRelu, Slopes = slopes, HasResidual = true },
            new() { HasResidual = true },
            new() { Activation = Activation.Clip, Alpha = 0, Beta = 1, HasResidual = true, ResidualAfterActivation = true },
        ];
        foreach (Epilogue epilogue in epilogues)
        {
            for (int width = 1; width <= 67; width += epilogue.HasResidual ? 3 : 5)
            {
                var same = new ConvParameters { Groups = 6, Padding = 1 };
                Check($"epilogue_{width}", same, 3, width);
                Check($"epilogue_stride_{width}", same with { Stride = 2, Fit = ConvFit.Floor }, 3, width);
                Check($"epilogue_transposed_{width}", same with { Kind = ConvKind.Transposed, Stride = 2 }, 4, width);
            }

            Check("epilogue_wide", new ConvParameters { Groups = 6, Padding = 2, PaddingMode = PaddingMode.Reflect }, 5, 300);
            Check("epilogue_phases", new ConvParameters { Kind = ConvKind.Transposed, Groups = 6, Padding = 3, Stride = 17 }, 34, 5);

            void Check(string name, ConvParameters parameters, int kernel, int width)
            {
                var layer = new ConvCase(name, parameters, new TensorShape(1, 6, 7, width), new TensorShape(6, 1, kernel, kernel));
                Assert.NotNull(AlgorithmContract.Check(layer, Maker(level), epilogue));
            }
        }
    }

    /// <summary>Square kernels of stride 2, whose columns are read in pairs: all sizes, borders of every width, rows that end within every place of a vector.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_SquareKernelsOfStrideTwo_KeepsTheContract(SimdLevel level)
    {
        Epilogue[] epilogues = [Epilogue.None, new() { HasResidual = true, Activation = Activation.Relu }];
        PaddingMode[] modes = [PaddingMode.Zeros, PaddingMode.Reflect];
        for (int size = 3; size <= 8; size++)
        {
            // Two outputs a channel, so that channels are not put into the lanes.
            for (int width = size; width <= size + 70; width += 3)
            {
                var parameters = new ConvParameters { Groups = 2, Stride = 2, Padding = width % size, Fit = ConvFit.Floor };
                Check($"halving_{size}_{width}", parameters, size, new TensorShape(1, 2, size + (width % 9), width), epilogues[width % 2]);
            }

            foreach (PaddingMode mode in modes)
            {
                var parameters = new ConvParameters { Groups = 2, Stride = 2, Padding = size / 2, PaddingMode = mode, Fit = ConvFit.Floor };
                Check($"halving_tall_{size}", parameters, size, new TensorShape(2, 2, 150, 190), Epilogue.None);
                Check($"halving_wide_{size}", parameters, size, new TensorShape(1, 2, 33, 1187), epilogues[1]);
            }
        }

        void Check(string name, ConvParameters parameters, int size, TensorShape input, Epilogue epilogue) =>
            Assert.NotNull(AlgorithmContract.Check(new ConvCase(name, parameters, input, new TensorShape(4, 1, size, size)), Maker(level), epilogue));
    }

    /// <summary>Strides of half a vector and more: outputs that differ in phase only are computed side by side.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_LargeStrides_KeepsTheContract(SimdLevel level)
    {
        int phases = 0;
        foreach ((int stride, int kernel, int padding, int extra) in ((int, int, int, int)[])[(16, 16, 0, 0), (16, 32, 8, 0), (17, 40, 5, 3), (32, 64, 16, 0), (20, 59, 25, 7), (33, 34, 40, 0), (8, 16, 4, 0), (11, 23, 6, 2), (32, 90, 8, 0), (48, 96, 24, 0)])
        {
            foreach (int width in (int[])[1, 2, 5, 16, 19])
            {
                var parameters = new ConvParameters { Kind = ConvKind.Transposed, Groups = 2, Stride = stride, Padding = padding, OutputPadding = extra };
                var layer = new ConvCase($"stride_{stride}_{kernel}_{width}", parameters, new TensorShape(2, 2, 5, width + 2), new TensorShape(2, 2, kernel, kernel));
                phases += AlgorithmContract.Check(layer, Maker(level)) == "depthwise-phases" ? 1 : 0;
            }
        }

        Assert.Equal(50, phases);

        // Rows that no tap meets, and rows of one group that meet different ones.
        var gaps = new ConvParameters
        {
            Kind = ConvKind.Transposed,
            Groups = 2,
            Stride = 16,
            Dilation = (int[])[3, 1],
            Padding = ConvPadding.Pairs((int[])[1, 3], (int[])[0, 5]),
        };
        AssertTaken(level, new ConvCase("gaps", gaps, new TensorShape(1, 2, 3, 9), new TensorShape(2, 1, 5, 32)));
    }

    /// <summary>Planes that are read and written without a copy.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_WidePlanes_KeepsTheContract(SimdLevel level)
    {
        PaddingMode[] modes = [PaddingMode.Zeros, PaddingMode.Reflect, PaddingMode.Replicate, PaddingMode.Circular];
        foreach (PaddingMode mode in modes)
        {
            for (int dilation = 1; dilation <= 2; dilation++)
            {
                var parameters = new ConvParameters { Groups = 2, Padding = ConvPadding.Pairs((int[])[2, 1], (int[])[0, 4]), Dilation = dilation, PaddingMode = mode };
                AssertTaken(level, new ConvCase($"wide_{mode}_{dilation}", parameters, new TensorShape(2, 2, 9, 301), new TensorShape(4, 1, 4, 3)));
            }
        }

        AssertTaken(level, new ConvCase("wide_1d", new() { Padding = 2 }, new TensorShape(1, 1, 5000), new TensorShape(1, 1, 5)));
        AssertTaken(level, new ConvCase("wide_one_row", new() { Padding = 1 }, Plane(1, 700), Plane(3, 3)));
        AssertTaken(level, new ConvCase("wide_transposed", new() { Kind = ConvKind.Transposed, Padding = 1 }, Plane(6, 400), Plane(3, 5)));
        AssertTaken(level, new ConvCase("wide_no_padding", new(), Plane(8, 4500), Plane(2, 2)));
    }

    /// <summary>A result that is written past the caches has the bits of the same rows in a plane that is not.</summary>
    [Theory]
    [InlineData(4112)]
    [InlineData(4111)]
    public void Run_ResultLargerThanTheCaches_HasTheSameBits(int width)
    {
        const int Height = 4100, Rows = 50;
        float[] row = RandomTensor.Make(width, seed: 3);
        foreach (SimdLevel level in SimdLevels.Supported)
        {
            using var engine = new ConvolutionEngine(new EngineOptions { Threads = 2 });
            using AlignedBuffer input = engine.Buffers.Rent((long)Height * width), output = engine.Buffers.Rent((long)Height * width);
            for (int y = 0; y < Height; y++)
            {
                // Each row the one before, turned by a few columns: cheap, and no two neighbours are alike.
                int turn = y * 37 % width;
                row.AsSpan(turn).CopyTo(input.Span[(y * width)..]);
                row.AsSpan(0, turn).CopyTo(input.Span[((y * width) + width - turn)..]);
            }

            using var weights = new ConvWeights(RandomTensor.Make(9, seed: 2));
            Run(Height, input.Span, output.Span);
            float[] top = new float[Rows * width], bottom = new float[Rows * width];
            Run(Rows, input.Span[..top.Length], top);
            Run(Rows, input.Span[^bottom.Length..], bottom);
            Tolerance.AssertSameBits(top.AsSpan(0, top.Length - width).ToArray(), output.Span[..(top.Length - width)].ToArray(), "top");
            Tolerance.AssertSameBits(bottom.AsSpan(width).ToArray(), output.Span[^(bottom.Length - width)..].ToArray(), "bottom");

            void Run(int height, Span<float> from, Span<float> to)
            {
                ConvShape shape = ConvShape.Create(new ConvParameters { Padding = 1 }, Plane(height, width), Plane(3, 3));
                ConvPlan plan = Maker(level)(engine, shape, weights, Epilogue.None)!;
                using Workspace workspace = engine.RentWorkspace(plan);
                plan.Run(from, to, workspace);
            }
        }
    }

    /// <summary>Planes so narrow that their borders are masked, and so many that the result is written past the caches.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_ManyNarrowPlanes_KeepsTheContract(SimdLevel level)
    {
        const int Channels = 360;
        var parameters = new ConvParameters { Groups = Channels, Padding = 1 };
        AssertTaken(level, new ConvCase("narrow", parameters, new TensorShape(1, Channels, 1000, 48), new TensorShape(Channels, 1, 3, 3)));
    }

    [Theory]
    [InlineData(ConvKind.Convolution, 1, 1, PaddingMode.Replicate, 7, 9)]
    [InlineData(ConvKind.Convolution, 1, 2, PaddingMode.Zeros, 5, 4)]
    [InlineData(ConvKind.Convolution, 2, 1, PaddingMode.Circular, 4, 5)]
    [InlineData(ConvKind.Convolution, 3, 1, PaddingMode.Reflect, 5, 5)]
    [InlineData(ConvKind.Transposed, 2, 1, PaddingMode.Zeros, 4, 4)]
    [InlineData(ConvKind.Transposed, 3, 1, PaddingMode.Zeros, 12, 9)]
    [InlineData(ConvKind.Transposed, 2, 3, PaddingMode.Zeros, 4, 5)]
    public void Run_ProductOfColumnAndRow_TakesTwoPasses(ConvKind kind, int stride, int dilation, PaddingMode mode, int height, int width)
    {
        const int Channels = 3;
        var parameters = new ConvParameters
        {
            Kind = kind,
            Stride = stride,
            Dilation = dilation,
            PaddingMode = mode,
            Groups = Channels,
            Padding = 3,
            Fit = kind == ConvKind.Convolution ? ConvFit.Floor : ConvFit.Exact,
        };
        ConvShape shape = ConvShape.Create(parameters, new TensorShape(2, Channels, 83, 45), new TensorShape(Channels, 1, height, width));
        float[] input = RandomTensor.Make(shape.Input.Count, seed: 1);
        float[] weight = Products(Channels, height, width);
        float[] expected = new float[shape.Output.Count];
        Reference.Run(shape, input, weight, default, expected);
        foreach (SimdLevel level in SimdLevels.Supported)
        {
            using var engine = new ConvolutionEngine(new EngineOptions { Threads = 2 });
            using var weights = new ConvWeights(weight);
            ConvPlan plan = Maker(level)(engine, shape, weights, Epilogue.None)!;
            Assert.Equal("depthwise-separable", plan.Algorithm);
            Tolerance.AssertClose(expected, AlgorithmContract.RunGuarded(plan, input), Tolerance.Default, $"{level}");
        }
    }

    [Fact]
    public void Plan_ProductOfColumnAndRowThatMustBeExact_TakesOnePass()
    {
        var parameters = new ConvParameters { Groups = 1, Accuracy = Accuracy.Exact };
        ConvShape shape = ConvShape.Create(parameters, Plane(20, 20), Plane(5, 5));
        using var engine = new ConvolutionEngine();
        using var weights = new ConvWeights(Products(1, 5, 5));
        Assert.Equal("depthwise", Maker(SimdLevels.Best)(engine, shape, weights, Epilogue.None)!.Algorithm);
    }

    [Fact]
    public void Plan_KernelThatIsNearlyAProduct_TakesOnePass()
    {
        float[] weight = Products(1, 5, 5);
        weight[7] += 1e-4f * weight.Max();
        using var engine = new ConvolutionEngine();
        using var weights = new ConvWeights(weight);
        ConvShape shape = ConvShape.Create(new ConvParameters(), Plane(20, 20), Plane(5, 5));
        Assert.Equal("depthwise", Maker(SimdLevels.Best)(engine, shape, weights, Epilogue.None)!.Algorithm);
    }

    /// <summary>A filter over a photograph of 12 megapixels may take 16 MB beside input and output.</summary>
    [Fact]
    public void Plan_PhotographOfTwelveMegapixels_TakesLittleWorkspace()
    {
        ConvShape shape = ConvShape.Create(
            new ConvParameters { Groups = 3, Padding = 1, PaddingMode = PaddingMode.Replicate }, new TensorShape(1, 3, 3000, 4000), new TensorShape(3, 1, 3, 3));
        using var engine = new ConvolutionEngine(new EngineOptions { Threads = 8 });
        using var weights = new ConvWeights(RandomTensor.Make(27, seed: 2));
        ConvPlan plan = engine.CreatePlan(shape, weights);
        Assert.Equal("depthwise", plan.Algorithm);
        Assert.InRange(plan.WorkspaceBytes, 1, 16 << 20);
    }

    [Fact]
    public void Plan_WindowLargerThanTheCaches_IsDeclined()
    {
        var parameters = new ConvParameters { Dilation = 1500, Padding = 1500 };
        ConvShape shape = ConvShape.Create(parameters, Plane(4000, 4000), Plane(3, 3));
        using var engine = new ConvolutionEngine();
        using var weights = new ConvWeights(RandomTensor.Make(9, seed: 2));
        Assert.Null(Maker(SimdLevels.Best)(engine, shape, weights, Epilogue.None));
    }

    private static TensorShape Plane(int height, int width) => new(1, 1, height, width);

    private static PlanMaker Maker(SimdLevel level) => (engine, shape, weights, epilogue) =>
        AlgorithmTests.Plan(new Depthwise(), level, engine, shape, weights, epilogue);

    private static void AssertTaken(SimdLevel level, ConvCase layer) => Assert.NotNull(AlgorithmContract.Check(layer, Maker(level)));

    private static float[] Products(int channels, int height, int width)
    {
        float[] vertical = RandomTensor.Make(channels * height, seed: 5), horizontal = RandomTensor.Make(channels * width, seed: 6);
        float[] weight = new float[channels * height * width];
        for (int i = 0; i < weight.Length; i++)
        {
            int f = i / (height * width), y = i / width % height, x = i % width;
            weight[i] = vertical[(f * height) + y] * horizontal[(f * width) + x];
        }

        return weight;
    }

    private static ConvCase RandomLayer(Random random, string name) => RandomDepthwise.FirstThatFits(() =>
    {
        bool transposed = random.Next(2) == 0;
        int axes = random.Next(1, 4), channels = random.Next(1, 5), multiplier = channels == 1 ? 1 : random.Next(1, 3);
        int[] input = [.. Enumerable.Range(0, axes).Select(_ => random.Next(1, axes == 3 ? 12 : 40))];
        int[] kernel = [.. Enumerable.Range(0, axes).Select(_ => random.Next(1, axes == 3 ? 5 : 7))];
        ConvParameters parameters = RandomDepthwise.Parameters(random, transposed, channels, largestStride: 4, largestPadding: 3);
        int[] weight = transposed ? [channels, multiplier] : [channels * multiplier, 1];
        return new ConvCase(name, parameters, new TensorShape([random.Next(1, 3), channels, .. input]), new TensorShape([.. weight, .. kernel]), random.Next(2) == 0);
    });
}
