using DeconvService.Engine.Operators;
using Xunit;

namespace DeconvService.Engine.Tests.Operators;

/// <summary>Each activation against its formula in float64, over every remainder around a vector width and in place.</summary>
public sealed class ActivationFunctionTests
{
    public static TheoryData<string> Names => [.. Functions.Keys];

    private static readonly Dictionary<string, (UnaryFunction<float> Function, Func<double, double> Formula)> Functions = new(StringComparer.Ordinal)
    {
        ["relu"] = (ActivationFunctions.Relu, x => Math.Max(x, 0)),
        ["leaky"] = (ActivationFunctions.LeakyRelu(0.1f), x => x < 0 ? 0.1f * x : x),
        ["leaky, negative slope"] = (ActivationFunctions.LeakyRelu(-2), x => x < 0 ? -2 * x : x),
        ["clip"] = (ActivationFunctions.Clip(-0.5f, 2), x => Math.Min(Math.Max(x, -0.5), 2)),
        ["sigmoid"] = (ActivationFunctions.Sigmoid, x => 1 / (1 + Math.Exp(-x))),
        ["hard sigmoid"] = (ActivationFunctions.HardSigmoid(0.2f, 0.5f), x => Math.Max(0, Math.Min(1, (0.2f * x) + 0.5))),
        ["hard swish"] = (ActivationFunctions.HardSwish, x => x * Math.Max(0, Math.Min(1, (x / 6) + 0.5))),
        ["elu"] = (ActivationFunctions.Elu(1.5f), x => x > 0 ? x : 1.5 * (Math.Exp(x) - 1)),
        ["selu"] = (ActivationFunctions.Elu(1.67f, 1.05f), x => 1.05f * (x > 0 ? x : 1.67f * (Math.Exp(x) - 1))),
        ["softplus"] = (ActivationFunctions.Softplus, x => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)))),
        ["erf"] = (ActivationFunctions.Erf, Erf),
        ["gelu"] = (ActivationFunctions.Gelu, x => x / 2 * (1 + Erf(x / Math.Sqrt(2)))),
        ["gelu, tanh"] = (ActivationFunctions.GeluTanh, x => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))))),
        ["affine"] = (ActivationFunctions.Affine(-3, 0.25f), x => (-3 * x) + 0.25),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Function_OverItsRange_FollowsTheFormula(string name)
    {
        (UnaryFunction<float> function, Func<double, double> formula) = Functions[name];
        for (int length = 0; length <= 67; length++)
        {
            float[] x = [.. Enumerable.Range(0, length).Select(i => ((i * 37 % 67) - 33) / 5f)], y = [.. x];
            function(y, y);
            for (int i = 0; i < length; i++)
                Assert.True(Math.Abs(formula(x[i]) - y[i]) <= 1e-6 * Math.Max(1, Math.Abs(formula(x[i]))), $"f({x[i]}) = {y[i]}, expected {formula(x[i])}");
        }
    }

    [Fact]
    public void Function_OfExtremes_StaysFinite()
    {
        float[] x = [-1e30f, -1000, 1000, 1e30f], y = new float[4];
        ActivationFunctions.Softplus(x, y);
        Assert.Equal([0, 0, 1000, 1e30f], y);
        ActivationFunctions.Elu(1)(x, y);
        Assert.Equal([-1, -1, 1000, 1e30f], y);
        ActivationFunctions.GeluTanh([-100, 100], y);
        Assert.Equal([0, 100], y[..2]);
    }

    // The Taylor series, which converges everywhere.
    private static double Erf(double x)
    {
        double sum = 0, term = x;
        for (int n = 0; n < 200; n++)
        {
            sum += term / ((2 * n) + 1);
            term *= -x * x / (n + 1);
        }

        return Math.Abs(x) > 5 ? Math.Sign(x) : sum * 2 / Math.Sqrt(Math.PI);
    }
}
