using DeconvService.Engine.Convolution;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Graphs;

namespace DeconvService.Onnx.Geometry;

/// <summary>
/// Receptive-field analysis: follows, for height and width, which input pixels each value of the graph depends on, and checks the
/// outcome against the sizes that the graph gives for several pictures.
/// </summary>
internal sealed class GeometryAnalysis
{
    private const int LargestMultiple = 1024;

    // Null stands for a value that depends on the whole input and has no place in it, such as the mean of a plane.
    private readonly Dictionary<Operand, PlaneMap?> _maps = new(ReferenceEqualityComparer.Instance);
    private readonly NetworkPlan _plan;
    private long _multipleHeight = 1, _multipleWidth = 1;

    private GeometryAnalysis(NetworkPlan plan)
    {
        _plan = plan;
        _maps.Add(plan.Inputs[0], PlaneMap.Identity);
        foreach (Step step in plan.Steps)
            Visit(step);
    }

    /// <summary>The geometry of a network from one picture to one picture; null for any other.</summary>
    public static NetworkGeometry? Analyse(Graph graph, ShapeProbe probe)
    {
        if (graph.Inputs.Count != 1 || graph.Outputs.Count != 1)
            return null;

        TensorInfo input = graph.Inputs[0].Info!;
        if (!input.Type.IsFloating() || input.DecidesShapes || input.Dimensions is not { Count: 4 })
            return null;

        if (probe.First() is not { } plan || plan.Outputs[0].Shape.Rank != 4 || !plan.Outputs[0].Type.IsFloating())
            return null;

        try
        {
            return new GeometryAnalysis(plan).Conclude(probe);
        }
        catch (OverflowException)
        {
            // Strides or kernels beyond any picture.
            return null;
        }
    }

    private void Visit(Step step)
    {
        PlaneMap? joined = null;
        bool depends = false, whole = false, alike = true;
        foreach (Operand? input in step.Inputs)
        {
            if (input is null || !_maps.TryGetValue(input, out PlaneMap? map))
                continue;

            depends = true;
            if (map is not { } known)
            {
                whole = true;
                continue;
            }

            PlaneMap? union = joined is { } other ? PlaneMap.Union(other, known) : known;
            alike &= union is not null;
            joined = union ?? joined;
        }

        if (!depends)
            return;

        PlaneMap? result = alike && joined is { } inner && step.Map is { } own ? own.After(inner with { Whole = inner.Whole || whole }) : null;
        if (result is { } found)
        {
            _multipleHeight = LeastCommonMultiple(_multipleHeight, found.Height.Step.Numerator);
            _multipleWidth = LeastCommonMultiple(_multipleWidth, found.Width.Step.Numerator);
            if (_multipleHeight > LargestMultiple || _multipleWidth > LargestMultiple)
                result = null;
        }

        foreach (Operand output in step.Outputs)
            _maps[output] = result;
    }

    private NetworkGeometry? Conclude(ShapeProbe probe)
    {
        Operand input = _plan.Inputs[0], output = _plan.Outputs[0];
        if (_maps.GetValueOrDefault(output) is not { } map)
            return WholeInput(input, output);

        if (map.Height.Step != map.Width.Step)
            return null;

        Rational step = map.Height.Step;
        long multiple = LeastCommonMultiple(_multipleHeight, _multipleWidth);
        if (!TryBorder(input.FromEnd(2), output.FromEnd(2), step, out int border)
            || !TryBorder(input.FromEnd(1), output.FromEnd(1), step, out int borderWidth)
            || border != borderWidth)
        {
            return null;
        }

        if (!SizesAgree(probe, step, border, (int)multiple))
            return null;

        // Without padding every value is made of real pixels: no tile needs more than the network consumes.
        bool pads = map.Height.Pads || map.Width.Pads;
        long reach = pads ? Math.Max(Reach(map.Height, border), Reach(map.Width, border)) : border;
        long beyond = Math.Max(0, reach - border);
        return new NetworkGeometry
        {
            ScaleNumerator = checked((int)step.Denominator),
            ScaleDenominator = checked((int)step.Numerator),
            Border = border,
            Halo = checked((int)(border + ((beyond + multiple - 1) / multiple * multiple))),
            Multiple = (int)multiple,
            PadsItself = pads,
            NeedsWholeInput = map.Whole,
            MultiplyAddsPerPixel = _plan.Steps.Sum(MultiplyAddsPerPixel),
        };
    }

    // A network whose output cannot be followed back to places of its input still has a scale.
    private NetworkGeometry? WholeInput(Operand input, Operand output)
    {
        var scale = new Rational(output.FromEnd(2), input.FromEnd(2));
        if (scale.Numerator == 0 || scale != new Rational(output.FromEnd(1), input.FromEnd(1)))
            return null;

        return new NetworkGeometry
        {
            ScaleNumerator = checked((int)scale.Numerator),
            ScaleDenominator = checked((int)scale.Denominator),
            Border = 0,
            Halo = 0,
            Multiple = (int)LeastCommonMultiple(_multipleHeight, _multipleWidth),
            PadsItself = true,
            NeedsWholeInput = true,
            MultiplyAddsPerPixel = (double)_plan.Steps.Sum(step => step.MultiplyAdds) / ((long)input.FromEnd(1) * input.FromEnd(2)),
        };
    }

    // The size that is missing from the output, half on each side.
    private static bool TryBorder(int input, int output, Rational step, out int border)
    {
        Rational missing = input - (output * step);
        border = (int)(missing.Numerator / 2);
        return missing.Denominator == 1 && missing.Numerator >= 0 && missing.Numerator % 2 == 0;
    }

    // How far the first and the last output pixel of a tile look beyond the tile's own input pixels. In the padded picture tile pixel x
    // stands at x + border; output pixels begin at x / step and end one step earlier than the tile. Pixels are whole, so a part of one
    // is none.
    private static long Reach(AxisMap map, int border) =>
        Math.Max((border - map.Low).Floor(), (map.High - map.Step - border + 1).Floor());

    // The rule is only worth its name if the graph's own shapes follow it.
    private static bool SizesAgree(ShapeProbe probe, Rational step, int border, int multiple)
    {
        int first = (int)(((2L * border) + 64 + multiple - 1) / multiple * multiple);
        for (int i = 0; i < 3; i++)
        {
            int size = first + (i * multiple);
            if (probe.Plan(size + (2 * border)) is not { } plan)
                return false;

            Operand input = plan.Inputs[0], output = plan.Outputs[0];
            if (output.FromEnd(1) * step != input.FromEnd(1) - (2 * border) || output.FromEnd(2) * step != input.FromEnd(2) - (2 * border))
                return false;
        }

        return true;
    }

    // What a layer costs for each input pixel, far from the borders: its cost for each of its own pixels, times how many of those there
    // are. A transposed convolution is counted on the pixels of its input.
    private double MultiplyAddsPerPixel(Step step)
    {
        if (step.MultiplyAdds == 0)
            return 0;

        bool transposed = step.Convolution?.Shape.Kind == ConvKind.Transposed;
        Operand counted = transposed ? step.Inputs[0]! : step.Outputs[0];
        if (_maps.GetValueOrDefault(counted) is not { } map || counted.Shape.Rank != 4)
            return 0;

        double perPixel = (double)step.MultiplyAdds / ((long)counted.FromEnd(1) * counted.FromEnd(2));
        return perPixel * (map.Height.Step.Denominator * map.Width.Step.Denominator) / (map.Height.Step.Numerator * map.Width.Step.Numerator);
    }

    private static long LeastCommonMultiple(long x, long y) =>
        checked(x / (long)System.Numerics.BigInteger.GreatestCommonDivisor(x, y) * y);
}
