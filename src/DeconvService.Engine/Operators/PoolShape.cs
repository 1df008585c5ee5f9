namespace DeconvService.Engine.Operators;

/// <summary>One axis of a pooling window. Output <c>o</c> looks at inputs <c>o * Stride - PadBegin + t * Dilation</c> for <c>t &lt; Kernel</c>.</summary>
/// <param name="Input">Input size.</param>
/// <param name="Output">Output size.</param>
/// <param name="Kernel">Taps.</param>
/// <param name="Stride">Distance between windows.</param>
/// <param name="Dilation">Distance between taps.</param>
/// <param name="PadBegin">Elements that are thought before the first.</param>
/// <param name="PadEnd">Elements that are thought after the last.</param>
public readonly record struct PoolAxis(int Input, int Output, int Kernel, int Stride, int Dilation, int PadBegin, int PadEnd)
{
    /// <summary>An axis of size 1 that nothing happens to.</summary>
    public static PoolAxis One { get; } = new(1, 1, 1, 1, 1, 0, 0);

    /// <summary>The input index of a tap, which may be outside of the input.</summary>
    public int Source(int output, int tap) => (output * Stride) - PadBegin + (tap * Dilation);

    /// <summary>How many taps of a window lie inside the input, or inside the padded input.</summary>
    internal int Taps(int output, bool padded)
    {
        (int low, int high) = padded ? (-PadBegin, Input + PadEnd) : (0, Input);
        int start = Source(output, 0);
        int first = start >= low ? 0 : (low - start + Dilation - 1) / Dilation;
        int last = start >= high ? -1 : Math.Min(Kernel - 1, (high - 1 - start) / Dilation);
        return Math.Max(0, last - first + 1);
    }

    /// <summary>The outputs whose tap lies inside the input: first, and one after the last.</summary>
    internal (int Begin, int End) Reached(int tap)
    {
        int shift = PadBegin - (tap * Dilation);
        int begin = shift <= 0 ? 0 : (shift + Stride - 1) / Stride;
        int last = Input - 1 + shift;
        int end = last < 0 ? 0 : (last / Stride) + 1;
        return (Math.Min(begin, Output), Math.Clamp(end, Math.Min(begin, Output), Output));
    }
}

/// <summary>A pooling layer over planes of one, two or three axes. Immutable.</summary>
public sealed record PoolShape
{
    /// <summary>Makes the shape of its spatial axes, outermost first.</summary>
    /// <param name="planes">Batch times channels.</param>
    /// <param name="axes">One to three axes.</param>
    /// <exception cref="ArgumentException">There are no axes or more than three, or a size, stride or kernel is less than 1.</exception>
    public PoolShape(int planes, params ReadOnlySpan<PoolAxis> axes)
    {
        if (axes.Length is 0 or > 3)
            throw new ArgumentException($"a pool has 1 to 3 spatial axes, not {axes.Length}");

        foreach (PoolAxis axis in axes)
        {
            if (axis.Input < 1 || axis.Output < 1 || axis.Kernel < 1 || axis.Stride < 1 || axis.Dilation < 1)
                throw new ArgumentException($"a pool cannot have an axis {axis}");
        }

        Planes = planes;
        Width = axes[^1];
        Height = axes.Length > 1 ? axes[^2] : PoolAxis.One;
        Depth = axes.Length > 2 ? axes[^3] : PoolAxis.One;
    }

    /// <summary>Batch times channels.</summary>
    public int Planes { get; }

    /// <summary>The outermost axis.</summary>
    public PoolAxis Depth { get; }

    /// <summary>The middle axis.</summary>
    public PoolAxis Height { get; }

    /// <summary>The innermost axis.</summary>
    public PoolAxis Width { get; }

    internal int InputPlane => checked(Depth.Input * Height.Input * Width.Input);

    internal int OutputPlane => checked(Depth.Output * Height.Output * Width.Output);

    internal void Check(int input, int output)
    {
        if (input != (long)Planes * InputPlane || output != (long)Planes * OutputPlane)
            throw new ArgumentException($"{input} elements in and {output} out do not fit a pool of {Planes} planes from {InputPlane} to {OutputPlane} elements");
    }
}
