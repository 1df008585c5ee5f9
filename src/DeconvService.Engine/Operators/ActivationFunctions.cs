using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeconvService.Engine.Operators;

/// <summary>Activation functions of networks over float32, by the definitions of the ONNX operators of the same names.</summary>
public static class ActivationFunctions
{
    /// <summary>max(x, 0)</summary>
    public static UnaryFunction<float> Relu { get; } = (x, y) => TensorPrimitives.Max(x, 0f, y);

    /// <summary>1 / (1 + exp(-x))</summary>
    public static UnaryFunction<float> Sigmoid { get; } = (x, y) =>
    {
        // TensorPrimitives refuses nothing to do.
        if (!x.IsEmpty)
            TensorPrimitives.Sigmoid(x, y);
    };

    /// <summary>ln(1 + exp(x))</summary>
    public static UnaryFunction<float> Softplus { get; } = new VectorMap<SoftplusMap>(default).Apply;

    /// <summary>x * max(0, min(1, x / 6 + 1 / 2))</summary>
    public static UnaryFunction<float> HardSwish { get; } = new VectorMap<HardSwishMap>(default).Apply;

    /// <summary>The error function.</summary>
    public static UnaryFunction<float> Erf { get; } = new VectorMap<ErfMap>(default).Apply;

    /// <summary>x / 2 * (1 + erf(x / sqrt(2)))</summary>
    public static UnaryFunction<float> Gelu { get; } = new VectorMap<GeluMap>(default).Apply;

    /// <summary>x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))</summary>
    public static UnaryFunction<float> GeluTanh { get; } = new VectorMap<GeluTanhMap>(default).Apply;

    /// <summary>x where it is not negative, else y * x: PRelu, with the slopes y broadcast to x.</summary>
    public static BinaryFunction<float, float> PRelu { get; } = new(
        (x, slope, z) =>
        {
            for (int i = 0; i < z.Length; i++)
                z[i] = x[i] < 0 ? x[i] * slope[i] : x[i];
        },
        (x, slope, z) => LeakyRelu(slope)(x, z),
        (x, slope, z) =>
        {
            for (int i = 0; i < z.Length; i++)
                z[i] = x < 0 ? x * slope[i] : x;
        });

    /// <summary>x where it is not negative, else slope * x.</summary>
    public static UnaryFunction<float> LeakyRelu(float slope) => new VectorMap<LeakyReluMap>(new(slope)).Apply;

    /// <summary>min(max(x, low), high); where low is greater than high, high.</summary>
    public static UnaryFunction<float> Clip(float low, float high) => new VectorMap<ClipMap>(new(low, high)).Apply;

    /// <summary>max(0, min(1, slope * x + shift))</summary>
    public static UnaryFunction<float> HardSigmoid(float slope, float shift) => new VectorMap<HardSigmoidMap>(new(slope, shift)).Apply;

    /// <summary>gain * x where x is not negative, else gain * alpha * (exp(x) - 1): Elu with a gain of 1, Selu with another.</summary>
    public static UnaryFunction<float> Elu(float alpha, float gain = 1) => new VectorMap<EluMap>(new(alpha, gain)).Apply;

    /// <summary>scale * x + shift</summary>
    public static UnaryFunction<float> Affine(float scale, float shift) => new VectorMap<AffineMap>(new(scale, shift)).Apply;

    private interface IMap
    {
        Vector<float> Invoke(Vector<float> x);
    }

    // One loop for all maps that are a few vector instructions. The remainder goes through a vector filled up with zeros.
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
            Span<float> lanes = MemoryMarshal.CreateSpan(ref Unsafe.As<Vector<float>, float>(ref last), width);
            x[i..].CopyTo(lanes);
            last = map.Invoke(last);
            lanes[..(x.Length - i)].CopyTo(y[i..]);
        }
    }

    private readonly struct LeakyReluMap(float slope) : IMap
    {
        public Vector<float> Invoke(Vector<float> x) =>
            Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), x * new Vector<float>(slope), x);
    }

    private readonly struct ClipMap(float low, float high) : IMap
    {
        public Vector<float> Invoke(Vector<float> x) => Vector.Min(Vector.Max(x, new Vector<float>(low)), new Vector<float>(high));
    }

    private readonly struct AffineMap(float scale, float shift) : IMap
    {
        public Vector<float> Invoke(Vector<float> x) => Vector.FusedMultiplyAdd(x, new Vector<float>(scale), new Vector<float>(shift));
    }

    private readonly struct HardSigmoidMap(float slope, float shift) : IMap
    {
        public Vector<float> Invoke(Vector<float> x) =>
            Vector.Max(Vector<float>.Zero, Vector.Min(Vector<float>.One, (x * new Vector<float>(slope)) + new Vector<float>(shift)));
    }

    private readonly struct HardSwishMap : IMap
    {
        public Vector<float> Invoke(Vector<float> x) => x * new HardSigmoidMap(1f / 6, 0.5f).Invoke(x);
    }

    private readonly struct EluMap(float alpha, float gain) : IMap
    {
        public Vector<float> Invoke(Vector<float> x)
        {
            Vector<float> negative = new Vector<float>(alpha * gain) * (Vector.Exp(Vector.Min(x, Vector<float>.Zero)) - Vector<float>.One);
            return Vector.ConditionalSelect(Vector.GreaterThanOrEqual(x, Vector<float>.Zero), x * new Vector<float>(gain), negative);
        }
    }

    // max(x, 0) + ln(1 + exp(-|x|)) does not overflow.
    private readonly struct SoftplusMap : IMap
    {
        public Vector<float> Invoke(Vector<float> x) =>
            Vector.Max(x, Vector<float>.Zero) + Vector.Log(Vector<float>.One + Vector.Exp(-Vector.Abs(x)));
    }

    // A rational function whose coefficients are those of Eigen's float erf; error below 2e-7 (asserted by a test).
    private readonly struct ErfMap : IMap
    {
        public Vector<float> Invoke(Vector<float> x)
        {
            x = Vector.Min(Vector.Max(x, new Vector<float>(-4f)), new Vector<float>(4f));
            Vector<float> s = x * x;
            var p = new Vector<float>(-2.72614225801306e-10f);
            p = (p * s) + new Vector<float>(2.77068142495902e-08f);
            p = (p * s) + new Vector<float>(-2.10102402082508e-06f);
            p = (p * s) + new Vector<float>(-5.69250639462346e-05f);
            p = (p * s) + new Vector<float>(-7.34990630326855e-04f);
            p = (p * s) + new Vector<float>(-2.95459980854025e-03f);
            p = (p * s) + new Vector<float>(-1.60960333262415e-02f);
            var q = new Vector<float>(-1.45660718464996e-05f);
            q = (q * s) + new Vector<float>(-2.13374055278905e-04f);
            q = (q * s) + new Vector<float>(-1.68282697438203e-03f);
            q = (q * s) + new Vector<float>(-7.37332916720468e-03f);
            q = (q * s) + new Vector<float>(-1.42647390514189e-02f);
            return x * p / q;
        }
    }

    private readonly struct GeluMap : IMap
    {
        public Vector<float> Invoke(Vector<float> x) =>
            x * new Vector<float>(0.5f) * (Vector<float>.One + default(ErfMap).Invoke(x * new Vector<float>(0.70710678f)));
    }

    // tanh(u) = 1 - 2 / (exp(2u) + 1)
    private readonly struct GeluTanhMap : IMap
    {
        public Vector<float> Invoke(Vector<float> x)
        {
            Vector<float> u = new Vector<float>(0.79788456f) * (x + (new Vector<float>(0.044715f) * x * x * x));
            return x * (Vector<float>.One - (Vector<float>.One / (Vector.Exp(u + u) + Vector<float>.One)));
        }
    }
}
