using System.Numerics;
using DeconvService.Engine.Operators;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Onnx.Operators;

/// <summary>How Resize finds input places and weights, read from a node's attributes (specification of Resize, versions 10 to 19, and Upsample).</summary>
internal sealed record ResizeCoordinates
{
    private readonly string _transformation, _nearest;
    private readonly double _cubic;
    private readonly bool _excludeOutside, _antialias;

    public ResizeCoordinates(NodeContext context)
    {
        Mode = context.Attributes.Text("mode", "nearest");
        context.Require(Mode is "nearest" or "linear" or "cubic", $"the attribute 'mode' is '{Mode}'");

        // Upsample, and Resize before version 11, knew neither transformations nor rounding.
        bool old = context.Opset < 11 || context.Node.Operator is "Upsample";
        _transformation = old ? "asymmetric" : context.Attributes.Text("coordinate_transformation_mode", "half_pixel");
        _nearest = old ? (context.Node.Operator is "Upsample" ? "floor" : "simple") : context.Attributes.Text("nearest_mode", "round_prefer_floor");
        _cubic = context.Attributes.Float("cubic_coeff_a", -0.75f);
        _excludeOutside = context.Attributes.Flag("exclude_outside");
        _antialias = context.Attributes.Flag("antialias");
        context.Require(
            _transformation is "half_pixel" or "half_pixel_symmetric" or "pytorch_half_pixel" or "align_corners" or "asymmetric" or "tf_half_pixel_for_nn" or "tf_crop_and_resize",
            $"the attribute 'coordinate_transformation_mode' is '{_transformation}'");
        context.Require(
            _nearest is "round_prefer_floor" or "round_prefer_ceil" or "floor" or "ceil" or "simple",
            $"the attribute 'nearest_mode' is '{_nearest}'");
    }

    /// <summary>nearest, linear or cubic.</summary>
    public string Mode { get; }

    /// <summary>Whether a region of the input is resized, and what lies outside of the input is filled.</summary>
    public bool Crops => _transformation is "tf_crop_and_resize";

    /// <summary>One axis.</summary>
    /// <param name="input">Input size.</param>
    /// <param name="output">Output size.</param>
    /// <param name="scale">Output elements per input element.</param>
    /// <param name="start">Beginning of the region, as a part of the axis.</param>
    /// <param name="end">End of the region.</param>
    public ResizeAxis Axis(int input, int output, double scale, double start, double end)
    {
        var taps = new ResizeTaps[output];
        bool[] outside = new bool[output];
        // Positions far from the borders tell the footprint, which repeats along the axis: places against i * input / output, times output.
        long low = long.MaxValue, high = long.MinValue;
        bool clamps = false;
        for (int i = 0; i < output; i++)
        {
            double x = Original(i, input, output, scale, start, end);
            outside[i] = Crops && (x < 0 || x > input - 1);
            (long first, double[] weights) = Window(x, Math.Min(1, scale), scale < 1);
            taps[i] = Inside(first, weights, input);
            if (first < 0 || first + weights.Length > input)
            {
                clamps = true;
                continue;
            }

            long below = (first * output) - ((long)i * input);
            low = Math.Min(low, below);
            high = Math.Max(high, below + ((weights.Length - 1L) * output));
        }

        bool regular = !Crops && _transformation is not "align_corners" && Math.Abs((scale * input) - output) < 1e-4;
        return new ResizeAxis(taps, outside, regular && low <= high ? new AxisMap(new Rational(input, output), new Rational(low, output), new Rational(high, output), clamps) : null);
    }

    // Nearest rounds the position, so where two elements are equally far the last bit of it decides: ONNX Runtime and PyTorch compute
    // it in float32, and so must who wants the same element. The other modes are continuous.
    private double Original(int i, int input, int output, double scale, double start, double end) => Mode is "nearest"
        ? Original<float>(i, input, output, (float)scale, (float)start, (float)end)
        : Original<double>(i, input, output, scale, start, end);

    private T Original<T>(T i, T input, T output, T scale, T start, T end)
        where T : IBinaryFloatingPointIeee754<T>
    {
        T half = T.CreateChecked(0.5);
        return _transformation switch
        {
            "align_corners" => output == T.One ? T.Zero : i * (input - T.One) / (output - T.One),
            "asymmetric" => i / scale,
            "tf_half_pixel_for_nn" => (i + half) / scale,
            "pytorch_half_pixel" => output > T.One ? ((i + half) / scale) - half : T.Zero,
            "half_pixel_symmetric" => (input * half * (T.One - (output / (scale * input)))) + ((i + half) / scale) - half,
            "tf_crop_and_resize" => output > T.One
                ? (start * (input - T.One)) + (i * (end - start) * (input - T.One) / (output - T.One))
                : half * (start + end) * (input - T.One),
            _ => ((i + half) / scale) - half,
        };
    }

    // The elements around x and their weights, borders not looked at.
    private (long First, double[] Weights) Window(double x, double stretch, bool shrinks)
    {
        if (Mode is "nearest")
            return (Nearest(x, shrinks), [1]);

        bool cubic = Mode is "cubic";
        int reach = cubic ? 2 : 1;
        long floor = (long)Math.Floor(x);
        double ratio = x - floor, factor = _antialias ? stretch : 1;
        int first = (int)Math.Floor(-reach / factor) + 1, last = 1 - first;
        double[] weights = new double[last - first + 1];
        double sum = 0;
        for (int t = 0; t < weights.Length; t++)
        {
            double distance = Math.Abs((first + t - ratio) * factor);
            weights[t] = cubic ? Cubic(distance) : Math.Max(0, 1 - distance);
            sum += weights[t];
        }

        for (int t = 0; t < weights.Length; t++)
            weights[t] /= sum;

        return (floor + first, weights);
    }

    private long Nearest(double x, bool shrinks) => (long)(_nearest switch
    {
        "floor" => Math.Floor(x),
        "ceil" => Math.Ceiling(x),
        "round_prefer_ceil" => Math.Floor(x + 0.5),
        "round_prefer_floor" => Math.Ceiling(x - 0.5),
        _ => shrinks ? Math.Ceiling(x) : Math.Floor(x),
    });

    // Keys, "Cubic convolution interpolation for digital image processing", 1981.
    private double Cubic(double d) => d switch
    {
        <= 1 => ((((_cubic + 2) * d) - (_cubic + 3)) * d * d) + 1,
        < 2 => (((((_cubic * d) - (5 * _cubic)) * d) + (8 * _cubic)) * d) - (4 * _cubic),
        _ => 0,
    };

    // What lies outside either counts as the border element, or does not count.
    private ResizeTaps Inside(long first, double[] weights, int size)
    {
        int begin = (int)Math.Clamp(first, 0, size - 1), end = (int)Math.Clamp(first + weights.Length - 1, 0, size - 1);
        double[] inside = new double[end - begin + 1];
        double sum = 0;
        for (int t = 0; t < weights.Length; t++)
        {
            long at = first + t;
            if (_excludeOutside && Mode is "cubic" && (at < 0 || at >= size))
                continue;

            inside[(int)Math.Clamp(at, 0, size - 1) - begin] += weights[t];
            sum += weights[t];
        }

        return new ResizeTaps(begin, [.. inside.Select(weight => (float)(_excludeOutside && Mode is "cubic" ? weight / sum : weight))]);
    }
}

/// <summary>One axis of a Resize.</summary>
/// <param name="Taps">What each output index is made of.</param>
/// <param name="Outside">Whether an output index looks outside of the input and is filled.</param>
/// <param name="Map">What an output index depends on; null where that differs along the axis.</param>
internal sealed record ResizeAxis(ResizeTaps[] Taps, bool[] Outside, AxisMap? Map);
