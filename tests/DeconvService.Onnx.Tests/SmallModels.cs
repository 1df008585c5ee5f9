namespace DeconvService.Onnx.Tests;

/// <summary>Small sound models over many operators, from which broken ones are made.</summary>
internal static class SmallModels
{
    public static IEnumerable<ModelBuilder> All =>
    [
        UNet(),
        Classifier(),
        Upscaler(),
        ShapeArithmetic(),
        Copies(),
    ];

    public static ModelBuilder UNet()
    {
        var builder = new ModelBuilder();
        string x = builder.Input("x", -1, 3, -1, -1);
        string top = builder.Node("LeakyRelu", "l1", [builder.Conv("c1", x, 3, 4, 3, pad: 1)], ("alpha", 0.1f));
        string down = builder.Node("PRelu", "l2", [builder.Conv("c2", top, 4, 4, 2, stride: 2), builder.Random("slopes", 4, 1, 1)]);
        string up = builder.Conv("u", down, 4, 4, 2, stride: 2, op: "ConvTranspose");
        string joined = builder.Node("Concat", "j", [top, up], ("axis", 1));
        builder.Node("Clip", "y", [builder.Node("Add", "a", [builder.Conv("c3", joined, 8, 3, 3, pad: 1), x]), builder.Constant("low", [0f]), builder.Constant("high", [1f])]);
        return builder.Output("y");
    }

    public static ModelBuilder Classifier()
    {
        var builder = new ModelBuilder();
        string x = builder.Input("x", -1, 3, 8, 8);
        string normal = builder.Node("BatchNormalization", "bn", [builder.Conv("c1", x, 3, 4, 3), builder.Random("g", 4), builder.Random("b", 4), builder.Random("m", 4), builder.Constant("v", [1, 2, 3, 4f], 4)]);
        string pooled = builder.Node("MaxPool", "p", [normal], ("kernel_shape", new[] { 3, 3 }), ("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 }), ("ceil_mode", 1));
        string average = builder.Node("AveragePool", "p2", [pooled], ("kernel_shape", new[] { 2, 2 }), ("auto_pad", "SAME_UPPER"), ("count_include_pad", 1));
        string flat = builder.Node("Flatten", "f", [builder.Node("GlobalAveragePool", "gap", [average])]);
        string gemm = builder.Node("Gemm", "gemm", [flat, builder.Random("w", 5, 4), builder.Random("c", 5)], ("transB", 1), ("alpha", 0.5f));
        string product = builder.Node("MatMul", "mm", [gemm, builder.Random("w2", 5, 6)]);
        builder.Node("Softmax", "y", [product], ("axis", -1));
        builder.Node("ArgMax", "best", ["y"], ("axis", 1), ("keepdims", 0));
        return builder.Output("y").Output("best", ElementType.Int64);
    }

    public static ModelBuilder Upscaler()
    {
        var builder = new ModelBuilder(opset: 18);
        string x = builder.Input("x", -1, 3, -1, -1);
        string padded = builder.Node("Pad", "p", [x, builder.Constant("pads", 0, 0, 1, 1, 0, 0, 1, 1)], ("mode", "reflect"));
        builder.Constant("scales", [1, 1, 1.5f, 2], 4);
        string resized = builder.Node("Resize", "r", [builder.Conv("c1", padded, 3, 4, 3), string.Empty, "scales"], ("mode", "cubic"), ("antialias", 1), ("exclude_outside", 1));
        string shuffled = builder.Node("DepthToSpace", "d", [resized], ("blocksize", 2), ("mode", "CRD"));
        string back = builder.Node("SpaceToDepth", "s", [shuffled], ("blocksize", 2));
        string instance = builder.Node("InstanceNormalization", "i", [back, builder.Random("scale", 4), builder.Random("shift", 4)]);
        builder.Node("Sigmoid", "y", [instance]);
        return builder.Output("y");
    }

    public static ModelBuilder ShapeArithmetic()
    {
        var builder = new ModelBuilder();
        string x = builder.Input("x", -1, 3, -1, -1);
        string shape = builder.Node("Shape", "shape", [x]);
        string height = builder.Node("Slice", "height", [shape, builder.Constant("two", 2L), builder.Constant("three", 3L), builder.Constant("zero", 0L)]);
        string twice = builder.Node("Mul", "twice", [height, builder.Constant("factor", 2L)]);
        string sizes = builder.Node("Concat", "sizes", [builder.Constant("front", 1, 3), twice, twice], ("axis", 0));
        string resized = builder.Node("Resize", "r", [x, string.Empty, string.Empty, sizes], ("mode", "linear"), ("coordinate_transformation_mode", "align_corners"));
        string row = builder.Node("Reshape", "flat", [resized, builder.Constant("open", 1, 3, -1)]);
        string mean = builder.Node("ReduceMean", "mean", [row], ("axes", new[] { 1 }), ("keepdims", 1));
        string less = builder.Node("Sub", "less", [row, mean]);
        builder.Node("Expand", "y", [less, builder.Constant("to", 2, 3, 1)]);
        return builder.Output("y");
    }

    public static ModelBuilder Copies()
    {
        var builder = new ModelBuilder();
        string x = builder.Input("x", -1, 3, -1, -1);
        builder.Nodes("Split", ["s1", "s2"], [x, builder.Constant("parts", 1, 2)], ("axis", 1));
        string turned = builder.Node("Transpose", "t", ["s2"], ("perm", new[] { 0, 2, 3, 1 }));
        string picked = builder.Node("Gather", "g", [turned, builder.Constant("indices", 1, 0, -1)], ("axis", 3));
        string cast = builder.Node("Cast", "c", [picked], ("to", 7));
        string back = builder.Node("Cast", "b", [builder.Node("Max", "m", [cast, builder.Constant("least", 0L)])], ("to", 1));
        string tiled = builder.Node("Tile", "tile", [back, builder.Constant("repeats", 1, 2, 1, 1)]);
        string sliced = builder.Node("Slice", "cut", [tiled, builder.Constant("starts", -1, 0), builder.Constant("ends", -100, 3), builder.Constant("axes", 1, 2), builder.Constant("steps", -2, 1)]);
        builder.Node("Pow", "y", [sliced, builder.Constant("two", [2f])]);
        return builder.Output("y");
    }
}
