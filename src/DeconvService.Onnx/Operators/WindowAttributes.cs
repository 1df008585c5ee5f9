using DeconvService.Engine.Convolution;
using DeconvService.Onnx.Execution;

namespace DeconvService.Onnx.Operators;

/// <summary>Reads the attributes that convolutions and pools share.</summary>
internal static class WindowAttributes
{
    /// <summary>An attribute with one number an axis; 1 on all axes where it is left out.</summary>
    public static PerAxis PerAxis(NodeContext context, string name, int n)
    {
        int[]? values = context.Attributes.Int32s(name);
        if (values is null)
            return 1;

        context.Require(values.Length == n, $"the attribute '{name}' has {values.Length} numbers, expected {n}");
        context.Require(Array.TrueForAll(values, value => value >= 1), $"the attribute '{name}' is [{string.Join(", ", values)}], expected numbers of at least 1");
        return values;
    }

    /// <summary>The padding that <c>auto_pad</c> and <c>pads</c> ask for.</summary>
    public static ConvPadding Padding(NodeContext context, int n) => AutoPad(context) switch
    {
        "NOTSET" => Explicit(context, n),
        "VALID" => ConvPadding.Valid,
        "SAME_UPPER" => ConvPadding.SameUpper,
        _ => ConvPadding.SameLower,
    };

    /// <summary>The attribute <c>auto_pad</c>.</summary>
    public static string AutoPad(NodeContext context)
    {
        string rule = context.Attributes.Text("auto_pad", "NOTSET");
        context.Require(rule is "NOTSET" or "" or "VALID" or "SAME_UPPER" or "SAME_LOWER", $"the attribute 'auto_pad' is '{rule}'");
        return rule.Length == 0 ? "NOTSET" : rule;
    }

    /// <summary>The attribute <c>pads</c>: all beginnings, then all ends.</summary>
    public static ConvPadding Explicit(NodeContext context, int n)
    {
        int[]? pads = context.Attributes.Int32s("pads");
        if (pads is null)
            return 0;

        context.Require(pads.Length == 2 * n, $"the attribute 'pads' has {pads.Length} numbers, expected {2 * n}");
        context.Require(Array.TrueForAll(pads, pad => pad >= 0), $"the attribute 'pads' is [{string.Join(", ", pads)}], expected numbers of at least 0");
        return ConvPadding.Pairs(pads[..n], pads[n..]);
    }
}
