using DeconvService.Testing;

namespace DeconvService.Onnx.Tests.Operators;

/// <summary>
/// One-node models for forms of operators that ONNX's own vectors leave out: older and newer versions of the operator set, and corners
/// where specification and implementations differ. The input "x" is random, the output is "y".
/// </summary>
internal sealed record OperatorCase(string Name, ModelBuilder Model, int[] InputSizes)
{
    private static readonly int[] Picture = [1, 2, 5, 6];

    public float[] Input => RandomTensor.Make(InputSizes.Aggregate(1L, (product, size) => product * size), seed: 11);

    public static IReadOnlyList<OperatorCase> All { get; } = [.. Resizes(), .. Borders(), .. Windows(), .. Convolutions(), .. Reductions(), .. Others(), .. Networks(), .. ExportedNetworks.All];

    private static OperatorCase One(string name, int opset, int[] sizes, string op, params (string Name, object Value)[] attributes) =>
        With(name, opset, sizes, op, _ => ["x"], attributes);

    private static OperatorCase With(string name, int opset, int[] sizes, string op, Func<ModelBuilder, string[]> inputs, params (string Name, object Value)[] attributes)
    {
        var builder = new ModelBuilder(opset);
        builder.Input("x", sizes);
        builder.Node(op, "y", inputs(builder), attributes);
        builder.Output("y");
        return new OperatorCase($"{op}-{opset} {name}", builder, sizes);
    }

    private static OperatorCase Scaled(string name, int opset, float[] scales, params (string Name, object Value)[] attributes) => With(
        name,
        opset,
        Picture,
        "Resize",
        builder => opset < 11 ? ["x", builder.Constant("scales", scales, scales.Length)] : ["x", string.Empty, builder.Constant("scales", scales, scales.Length)],
        attributes);

    private static OperatorCase Sized(string name, int opset, long[] sizes, params (string Name, object Value)[] attributes) =>
        With(name, opset, Picture, "Resize", builder => ["x", string.Empty, string.Empty, builder.Constant("sizes", sizes)], attributes);

    private static IEnumerable<OperatorCase> Resizes()
    {
        float[] up = [1, 1, 2, 2.5f], down = [1, 1, 0.6f, 0.5f];
        foreach (string transformation in (string[])["half_pixel", "pytorch_half_pixel", "asymmetric"])
        {
            foreach (string mode in (string[])["linear", "cubic"])
            {
                yield return Scaled($"{mode} {transformation} up", 13, up, ("mode", mode), ("coordinate_transformation_mode", transformation));
                yield return Scaled($"{mode} {transformation} down", 13, down, ("mode", mode), ("coordinate_transformation_mode", transformation));
            }

            foreach (string rounding in (string[])["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
            {
                yield return Scaled($"nearest {transformation} {rounding}", 13, [1, 1, 2, 0.5f], ("mode", "nearest"), ("coordinate_transformation_mode", transformation), ("nearest_mode", rounding));

                // Scales that float32 does not have: halves are met or missed by a last bit.
                foreach (float scale in (float[])[1.7f, 2.3f, 1.1f, 0.7f])
                {
                    yield return With($"nearest {transformation} {rounding} {scale}", 13, [1, 1, 1, 50], "Resize", builder => ["x", string.Empty, builder.Constant("scales", [1, 1, 1, scale], 4)], ("mode", "nearest"), ("coordinate_transformation_mode", transformation), ("nearest_mode", rounding));
                }
            }
        }

        yield return Sized("align_corners linear", 13, [1, 2, 9, 4], ("mode", "linear"), ("coordinate_transformation_mode", "align_corners"));
        yield return Sized("align_corners cubic", 13, [1, 2, 9, 11], ("mode", "cubic"), ("coordinate_transformation_mode", "align_corners"));
        yield return Scaled("cubic exclude_outside", 13, up, ("mode", "cubic"), ("exclude_outside", 1), ("cubic_coeff_a", -0.5f));
        yield return Scaled("half_pixel_symmetric", 19, [1, 1, 0.7f, 1.3f], ("mode", "linear"), ("coordinate_transformation_mode", "half_pixel_symmetric"));
        yield return Scaled("antialias linear", 18, [1, 1, 0.6f, 0.5f], ("mode", "linear"), ("antialias", 1));
        yield return Scaled("antialias cubic", 18, [1, 1, 0.6f, 0.5f], ("mode", "cubic"), ("antialias", 1));
        yield return Scaled("axes", 18, [2, 1.5f], ("mode", "linear"), ("axes", new[] { 3, 2 }));
        yield return Sized("not_larger", 18, [7, 8], ("mode", "nearest"), ("axes", new[] { 2, 3 }), ("keep_aspect_ratio_policy", "not_larger"));
        yield return Sized("not_smaller", 18, [7, 8], ("mode", "linear"), ("axes", new[] { 2, 3 }), ("keep_aspect_ratio_policy", "not_smaller"));
        yield return Scaled("nearest up", 10, [1, 1, 2, 3], ("mode", "nearest"));
        yield return Scaled("linear", 10, up, ("mode", "linear"));
        yield return With("nearest", 9, Picture, "Upsample", builder => ["x", builder.Constant("scales", [1, 1, 2, 3f], 4)]);
        yield return With("linear", 9, Picture, "Upsample", builder => ["x", builder.Constant("scales", [1, 1, 2, 3f], 4)], ("mode", "linear"));
        yield return With(
            "crop",
            13,
            Picture,
            "Resize",
            builder => ["x", builder.Constant("roi", [0, 0, 0.2f, -0.3f, 1, 1, 0.9f, 1.2f], 8), string.Empty, builder.Constant("sizes", 1, 2, 4, 7)],
            ("mode", "linear"),
            ("coordinate_transformation_mode", "tf_crop_and_resize"),
            ("extrapolation_value", 7f));
    }

    private static IEnumerable<OperatorCase> Borders()
    {
        foreach (string mode in (string[])["constant", "reflect", "edge"])
        {
            yield return With(mode, 13, Picture, "Pad", builder => ["x", builder.Constant("pads", 0, 0, 1, 3, 0, 0, 2, 1)], ("mode", mode));
            yield return With($"{mode} axes", 18, Picture, "Pad", builder => ["x", builder.Constant("pads", 2, 1, 1, 3), string.Empty, builder.Constant("axes", 3, -2)], ("mode", mode));
        }

        yield return With("wrap", 19, Picture, "Pad", builder => ["x", builder.Constant("pads", 0, 0, 2, 3, 0, 0, 1, 4)], ("mode", "wrap"));
        yield return With("negative", 13, Picture, "Pad", builder => ["x", builder.Constant("pads", 0, 0, -1, 1, 0, 0, 2, -2), builder.Constant("fill", [0.5f])]);
        yield return One("attributes", 10, Picture, "Pad", ("pads", new[] { 0, 0, 1, 2, 0, 0, 0, 1 }), ("value", 3f));
        yield return One("attributes", 9, Picture, "Slice", ("starts", new[] { 1, -4 }), ("ends", new[] { 100, -1 }), ("axes", new[] { 2, 3 }));
        yield return With("backwards", 13, Picture, "Slice", builder => ["x", builder.Constant("starts", 4, -1), builder.Constant("ends", -100, 0), builder.Constant("axes", -2, 3), builder.Constant("steps", -2, -3)]);
    }

    private static IEnumerable<OperatorCase> Windows()
    {
        int[] three = [3, 3], two = [2, 2];
        yield return One("ceil, padding counted", 19, [1, 1, 6, 7], "AveragePool", ("kernel_shape", three), ("strides", two), ("pads", new[] { 1, 0, 1, 1 }), ("ceil_mode", 1), ("count_include_pad", 1));
        yield return One("ceil", 13, [1, 1, 6, 7], "AveragePool", ("kernel_shape", three), ("strides", two), ("pads", new[] { 1, 0, 1, 1 }), ("ceil_mode", 1));
        yield return One("dilations", 19, [1, 1, 7, 7], "AveragePool", ("kernel_shape", two), ("dilations", new[] { 2, 3 }), ("pads", new[] { 1, 1, 1, 1 }));
        yield return One("same lower", 13, [1, 1, 6, 7], "AveragePool", ("kernel_shape", new[] { 4, 3 }), ("strides", two), ("auto_pad", "SAME_LOWER"));
        yield return One("3-D", 13, [1, 2, 3, 4, 5], "AveragePool", ("kernel_shape", new[] { 2, 2, 3 }), ("pads", new[] { 1, 0, 1, 0, 1, 1 }));
        yield return One("ceil, dilations", 12, [1, 2, 7, 8], "MaxPool", ("kernel_shape", two), ("strides", two), ("dilations", new[] { 2, 2 }), ("pads", new[] { 1, 1, 0, 0 }), ("ceil_mode", 1));
        yield return One("1-D", 12, [2, 2, 9], "MaxPool", ("kernel_shape", new[] { 3 }), ("strides", new[] { 4 }), ("pads", new[] { 1, 1 }));
        yield return One("4 axes", 13, [2, 3, 4, 2], "GlobalMaxPool");
    }

    private static IEnumerable<OperatorCase> Convolutions()
    {
        int[] two = [2, 2];
        foreach (string rule in (string[])["SAME_UPPER", "SAME_LOWER", "VALID"])
        {
            yield return With(rule, 13, Picture, "Conv", builder => ["x", builder.Random("w", 3, 2, 2, 4)], ("strides", two), ("auto_pad", rule));
            yield return With(rule, 13, Picture, "ConvTranspose", builder => ["x", builder.Random("w", 2, 3, 3, 5), builder.Random("b", 3)], ("strides", two), ("auto_pad", rule));
            yield return With($"output_shape {rule}", 13, [1, 2, 3, 3], "ConvTranspose", builder => ["x", builder.Random("w", 2, 1, 4, 4)], ("strides", two), ("auto_pad", rule is "VALID" ? "NOTSET" : rule), ("output_shape", new[] { 7, 5 }));
        }

        yield return With("groups, dilations", 13, [1, 4, 7, 8], "Conv", builder => ["x", builder.Random("w", 6, 2, 2, 3), builder.Random("b", 6)], ("group", 2), ("dilations", new[] { 3, 2 }), ("pads", new[] { 0, 1, 2, 3 }));
        yield return With("1-D", 13, [2, 3, 9], "Conv", builder => ["x", builder.Random("w", 2, 3, 4)], ("strides", new[] { 3 }), ("pads", new[] { 2, 1 }));
        yield return With("3-D", 13, [1, 2, 4, 5, 3], "Conv", builder => ["x", builder.Random("w", 2, 1, 2, 3, 1)], ("group", 2), ("strides", new[] { 2, 1, 1 }));
        yield return With("groups, output padding", 13, [1, 4, 3, 4], "ConvTranspose", builder => ["x", builder.Random("w", 4, 1, 3, 2), builder.Random("b", 2)], ("group", 2), ("strides", new[] { 2, 3 }), ("output_padding", new[] { 1, 2 }), ("pads", new[] { 1, 0, 0, 1 }));
        yield return With("dilations", 13, [1, 2, 4, 4], "ConvTranspose", builder => ["x", builder.Random("w", 2, 2, 3, 2)], ("dilations", new[] { 2, 3 }));
        yield return With("1-D", 13, [1, 2, 5], "ConvTranspose", builder => ["x", builder.Random("w", 2, 2, 4)], ("strides", new[] { 3 }), ("pads", new[] { 2, 0 }));
    }

    private static IEnumerable<OperatorCase> Reductions()
    {
        int[] sizes = [2, 3, 4, 2];
        foreach (string op in (string[])["ReduceMean", "ReduceMax", "ReduceMin"])
        {
            yield return One("attribute", 13, sizes, op, ("axes", new[] { 1, -1 }), ("keepdims", 0));
            yield return With("input", 18, sizes, op, builder => ["x", builder.Constant("axes", -3L)]);
        }

        yield return One("attribute", 11, sizes, "ReduceSum", ("axes", new[] { 0, 2 }));
        yield return One("all", 13, sizes, "ReduceSum");
        yield return One("flattened", 11, sizes, "Softmax", ("axis", 2));
        yield return One("axis", 13, sizes, "Softmax", ("axis", 1));
    }

    private static IEnumerable<OperatorCase> Others()
    {
        yield return One("attributes", 10, Picture, "Clip", ("min", -0.25f));
        yield return One("erf", 20, Picture, "Gelu");
        yield return One("tanh", 20, Picture, "Gelu", ("approximate", "tanh"));
        yield return One("plain", 14, Picture, "HardSwish");
        yield return One("plain", 13, Picture, "Softplus");
        yield return One("attributes", 13, Picture, "Selu", ("alpha", 1.5f), ("gamma", 0.75f));
        yield return One("attribute", 11, [1, 2, 1, 3], "Squeeze", ("axes", new[] { 0, -2 }));
        yield return One("attribute", 11, [2, 3], "Unsqueeze", ("axes", new[] { 0, -1 }));
        yield return One("negative axis", 13, [2, 3, 4], "Flatten", ("axis", -1));
        yield return With("zero", 14, [2, 3, 4], "Reshape", builder => ["x", builder.Constant("shape", 0, -1)]);
        yield return With("old", 9, Picture, "BatchNormalization", builder => ["x", builder.Random("g", 2), builder.Random("b", 2), builder.Random("m", 2), builder.Constant("v", [1f, 0.5f], 2)], ("epsilon", 0.01f));
        yield return With("plain", 13, Picture, "InstanceNormalization", builder => ["x", builder.Random("g", 2), builder.Random("b", 2)], ("epsilon", 0.01f));
        yield return With("slopes of rows", 13, Picture, "PRelu", builder => ["x", builder.Random("slopes", 5, 1)]);
        yield return With("all attributes", 13, [3, 4], "Gemm", builder => ["x", builder.Random("w", 5, 3), builder.Random("c", 4, 1)], ("transA", 1), ("transB", 1), ("alpha", 0.5f), ("beta", -2f));
        yield return With("batches", 13, [2, 1, 3, 4], "MatMul", builder => ["x", builder.Random("w", 3, 4, 2)]);
        yield return With("vector", 13, [2, 3, 4], "MatMul", builder => ["x", builder.Random("w", 4)]);
        yield return With("exponents", 13, Picture, "Pow", builder => ["x", builder.Constant("three", 3L)]);
        yield return With("three inputs", 13, [2, 1], "Max", builder => ["x", builder.Random("a", 1, 3), builder.Random("b", 2, 3)]);
        yield return With("columns", 13, [4, 1], "Sub", builder => [builder.Random("a", 3), "x"]);
        yield return With("negative", 13, [3, 4], "Gather", builder => ["x", builder.Constant("places", -1, 0, -4)], ("axis", 1));
        yield return With("repeat", 13, [3, 1], "Expand", builder => ["x", builder.Constant("shape", 2, 1, 2)]);
        yield return With("repeat", 13, [2, 3], "Tile", builder => ["x", builder.Constant("repeats", 2, 3)]);
        yield return One("DCR", 13, [1, 8, 2, 3], "DepthToSpace", ("blocksize", 2));
        yield return One("CRD", 13, [1, 8, 2, 3], "DepthToSpace", ("blocksize", 2), ("mode", "CRD"));
        yield return One("plain", 13, [1, 2, 4, 6], "SpaceToDepth", ("blocksize", 2));
        yield return One("order", 13, [2, 3, 4], "Transpose", ("perm", new[] { 1, 2, 0 }));
        yield return With("itself and another", 13, [1, 2, 3], "Concat", builder => ["x", builder.Random("a", 1, 1, 3), "x"], ("axis", -2));
    }

    private static IEnumerable<OperatorCase> Networks()
    {
        yield return new OperatorCase("network: U-Net", SmallModels.UNet(), [1, 3, 6, 8]);
        yield return new OperatorCase("network: classifier", SmallModels.Classifier(), [2, 3, 8, 8]);
        yield return new OperatorCase("network: upscaler", SmallModels.Upscaler(), [1, 3, 6, 7]);
        yield return new OperatorCase("network: shape arithmetic", SmallModels.ShapeArithmetic(), [1, 3, 4, 5]);
        yield return new OperatorCase("network: copies", SmallModels.Copies(), [1, 3, 4, 5]);
    }
}
