using DeconvService.Engine.Simd;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Simd;

public sealed unsafe class VectorTests
{
    [Fact]
    public void V512_Members_DoWhatTheySay() => CheckLevel<V512>(SimdLevel.Vector512);

    [Fact]
    public void V256_Members_DoWhatTheySay() => CheckLevel<V256>(SimdLevel.Vector256);

    [Fact]
    public void V128_Members_DoWhatTheySay() => CheckLevel<V128>(SimdLevel.Vector128);

    private static void CheckLevel<V>(SimdLevel level)
        where V : struct, IVec<V>
    {
        if (level > SimdLevels.Best)
            return;

        int n = V.Count;
        float[] a = [.. Enumerable.Range(0, n).Select(i => (float)i)], b = [.. a.Select(value => 100 - (3 * value))];
        float[] both = [.. a, .. b];
        Check<V>(a, b, V.ZipLow, i => i % 2 == 0 ? a[i / 2] : b[i / 2]);
        Check<V>(a, b, V.ZipHigh, i => i % 2 == 0 ? a[(n + i) / 2] : b[(n + i) / 2]);
        Check<V>(a, b, V.Even, i => both[2 * i]);
        Check<V>(a, b, V.Odd, i => both[(2 * i) + 1]);
        Check<V>(a, b, V.Max, i => Math.Max(a[i], b[i]));
        Check<V>(a, b, V.Min, i => Math.Min(a[i], b[i]));
        Check<V>(a, b, (x, y) => x + y, i => a[i] + b[i]);
        Check<V>(a, b, (x, y) => x - y, i => a[i] - b[i]);
        Check<V>(a, b, (x, y) => x * y, i => a[i] * b[i]);
        Check<V>(a, b, (x, y) => V.MultiplyAdd(x, y, V.Broadcast(7)), i => (a[i] * b[i]) + 7);
        Check<V>(a, b, AddProductTo7, i => (a[i] * b[i]) + 7);
        Check<V>(a, b, (x, y) => V.NegatedMultiplyAdd(x, y, V.Broadcast(7)), i => 7 - (a[i] * b[i]));
        Check<V>(a, [.. Enumerable.Repeat(float.NaN, n)], V.Max, _ => float.NaN);
        Check<V>(a, b, (x, y) => V.Clamp(y, V.Broadcast(60), V.Broadcast(90)), i => Math.Clamp(b[i], 60, 90));
        Check<V>(a, [.. Enumerable.Repeat(float.NaN, n)], (x, y) => V.Clamp(y, V.Broadcast(float.NegativeInfinity), V.Broadcast(1)), _ => float.NaN);
        float[] all = [.. both, .. a.Select(value => 1000 + value)];
        Check<V>(a, b, (x, y) => V.Third(x, y, x + V.Broadcast(1000)), i => all[3 * i]);
        CheckStoreZipped<V>(a, b, [.. a.Select(value => 1000 + value)]);
        CheckTransposes<V>();
        for (int count = 0; count <= n; count++)
        {
            using GuardedMemory<float> source = GuardedMemory.Of<float>(a.AsSpan(0, count));
            using var target = new GuardedMemory<float>(count);
            float[] loaded = new float[n];
            V partial = V.LoadPartial(source.Pointer, count);
            partial.StorePartial(target.Pointer, count);
            fixed (float* p = loaded)
                partial.Store(p);

            Assert.Equal(a.Take(count), target.Span.ToArray());
            Assert.Equal(a.Select((value, i) => i < count ? value : 0), loaded);
        }
    }

    private static V AddProductTo7<V>(V a, V b)
        where V : struct, IVec<V>
    {
        V sum = V.Broadcast(7);
        V.AddProduct(ref sum, a, b);
        return sum;
    }

    // Elements are numbers of row and lane; what is transposed changes places with its row within its square.
    private static void CheckTransposes<V>()
        where V : struct, IVec<V>
    {
        int n = V.Count, runs = n / 4;
        float[] rows = [.. Enumerable.Range(0, 4 * n).Select(i => (float)i)], elements = [.. rows], squares = [.. rows];
        fixed (float* pe = elements, ps = squares)
        {
            V a = V.Load(pe), b = V.Load(pe + n), c = V.Load(pe + (2 * n)), d = V.Load(pe + (3 * n));
            V.TransposeElements(ref a, ref b, ref c, ref d);
            Store(pe, a, b, c, d);
            (a, b, c, d) = (V.Load(ps), V.Load(ps + n), V.Load(ps + (2 * n)), V.Load(ps + (3 * n)));
            V.TransposeRuns(ref a, ref b, ref c, ref d);
            Store(ps, a, b, c, d);
        }

        for (int row = 0; row < 4; row++)
        {
            for (int lane = 0; lane < n; lane++)
            {
                (int run, int place) = Math.DivRem(lane, 4);
                Assert.Equal(rows[(place * n) + (4 * run) + row], elements[(row * n) + lane]);
                if (row < runs)
                    Assert.Equal(rows[(run * n) + (4 * row) + place], squares[(row * n) + lane]);
            }
        }

        static void Store(float* target, V a, V b, V c, V d)
        {
            a.Store(target);
            b.Store(target + V.Count);
            c.Store(target + (2 * V.Count));
            d.Store(target + (3 * V.Count));
        }
    }

    private static void CheckStoreZipped<V>(float[] a, float[] b, float[] c)
        where V : struct, IVec<V>
    {
        float[] result = new float[3 * V.Count];
        fixed (float* pa = a, pb = b, pc = c, pr = result)
            V.StoreZipped(V.Load(pa), V.Load(pb), V.Load(pc), pr);

        float[][] all = [a, b, c];
        Assert.Equal(Enumerable.Range(0, 3 * V.Count).Select(i => all[i % 3][i / 3]), result);

        fixed (float* pa = a, pb = b, pr = result)
            V.StoreZipped(V.Load(pa), V.Load(pb), pr);

        Assert.Equal(Enumerable.Range(0, 2 * V.Count).Select(i => all[i % 2][i / 2]), result[..(2 * V.Count)]);
    }

    private static void Check<V>(float[] a, float[] b, Func<V, V, V> operation, Func<int, float> expected)
        where V : struct, IVec<V>
    {
        float[] result = new float[V.Count];
        fixed (float* pa = a, pb = b, pr = result)
            operation(V.Load(pa), V.Load(pb)).Store(pr);

        Assert.Equal(Enumerable.Range(0, V.Count).Select(expected), result);
    }
}
