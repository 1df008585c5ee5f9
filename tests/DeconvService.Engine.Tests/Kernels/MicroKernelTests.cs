using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Kernels;

public sealed unsafe class MicroKernelTests
{
    [Fact]
    public void Run_V512_EverySize_IsTheProduct() => CheckLevel<V512>(SimdLevel.Vector512);

    [Fact]
    public void Run_V256_EverySize_IsTheProduct() => CheckLevel<V256>(SimdLevel.Vector256);

    [Fact]
    public void Run_V128_EverySize_IsTheProduct() => CheckLevel<V128>(SimdLevel.Vector128);

    private static void CheckLevel<V>(SimdLevel level)
        where V : struct, IVec<V>
    {
        if (level > SimdLevels.Best)
            return;

        for (int vectors = 1; vectors <= 3; vectors++)
        {
            for (int rows = 1; rows <= MicroKernelTable.MaximumRows; rows++)
            {
                Check<V, SideBySide>(rows, vectors, accumulate: false, k => rows * k, row => row);
                Check<V, ToOutputs>(rows, vectors, accumulate: false, k => rows * k, row => row);
                if (rows % 2 == 0)
                {
                    Check<V, ToZippedOutputs>(rows, vectors, accumulate: false, k => rows * k, row => row);
                    Check<V, ToZippedFours>(rows, vectors, accumulate: false, k => rows * k, row => row);
                }

                Check<V, InRuns>(rows, vectors, accumulate: true, k => (k / V.Count * rows * V.Count) + (k % V.Count), row => row * V.Count);
            }
        }
    }

    // Two segments of the panel, the second shorter and in front of the first.
    private static void Check<V, TLayout>(int rows, int vectors, bool accumulate, Func<int, int> stepAt, Func<int, int> rowAt)
        where V : struct, IVec<V>
        where TLayout : struct, IRowLayout
    {
        int depth = V.Count, last = 3, step = vectors * V.Count, steps = depth + last;
        using GuardedMemory<float> a = GuardedMemory.Of<float>(RandomTensor.Make(stepAt(steps - 1) + rowAt(rows - 1) + 1, seed: 1));
        using GuardedMemory<float> x = GuardedMemory.Of<float>(RandomTensor.Make(steps * step, seed: 2));
        float[] before = RandomTensor.Make(rows * step, seed: 3);
        using GuardedMemory<float> c = GuardedMemory.Of<float>(before);
        using GuardedMemory<float> bias = GuardedMemory.Of<float>(RandomTensor.Make(rows, seed: 4));
        int* offsets = stackalloc int[] { last * step, 0 };

        // The last four outputs of a row are stored first.
        bool inFours = typeof(TLayout) == typeof(ToZippedFours);
        nint* fours = stackalloc nint[step / 2];
        for (int i = 0; i < step / 2; i++)
            fours[i] = 4 * ((step / 2) - 1 - i);

        var product = new MicroProduct
        {
            A = a.Pointer,
            X = x.Pointer,
            Offsets = offsets,
            Segments = 2,
            Depth = depth,
            LastDepth = last,
            Step = step,
            SegmentRows = rows * V.Count,
            C = c.Pointer,
            RowStride = TLayout.Zips ? 2 * step : step,
            Accumulate = accumulate,
            Bias = bias.Pointer,
            Low = -1,
            High = 1.5f,
            Fours = fours,
        };
        MicroKernelTable.Find<V, TLayout>(rows, vectors)(in product);

        float[] expected = new float[rows * step];
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < step; v++)
            {
                double sum = accumulate ? before[(r * step) + v] : TLayout.Finishes ? bias.Span[TLayout.Zips ? r / 2 : r] : 0;
                for (int k = 0; k < steps; k++)
                    sum += (double)a.Span[stepAt(k) + rowAt(r)] * x.Span[((k < depth ? last + k : k - depth) * step) + v];

                int zipped = (2 * v) + (r % 2);
                if (inFours)
                    zipped = (int)fours[zipped / 4] + (zipped % 4);

                int place = TLayout.Zips ? (r / 2 * 2 * step) + zipped : (r * step) + v;
                expected[place] = (float)(TLayout.Finishes ? Math.Clamp(sum, product.Low, product.High) : sum);
            }

        Tolerance.AssertClose(expected, c.Span, what: $"{typeof(V).Name} {typeof(TLayout).Name} {rows} x {vectors}");
    }
}
