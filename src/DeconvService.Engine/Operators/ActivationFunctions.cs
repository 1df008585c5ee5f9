using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace DeconvService.Engine.Operators;

/// <summary>Activation functions of networks over float32, by the definitions of the ONNX operators of the same names.</summary>
public static class ActivationFunctions
{
    /// <summary>max(x, 0)</summary>
    public static UnaryFunction<float> Relu { get; } = (x, y) => TensorPrimitives.Max(x, 0f, y);

    /// <summary>1 / (1 + exp(-x))</summary>
    public static UnaryFunction<float> Sigmoid { get; } = TensorPrimitives.Sigmoid;

    /// <summary>x where it is not negative, else slope * x.</summary>
    public static UnaryFunction<float> LeakyRelu(float slope) => new VectorMap<LeakyReluMap>(new(slope)).Apply;

    /// <summary>min(max(x, low), high); where low is greater than high, high.</summary>
    public static UnaryFunction<float> Clip(float low, float high) => new VectorMap<ClipMap>(new(low, high)).Apply;

    private interface IMap
    {
        Vector<float> Invoke(Vector<float> x);
    }

    // One loop for all maps that are a few vector instructions. The remainder goes through a padded vector.
    private sealed class VectorMap<TMap>(TMap map)
        where TMap : struct, IMap
    {
        public void Apply(ReadOnlySpan<float> x, Span<float> y)
        {
            int width = Vector<float>.Count, i = 0;
            for (; i <= x.Length - width; i += width)
                map.Invoke(new Vector<float>(x[i..])).CopyTo(y[i..]);

            if (i == x.Length)
                return;

            Vector<float> last = default;
            Span<float> lanes = MemoryMarshal.CreateSpan(ref System.Runtime.CompilerServices.Unsafe.As<Vector<float>, float>(ref last), width);
            x[i..].CopyTo(lanes);
            last = map.Invoke(last);
            lanes[..(x.Length - i)].CopyTo(y[i..]);
        }
    }

    private readonly struct LeakyReluMap(float slope) : IMap
    {
        public Vector<float> Invoke(Vector<float> x) => Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), x * new Vector<float>(slope), x);
    }

    private readonly struct ClipMap(float low, float high) : IMap
    {
        public Vector<float> Invoke(Vector<float> x) => Vector.Min(Vector.Max(x, new Vector<float>(low)), new Vector<float>(high));
    }
}
