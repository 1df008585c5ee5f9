using DeconvService.Engine.Operators;
using DeconvService.Engine.Threading;
using DeconvService.Testing;
using Xunit;

namespace DeconvService.Engine.Tests.Operators;

/// <summary>Pools, matrices, Softmax, normalisations and resizing against small exact numbers and plain loops.</summary>
public sealed class LayerTests : IDisposable
{
    private readonly ConvolutionEngine _engine = new(new EngineOptions { Threads = 2 });

    private EngineThreads Threads => _engine.Threads;

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Pooling_PaddedAxis_LooksAtRealElementsOnly()
    {
        // Windows of 3 with stride 2 and padding 1 over 1 -2 3 4: (_ 1 -2) (-2 3 4) and, by the ceiling, (4 _ .).
        var shape = new PoolShape(1, new PoolAxis(Input: 4, Output: 3, Kernel: 3, Stride: 2, Dilation: 1, PadBegin: 1, PadEnd: 1));
        float[] x = [1, -2, 3, 4], y = new float[3];
        Pooling.Max(shape, x, y, Threads);
        Assert.Equal([1, 4, 4], y);
        Pooling.Average(shape, countPadding: false, x, y, Threads);
        Assert.Equal([-0.5f, 5 / 3f, 4], y);
        Pooling.Average(shape, countPadding: true, x, y, Threads);
        Assert.Equal([-1 / 3f, 5 / 3f, 2], y);
        long[] places = new long[3];
        Pooling.ArgMax(shape, columnMajor: false, x, places);
        Assert.Equal([0, 3, 3], places);
    }

    [Fact]
    public void Pooling_RandomShapes_MatchLoops()
    {
        var random = new Random(8);
        for (int round = 0; round < 100; round++)
        {
            PoolAxis height = Axis(random), width = Axis(random);
            var shape = new PoolShape(3, height, width);
            float[] x = RandomTensor.Make(3L * height.Input * width.Input, round), max = new float[3 * height.Output * width.Output], mean = new float[max.Length];
            Pooling.Max(shape, x, max, Threads);
            Pooling.Average(shape, countPadding: false, x, mean, Threads);
            for (int i = 0; i < max.Length; i++)
            {
                (int plane, int row, int column) = (i / width.Output / height.Output, i / width.Output % height.Output, i % width.Output);
                List<float> seen = [];
                for (int a = 0; a < height.Kernel; a++)
                    for (int b = 0; b < width.Kernel; b++)
                    {
                        int r = height.Source(row, a), c = width.Source(column, b);
                        if (r >= 0 && r < height.Input && c >= 0 && c < width.Input)
                            seen.Add(x[(((plane * height.Input) + r) * width.Input) + c]);
                    }

                Assert.Equal(seen.Count == 0 ? float.NegativeInfinity : seen.Max(), max[i]);
                Assert.Equal(seen.Count == 0 ? 0 : seen.Average(), mean[i], 1e-5f);
            }
        }
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 700, 5)]
    [InlineData(7, 33, 1100)]
    public void MatrixMultiplication_BothForms_MatchLoops(int m, int k, int n)
    {
        float[] a = RandomTensor.Integers((long)m * k, 1), b = RandomTensor.Integers((long)k * n, 2), turned = new float[b.Length];
        float[] c = new float[m * n], d = new float[m * n];
        for (int i = 0; i < k; i++)
            for (int j = 0; j < n; j++)
                turned[(j * k) + i] = b[(i * n) + j];

        MatrixMultiplication.Run(a, b, c, m, k, n, Threads);
        MatrixMultiplication.RunTransposed(a, turned, d, m, k, n, Threads);

        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int t = 0; t < k; t++)
                    sum += a[(i * k) + t] * b[(t * n) + j];

                Assert.Equal(sum, c[(i * n) + j]);
                Assert.Equal(sum, d[(i * n) + j]);
            }
    }

    [Theory]
    [InlineData(5, 1)]
    [InlineData(3, 300)]
    public void Softmax_AlongAnAxis_SumsToOneAndDoesNotOverflow(int axis, int inner)
    {
        float[] x = RandomTensor.Make(2L * axis * inner, 3), y = new float[x.Length];
        for (int i = 0; i < x.Length; i++)
            x[i] = (x[i] * 5) + 1000;

        Softmax.Run(x, y, axis, inner, Threads);

        for (int o = 0; o < 2; o++)
            for (int i = 0; i < inner; i++)
            {
                double sum = 0;
                for (int a = 0; a < axis; a++)
                    sum += Math.Exp(x[(((o * axis) + a) * inner) + i] - 1000.0);

                for (int a = 0; a < axis; a++)
                    Assert.Equal(Math.Exp(x[(((o * axis) + a) * inner) + i] - 1000.0) / sum, y[(((o * axis) + a) * inner) + i], 1e-6);
            }
    }

    [Fact]
    public void Normalization_OfInstances_GivesMeanAndDeviationAskedFor()
    {
        float[] x = RandomTensor.Make(2 * 3 * 50, 4), y = new float[x.Length];
        Normalization.Instances(x, [1, 2, 3], [5, 6, 7], 0, y, 50, Threads);
        for (int plane = 0; plane < 6; plane++)
        {
            float[] values = y[(plane * 50)..((plane + 1) * 50)];
            double mean = values.Average(value => (double)value);
            Assert.Equal((plane % 3) + 5, mean, 1e-5);
            Assert.Equal((plane % 3) + 1, Math.Sqrt(values.Average(value => (value - mean) * (value - mean))), 1e-5);
        }
    }

    [Fact]
    public void Resize_WeightsOfAnAxis_AreApplied()
    {
        ResizeTaps[] taps = [new(0, [1]), new(0, [0.5f, 0.5f]), new(1, [0.25f, 0.25f, 0.5f])];
        float[] last = new float[6], first = new float[6];
        Resize.Axis(taps, [1, 2, 3, 4, 10, 20, 30, 40], last, axis: 4, inner: 1, Threads);
        Resize.Axis(taps, [1, 10, 2, 20, 3, 30, 4, 40], first, axis: 4, inner: 2, Threads);
        Assert.Equal([1, 1.5f, 3.25f, 10, 15, 32.5f], last);
        Assert.Equal([1, 10, 1.5f, 15, 3.25f, 32.5f], first);
        Assert.Throws<ArgumentException>(() => Resize.Axis([new(3, [1, 1])], [1, 2, 3, 4], new float[1], axis: 4, inner: 1, Threads));
    }

    [Fact]
    public void Reduction_OfRows_TakesEachOnce()
    {
        float[] y = new float[3];
        Reduction.Run(Reduction.Mean, [1, 3, 5, 7, -1, 1], y, Threads);
        Assert.Equal([2, 6, 0], y);
        Reduction.Run(Reduction.Max, [1, 3, 5, 7, -1, 1], y, Threads);
        Assert.Equal([3, 7, 1], y);
    }

    [Fact]
    public void Elementwise_Cancelled_Throws()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => Elementwise.Run(ActivationFunctions.Relu, new float[100_000], new float[100_000], Threads, source.Token));
    }

    private static PoolAxis Axis(Random random)
    {
        int input = random.Next(1, 12), kernel = random.Next(1, 4), dilation = random.Next(1, 3), stride = random.Next(1, 4), pad = random.Next(0, 3);
        int room = input + (2 * pad) - (((kernel - 1) * dilation) + 1);
        return new PoolAxis(input, Math.Max(0, room / stride) + 1, kernel, stride, dilation, pad, pad);
    }
}
