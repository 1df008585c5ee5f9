using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Kernels;

public sealed unsafe class StridedLoadTests
{
    [Fact]
    public void Load_V512_TakesEveryStepAndNothingBehindTheLast() => CheckLevel<V512>(SimdLevel.Vector512);

    [Fact]
    public void Load_V256_TakesEveryStepAndNothingBehindTheLast() => CheckLevel<V256>(SimdLevel.Vector256);

    [Fact]
    public void Load_V128_TakesEveryStepAndNothingBehindTheLast() => CheckLevel<V128>(SimdLevel.Vector128);

    private static void CheckLevel<V>(SimdLevel level)
        where V : struct, IVec<V>
    {
        if (level > SimdLevels.Best)
            return;

        Check<V, Number1>();
        Check<V, Number2>();
        Check<V, Number3>();
        Check<V, Number4>();
    }

    // The memory ends with what may be read: one element further is another page, which nobody may touch.
    private static void Check<V, S>()
        where V : struct, IVec<V>
        where S : struct, INumberConstant
    {
        float[] numbers = [.. Enumerable.Range(0, S.Value * V.Count).Select(i => (float)(i + 1))], loaded = new float[V.Count];
        using (GuardedMemory<float> source = GuardedMemory.Of<float>(numbers))
        {
            fixed (float* p = loaded)
                StridedLoad.Load<V, S>(source.Pointer).Store(p);
        }

        Assert.Equal(Enumerable.Range(0, V.Count).Select(i => numbers[i * S.Value]), loaded);
        for (int count = 1; count <= V.Count; count++)
        {
            using GuardedMemory<float> source = GuardedMemory.Of<float>(numbers.AsSpan(0, ((count - 1) * S.Value) + 1));
            fixed (float* p = loaded)
                StridedLoad.LoadPartial<V, S>(source.Pointer, count).Store(p);

            Assert.Equal(Enumerable.Range(0, V.Count).Select(i => i < count ? numbers[i * S.Value] : 0), loaded);
        }
    }
}
