using AttributeList = (string Name, object Value)[];

namespace DeconvService.Onnx.Tests.Operators;

/// <summary>
/// Small networks written the way exporters write them (PyTorch above all): sizes computed by the graph itself, operators taken apart into
/// older ones, old and new forms of the operator set. The input "x" is random, the output is "y".
/// </summary>
internal static class ExportedNetworks
{
    public static IEnumerable<OperatorCase> All =>
    [
        new("exported: pixel shuffle as reshape", PixelShuffle(), [2, 3, 5, 4]),
        new("exported: reflect padding, window attention", WindowAttention(), [1, 3, 7, 10]),
        new("exported: coordinates as channels", Coordinates(), [2, 3, 4, 5]),
        new("exported: MobileNet v2, opset 10", MobileNet(10), [2, 3, 16, 16]),
        new("exported: MobileNet v2, opset 22", MobileNet(22), [2, 3, 16, 16]),
        new("exported: squeeze and excite", SqueezeExcite(), [1, 3, 9, 8]),
        new("exported: transformer block", Transformer(), [2, 3, 8, 12]),
        new("exported: group normalisation", GroupNormalization(), [2, 4, 5, 6]),
        new("exported: weights made by the network", ModulatedConvolution(), [1, 4, 6, 7]),
        new("exported: channel shuffle", ChannelShuffle(), [2, 8, 5, 4]),
        new("exported: upsampling by computed scales, opset 9", ComputedScales(), [1, 3, 4, 5]),
        new("exported: the newest forms", NewestForms(), [2, 4, 6, 8]),
    ];

    private static ModelBuilder PixelShuffle()
    {
        var g = new Writer(9, 3);
        string c = g.Conv("x", 3, 12, 3, pad: 1), shape = g.Op("Shape", [c]);
        string At(int axis) => g.Op("Gather", [shape, g.Int(axis)], ("axis", 0));
        string List(string number) => g.Op("Unsqueeze", [number], ("axes", new[] { 0 }));
        string n = At(0), channels = g.Op("Div", [At(1), g.Int(4)]), height = At(2), width = At(3);
        string apart = g.Op("Reshape", [c, g.Op("Concat", [List(n), List(channels), g.Ints(2, 2), List(height), List(width)], ("axis", 0))]);
        string mixed = g.Op("Transpose", [apart], ("perm", new[] { 0, 1, 4, 2, 5, 3 }));
        string sizes = g.Op("Concat", [List(n), g.Ints(-1), List(g.Op("Mul", [height, g.Int(2)])), List(g.Op("Mul", [width, g.Int(2)]))], ("axis", 0));
        return g.Out("Reshape", [mixed, sizes]);
    }

    // How PyTorch exports F.pad: the list of pads is filled up with zeros, reversed and transposed.
    private static ModelBuilder WindowAttention()
    {
        var g = new Writer(16, 3);
        string shape = g.Op("Shape", ["x"]);
        string At(string of, int axis) => g.Op("Gather", [of, g.Int(axis)], ("axis", 0));
        string List(string number) => g.Op("Unsqueeze", [number, g.Ints(0)]);
        string Missing(string size) => g.Op("Mod", [g.Op("Sub", [g.Int(4), g.Op("Mod", [size, g.Int(4)])]), g.Int(4)]);
        string pads = g.Op("Concat", [g.Ints(0), List(Missing(At(shape, 3))), g.Ints(0), List(Missing(At(shape, 2)))], ("axis", 0));
        string rest = g.Op("ConstantOfShape", [g.Op("Sub", [g.Op("Mul", [g.Ints(4), g.Ints(2)]), g.Op("Shape", [pads])])]);
        pads = g.Op("Concat", [pads, g.Op("Cast", [rest], ("to", 7))], ("axis", 0));
        pads = g.Op("Slice", [g.Op("Reshape", [pads, g.Ints(-1, 2)]), g.Ints(-1), g.Ints(-long.MaxValue), g.Ints(0), g.Ints(-1)]);
        pads = g.Op("Reshape", [g.Op("Transpose", [pads], ("perm", new[] { 1, 0 })), g.Ints(-1)]);
        string c = g.Conv(g.Op("Pad", ["x", pads], ("mode", "reflect")), 3, 8, 3, pad: 1), padded = g.Op("Shape", [c]);
        string high = g.Op("Div", [At(padded, 2), g.Int(4)]), wide = g.Op("Div", [At(padded, 3), g.Int(4)]);
        string windows = g.Op("Reshape", [c, g.Op("Concat", [g.Ints(8), List(high), g.Ints(4), List(wide), g.Ints(4)], ("axis", 0))]);
        windows = g.Op("Reshape", [g.Op("Transpose", [windows], ("perm", new[] { 1, 3, 2, 4, 0 })), g.Ints(-1, 16, 8)]);
        string weights = g.Op("Softmax", [g.Op("MatMul", [windows, g.Op("Transpose", [windows], ("perm", new[] { 0, 2, 1 }))])], ("axis", 2));
        string mixed = g.Op("Reshape", [g.Op("MatMul", [weights, windows]), g.Op("Concat", [List(high), List(wide), g.Ints(4, 4, 8)], ("axis", 0))]);
        mixed = g.Op("Transpose", [mixed], ("perm", new[] { 4, 0, 2, 1, 3 }));
        mixed = g.Op("Reshape", [mixed, g.Op("Concat", [g.Ints(1, 8), List(At(padded, 2)), List(At(padded, 3))], ("axis", 0))]);
        string end = g.Op("Concat", [List(At(shape, 2)), List(At(shape, 3))], ("axis", 0));
        return g.Out("Slice", [g.Conv(mixed, 8, 3, 3, pad: 1), g.Ints(0, 0), end, g.Ints(2, 3), g.Ints(1, 1)]);
    }

    private static ModelBuilder Coordinates()
    {
        var g = new Writer(13, 3);
        string shape = g.Op("Shape", ["x"]);
        string At(int axis) => g.Op("Gather", [shape, g.Int(axis)], ("axis", 0));
        string List(string number) => g.Op("Unsqueeze", [number, g.Ints(0)]);
        string Line(string count) => g.Op("Div", [
            g.Op("Cast", [g.Op("Range", [g.Int(0), count, g.Int(1)])], ("to", 1)),
            g.Op("Sub", [g.Op("Cast", [count], ("to", 1)), g.Number(1)])]);
        string sizes = g.Op("Concat", [List(At(0)), g.Ints(1), List(At(2)), List(At(3))], ("axis", 0));
        string ones = g.Op("Cast", [g.Op("Exp", [g.Op("ConstantOfShape", [g.Op("Shape", [sizes])])])], ("to", 7));
        string target = g.Op("Where", [g.Op("Equal", [sizes, g.Op("Mul", [ones, g.Int(-1)])]), ones, sizes]);
        string across = g.Op("Expand", [g.Op("Reshape", [Line(At(3)), g.Ints(1, 1, 1, -1)]), target]);
        string down = g.Op("Expand", [g.Op("Unsqueeze", [Line(At(2)), g.Ints(0, 1, 3)]), target]);
        string radius = g.Op("Sqrt", [g.Op("Add", [g.Op("Pow", [across, g.Number(2)]), g.Op("Mul", [down, down])])]);
        return g.Out("Relu", [g.Conv(g.Op("Concat", ["x", across, down, radius], ("axis", 1)), 6, 4, 3, pad: 1)]);
    }

    private static ModelBuilder MobileNet(int opset)
    {
        var g = new Writer(opset, 3);
        string Relu6(string v) => opset < 11 ? g.Op("Clip", [v], ("min", 0f), ("max", 6f)) : g.Op("Clip", [v, g.Number(0), g.Number(6)]);
        string Normal(string v, int c) => g.Op("BatchNormalization", [v, g.Random(c), g.Random(c), g.Random(c), g.Variance(c)]);
        string Block(string v, int stride)
        {
            string wide = Relu6(Normal(g.Conv(v, 8, 16, 1), 16));
            string deep = Relu6(Normal(g.Conv(wide, 16, 16, 3, stride, pad: 1, group: 16), 16));
            string narrow = Normal(g.Conv(deep, 16, 8, 1), 8);
            return stride == 1 ? g.Op("Add", [v, narrow]) : narrow;
        }

        string last = g.Op("GlobalAveragePool", [Block(Block(Relu6(Normal(g.Conv("x", 3, 8, 3, stride: 2, pad: 1), 8)), 1), 2)]);
        string batch = g.Op("Gather", [g.Op("Shape", [last]), g.Int(0)]);
        batch = opset < 13 ? g.Op("Unsqueeze", [batch], ("axes", new[] { 0 })) : g.Op("Unsqueeze", [batch, g.Ints(0)]);
        string flat = g.Op("Reshape", [last, g.Op("Concat", [batch, g.Ints(-1)], ("axis", 0))]);
        return g.Out("Softmax", [g.Op("Gemm", [flat, g.Random(5, 8), g.Random(5)], ("transB", 1))], ("axis", 1));
    }

    private static ModelBuilder SqueezeExcite()
    {
        var g = new Writer(14, 3);
        string c = g.Op("HardSwish", [g.Conv("x", 3, 8, 3, pad: 1)]);
        string gate = g.Conv(g.Op("Relu", [g.Conv(g.Op("GlobalAveragePool", [c]), 8, 4, 1)]), 4, 8, 1);
        string gated = g.Op("Mul", [g.Op("HardSigmoid", [gate], ("alpha", 1 / 6f)), c]);

        // The hard swish before it was an operator.
        string six = g.Op("Clip", [g.Op("Add", [gated, g.Number(3)]), g.Number(0), g.Number(6)]);
        return g.Out("Add", [g.Op("Div", [g.Op("Mul", [gated, six]), g.Number(6)]), c]);
    }

    private static ModelBuilder Transformer()
    {
        var g = new Writer(18, 3);
        string LayerNormal(string v)
        {
            string centred = g.Op("Sub", [v, g.Op("ReduceMean", [v, g.Ints(-1)])]);
            string variance = g.Op("ReduceMean", [g.Op("Pow", [centred, g.Number(2)]), g.Ints(-1)]);
            string normal = g.Op("Div", [centred, g.Op("Sqrt", [g.Op("Add", [variance, g.Number(1e-6f)])])]);
            return g.Op("Add", [g.Op("Mul", [normal, g.Random(8)]), g.Random(8)]);
        }

        string Linear(string v, int from, int to) => g.Op("Add", [g.Op("MatMul", [v, g.Random(from, to)]), g.Random(to)]);
        string patches = g.Conv("x", 3, 8, 4, stride: 4);
        string rows = g.Op("Concat", [g.Op("Shape", [patches], ("start", 0), ("end", 2)), g.Ints(-1)], ("axis", 0));
        string tokens = g.Op("Transpose", [g.Op("Reshape", [patches, rows])], ("perm", new[] { 0, 2, 1 }));
        string three = g.Op("Reshape", [Linear(LayerNormal(tokens), 8, 24), g.Ints(0, 0, 3, 2, 4)]);
        three = g.Op("Transpose", [three], ("perm", new[] { 2, 0, 3, 1, 4 }));
        g.Builder.Nodes("Split", ["query", "key", "value"], [three, g.Ints(1, 1, 1)], ("axis", 0));
        string query = g.Op("Squeeze", ["query", g.Ints(0)]), key = g.Op("Squeeze", ["key", g.Ints(0)]), value = g.Op("Squeeze", ["value", g.Ints(0)]);
        string scores = g.Op("Mul", [g.Op("MatMul", [query, g.Op("Transpose", [key], ("perm", new[] { 0, 1, 3, 2 }))]), g.Number(0.5f)]);
        string heads = g.Op("Transpose", [g.Op("MatMul", [g.Op("Softmax", [scores]), value])], ("perm", new[] { 0, 2, 1, 3 }));
        string attended = g.Op("Add", [tokens, Linear(g.Op("Reshape", [heads, g.Ints(0, 0, 8)]), 8, 8)]);
        string hidden = Linear(LayerNormal(attended), 8, 16);

        // The exact Gelu before it was an operator.
        string erf = g.Op("Add", [g.Op("Erf", [g.Op("Div", [hidden, g.Number(MathF.Sqrt(2))])]), g.Number(1)]);
        return g.Out("Add", [attended, Linear(g.Op("Mul", [g.Op("Mul", [hidden, erf]), g.Number(0.5f)]), 16, 8)]);
    }

    private static ModelBuilder GroupNormalization()
    {
        var g = new Writer(16, 4);
        string c = g.Conv("x", 4, 12, 3, pad: 1);
        string groups = g.Op("InstanceNormalization", [g.Op("Reshape", [c, g.Ints(0, 3, -1)]), g.Random(3), g.Random(3)]);
        string back = g.Op("Reshape", [groups, g.Op("Shape", [c])]);
        string normal = g.Op("Add", [g.Op("Mul", [back, g.Random(12, 1, 1)]), g.Random(12, 1, 1)]);
        return g.Out("Mul", [normal, g.Op("Sigmoid", [normal])]);
    }

    private static ModelBuilder ModulatedConvolution()
    {
        var g = new Writer(13, 4);
        string style = g.Op("Gemm", [g.Op("ReduceMean", ["x"], ("axes", new[] { 2, 3 }), ("keepdims", 0)), g.Random(4, 4), g.Random(4)]);
        string weights = g.Op("Mul", [g.Random(6, 4, 3, 3), g.Op("Reshape", [style, g.Ints(1, 4, 1, 1)])]);
        string energy = g.Op("ReduceSum", [g.Op("Mul", [weights, weights]), g.Ints(1, 2, 3)]);
        string normal = g.Op("Mul", [weights, g.Op("Reciprocal", [g.Op("Sqrt", [g.Op("Add", [energy, g.Number(1e-3f)])])])]);
        string bias = g.Op("ReduceMean", [normal], ("axes", new[] { 1, 2, 3 }), ("keepdims", 0));
        return g.Out("ConvTranspose", [g.Op("Conv", ["x", normal, bias], ("pads", new[] { 1, 1, 1, 1 })), g.Random(6, 6, 2, 2), bias], ("strides", new[] { 2, 2 }));
    }

    private static ModelBuilder ChannelShuffle()
    {
        var g = new Writer(13, 8);
        g.Builder.Nodes("Split", ["left", "right"], ["x", g.Ints(4, 4)], ("axis", 1));
        string joined = g.Op("Concat", ["right", g.Op("Relu", [g.Conv("left", 4, 4, 3, pad: 1, group: 4)])], ("axis", 1)), shape = g.Op("Shape", [joined]);
        string At(int axis) => g.Op("Unsqueeze", [g.Op("Gather", [shape, g.Int(axis)]), g.Ints(0)]);
        string apart = g.Op("Reshape", [joined, g.Op("Concat", [At(0), g.Ints(2, 4), At(2), At(3)], ("axis", 0))]);
        string mixed = g.Op("Transpose", [apart], ("perm", new[] { 0, 2, 1, 3, 4 }));
        return g.Out("Reshape", [mixed, g.Op("Concat", [At(0), g.Ints(-1), At(2), At(3)], ("axis", 0))]);
    }

    private static ModelBuilder ComputedScales()
    {
        var g = new Writer(9, 3);
        string c = g.Conv("x", 3, 4, 3, pad: 1), shape = g.Op("Shape", [c]);
        string Scale(int axis)
        {
            string size = g.Op("Cast", [g.Op("Gather", [shape, g.Int(axis)], ("axis", 0))], ("to", 1));
            return g.Op("Unsqueeze", [g.Op("Div", [g.Op("Floor", [g.Op("Mul", [size, g.Number(2)])]), size])], ("axes", new[] { 0 }));
        }

        string scales = g.Op("Concat", [g.Builder.Constant("front", [1f, 1f], 2), Scale(2), Scale(3)], ("axis", 0));
        return g.Out("Add", [g.Conv(g.Op("Upsample", [c, scales]), 4, 3, 3, pad: 1), g.Op("Upsample", ["x", scales], ("mode", "linear"))]);
    }

    private static ModelBuilder NewestForms()
    {
        var g = new Writer(22, 4);
        string v = g.Op("Dropout", [g.Op("Elu", [g.Conv("x", 4, 8, 3, pad: 1)], ("alpha", 0.7f)), g.Number(0.4f)]);
        v = g.Op("Gelu", [g.Op("HardSwish", [g.Op("ConvTranspose", [v, g.Random(8, 4, 4, 4), g.Random(4)], ("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 }))])]);
        v = g.Op("Softplus", [g.Op("Selu", [v])]);
        v = g.Op("Pad", [v, g.Ints(1, 2, 1, 2), g.Number(0.5f), g.Ints(2, 3)]);
        v = g.Op("Pad", [v, g.Ints(1, 1, 1, 1), string.Empty, g.Ints(-2, -1)], ("mode", "edge"));
        v = g.Op("AveragePool", [v], ("kernel_shape", new[] { 3, 3 }), ("strides", new[] { 2, 2 }), ("ceil_mode", 1), ("dilations", new[] { 1, 2 }));
        v = g.Op("MaxPool", [v], ("kernel_shape", new[] { 3, 3 }), ("auto_pad", "SAME_LOWER"), ("strides", new[] { 1, 2 }));
        v = g.Op("InstanceNormalization", [v, g.Random(4), g.Random(4)]);
        v = g.Op("Resize", [v, string.Empty, string.Empty, g.Ints(9, 7)], ("axes", new[] { 2, 3 }), ("mode", "cubic"), ("antialias", 1));
        g.Builder.Nodes("Split", ["a", "b", "c"], [v], ("axis", 2), ("num_outputs", 3));
        v = g.Op("ReduceSum", [g.Op("Max", ["a", g.Op("Min", ["b", "c"]), g.Number(-0.2f)]), g.Ints(-1)], ("keepdims", 0));
        return g.Out("HardSigmoid", [g.Op("ReduceMean", [v], ("noop_with_empty_axes", 1))]);
    }

    /// <summary>Names what it writes by itself.</summary>
    private sealed class Writer
    {
        private int _count;

        public Writer(int opset, int channels)
        {
            Builder = new ModelBuilder(opset);
            Builder.Input("x", -1, channels, -1, -1);
        }

        public ModelBuilder Builder { get; }

        private string Name => $"v{_count++}";

        public string Op(string op, string[] inputs, params AttributeList attributes) => Builder.Node(op, Name, inputs, attributes);

        public ModelBuilder Out(string op, string[] inputs, params AttributeList attributes)
        {
            Builder.Node(op, "y", inputs, attributes);
            return Builder.Output("y");
        }

        public string Ints(params long[] values) => Builder.Constant(Name, values);

        public string Int(long value) => Builder.Scalar(Name, value);

        public string Number(float value) => Builder.Constant(Name, [value]);

        public string Random(params int[] sizes) => Builder.Random(Name, sizes);

        public string Variance(int channels) => Builder.Constant(Name, [.. Enumerable.Range(1, channels).Select(c => 0.5f + (c % 4))], channels);

        public string Conv(string input, int channels, int filters, int kernel, int stride = 1, int pad = 0, int group = 1) => Op(
            "Conv",
            [input, Random(filters, channels / group, kernel, kernel), Random(filters)],
            ("strides", new[] { stride, stride }),
            ("pads", new[] { pad, pad, pad, pad }),
            ("group", group));
    }
}
