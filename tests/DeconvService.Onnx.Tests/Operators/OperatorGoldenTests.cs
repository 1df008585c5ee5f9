using System.Globalization;
using System.Text.Json;
using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Onnx.Tests.Operators;

/// <summary>Operators against goldens that ONNX Runtime 1.30 computed (Data/operators.json, made by Data/operators.mjs).</summary>
public sealed class OperatorGoldenTests
{
    private static readonly Lazy<Dictionary<string, Expected>> Goldens = new(() =>
        JsonSerializer.Deserialize<Dictionary<string, Expected>>(File.ReadAllBytes(Golden.PathOf("operators.json")), JsonSerializerOptions.Web)!);

    public static TheoryData<string> Names => [.. OperatorCase.All.Select(one => one.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Run_Operator_MatchesGolden(string name)
    {
        OperatorCase one = OperatorCase.All.Single(candidate => string.Equals(candidate.Name, name, StringComparison.Ordinal));
        Expected expected = Goldens.Value[name];
        using var engine = new ConvolutionEngine();
        using CompiledModel model = ModelCompiler.Compile(one.Model.Load(), engine);

        TensorValue output = model.Run(
            new Dictionary<string, TensorValue>(StringComparer.Ordinal) { ["x"] = new(new TensorShape(one.InputSizes), one.Input) },
            Accuracy.Exact,
            TestContext.Current.CancellationToken)["y"];

        Assert.Equal(new TensorShape(expected.Shape), output.Shape);
        for (int i = 0; i < output.Count; i++)
            Assert.True(Math.Abs(expected.Data[i] - output.Floats.Span[i]) <= 1e-5 * Math.Max(1, Math.Abs(expected.Data[i])), $"element {i}: expected {expected.Data[i]}, got {output.Floats.Span[i]}");
    }

    /// <summary>Writes the models and inputs for operators.mjs into the folder that ONNX_CASES names.</summary>
    [Fact(Explicit = true)]
    public void WriteCases()
    {
        string folder = Environment.GetEnvironmentVariable("ONNX_CASES")!;
        Directory.CreateDirectory(folder);
        List<object> list = [];
        foreach (OperatorCase one in OperatorCase.All)
        {
            string file = $"{list.Count.ToString(CultureInfo.InvariantCulture)}.onnx";
            File.WriteAllBytes(Path.Combine(folder, file), one.Model.ToBytes());
            list.Add(new { one.Name, File = file, Shape = one.InputSizes, Data = one.Input });
        }

        File.WriteAllBytes(Path.Combine(folder, "cases.json"), JsonSerializer.SerializeToUtf8Bytes(list, JsonSerializerOptions.Web));
    }

    private sealed record Expected(int[] Shape, float[] Data);
}
