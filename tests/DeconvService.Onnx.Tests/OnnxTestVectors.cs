using System.Globalization;
using System.Text;
using DeconvService.Engine;
using DeconvService.Onnx.Loading;
using DeconvService.Onnx.Proto;
using Google.Protobuf;

namespace DeconvService.Onnx.Tests;

/// <summary>
/// ONNX's own test vectors (Debian: <c>apt-get install libonnx-testdata</c>), found under ONNX_TESTDATA or where Debian puts them.
/// Every case whose operators are all supported must pass, except those that are listed here with the reason.
/// </summary>
public sealed class OnnxTestVectors
{
    private static readonly Dictionary<string, string[]> ExceptionsByReason = new(StringComparer.Ordinal)
    {
        ["training is not offered"] =
        [
            "test_batchnorm_epsilon_training_mode",
            "test_batchnorm_example_training_mode",
            "test_training_dropout",
            "test_training_dropout_default",
            "test_training_dropout_default_mask",
            "test_training_dropout_mask",
            "test_training_dropout_zero_ratio",
            "test_training_dropout_zero_ratio_mask",
        ],
        ["strings, sequences and optional values are no tensors of numbers"] =
        [
            "test_cast_FLOAT_to_STRING",
            "test_cast_STRING_to_FLOAT",
            "test_castlike_FLOAT_to_STRING_expanded",
            "test_castlike_STRING_to_FLOAT_expanded",
            "test_identity_opt",
            "test_identity_sequence",
        ],
        ["the files of the vector keep bfloat16 as uint16, or contradict the shapes that the model declares"] =
        [
            "test_cast_BFLOAT16_to_FLOAT",
            "test_cast_FLOAT_to_BFLOAT16",
            "test_castlike_BFLOAT16_to_FLOAT_expanded",
            "test_castlike_FLOAT_to_BFLOAT16_expanded",
        ],
        ["align_corners with a fractional output size: ONNX Runtime rounds the size first, and so do we"] =
        [
            "test_resize_downsample_scales_cubic_align_corners",
            "test_resize_downsample_scales_linear_align_corners",
        ],
        ["PRelu broadcast its slope along the channels in version 6, and as everything else since version 7"] =
        [
            "test_PReLU_1d_multiparam",
            "test_PReLU_2d_multiparam",
            "test_PReLU_3d_multiparam",
        ],
    };

    private readonly ITestOutputHelper _output;

    public OnnxTestVectors(ITestOutputHelper output) => _output = output;

    [Theory]
    [InlineData("node", 470)]
    [InlineData("pytorch-operator", 35)]
    [InlineData("pytorch-converted", 76)]
    [InlineData("simple", 5)]
    public void TestVectors_OfSupportedOperators_Pass(string suite, int least)
    {
        string root = Environment.GetEnvironmentVariable("ONNX_TESTDATA") ?? "/usr/share/libonnx-testdata/data";
        Assert.SkipUnless(Directory.Exists(Path.Combine(root, suite)), "ONNX test vectors not found: install libonnx-testdata or set ONNX_TESTDATA");

        using var engine = new ConvolutionEngine();
        var failures = new StringBuilder();
        int passed = 0, foreign = 0, excepted = 0;
        foreach (string directory in Directory.GetDirectories(Path.Combine(root, suite)).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(directory);
            if (ExceptionsByReason.Values.Any(names => names.Contains(name, StringComparer.Ordinal)))
            {
                excepted++;
                continue;
            }

            try
            {
                RunCase(directory, engine);
                passed++;
            }
            catch (OnnxModelException e) when (e.UnsupportedOperators.Count > 0)
            {
                foreign++;
            }
            catch (Exception e)
            {
                failures.AppendLine(CultureInfo.InvariantCulture, $"{name}: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
            }
        }

        _output.WriteLine($"{suite}: {passed} passed, {excepted} excepted, {foreign} of operators that are not supported");
        Assert.True(failures.Length == 0, failures.ToString());
        Assert.True(passed >= least, $"only {passed} cases of {suite} ran");
    }

    private static void RunCase(string directory, ConvolutionEngine engine)
    {
        using CompiledModel model = ModelCompiler.Compile(OnnxModel.Load(ReadModel(directory)), engine);
        foreach (string set in Directory.GetDirectories(directory, "test_data_set_*"))
        {
            var inputs = new Dictionary<string, TensorValue>(StringComparer.Ordinal);
            for (int i = 0; i < model.Inputs.Count; i++)
                inputs.Add(model.Inputs[i].Name, ReadTensor(Path.Combine(set, $"input_{i}.pb")));

            IReadOnlyDictionary<string, TensorValue> outputs = model.Run(inputs);
            for (int i = 0; i < model.Outputs.Count; i++)
                AssertSame(ReadTensor(Path.Combine(set, $"output_{i}.pb")), outputs[model.Outputs[i].Name]);
        }
    }

    // Vectors that were converted from PyTorch are of version 6 of the operator set; most mean the same in version 7.
    private static byte[] ReadModel(string directory)
    {
        ModelProto model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(directory, "model.onnx")));
        foreach (OperatorSetIdProto import in model.OpsetImport)
            import.Version = Math.Max(import.Version, ModelReader.OldestOpset);

        return model.ToByteArray();
    }

    private static TensorValue ReadTensor(string file) =>
        TensorReader.Read(TensorProto.Parser.ParseFrom(File.ReadAllBytes(file)), Path.GetFileName(file), new OnnxLimits());

    // The tolerances of ONNX's own runner.
    private static void AssertSame(TensorValue expected, TensorValue actual)
    {
        if (expected.Shape != actual.Shape || expected.Type != actual.Type)
            throw new InvalidDataException($"expected {expected.Type} {expected.Shape}, got {actual.Type} {actual.Shape}");

        for (int i = 0; i < expected.Count; i++)
        {
            bool same = expected.Type.IsFloating()
                ? Close(expected.Floats.Span[i], actual.Floats.Span[i])
                : expected.Integers.Span[i] == actual.Integers.Span[i];
            if (!same)
                throw new InvalidDataException($"element {i}: expected {At(expected, i)}, got {At(actual, i)}");
        }
    }

    private static bool Close(float expected, float actual) =>
        expected.Equals(actual) || Math.Abs((double)expected - actual) <= 1e-7 + (1e-3 * Math.Abs((double)expected));

    private static object At(TensorValue tensor, int index) => tensor.Type.IsFloating() ? tensor.Floats.Span[index] : tensor.Integers.Span[index];
}
