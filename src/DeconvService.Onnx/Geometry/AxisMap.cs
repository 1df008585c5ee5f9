namespace DeconvService.Onnx.Geometry;

/// <summary>
/// What one axis of a value depends on along the same axis of another: element <c>o</c> depends on elements
/// <c>o * Step + Low</c> to <c>o * Step + High</c>, not counting those outside, whose place padding takes.
/// </summary>
/// <param name="Step">Elements of the other axis per element of this one: the stride, or 1/stride where the value grows.</param>
/// <param name="Low">Offset of the first element that is looked at.</param>
/// <param name="High">Offset of the last element that is looked at.</param>
/// <param name="Pads">Whether padding takes part at the ends.</param>
internal readonly record struct AxisMap(Rational Step, Rational Low, Rational High, bool Pads = false)
{
    /// <summary>Element by element.</summary>
    public static AxisMap Identity { get; } = new(1, 0, 0);

    /// <summary>A window of <paramref name="effectiveKernel"/> elements that moves by <paramref name="stride"/>: convolution, pooling.</summary>
    public static AxisMap Window(int stride, int effectiveKernel, int padBegin, int padEnd) =>
        new(stride, -padBegin, effectiveKernel - 1 - padBegin, padBegin > 0 || padEnd > 0);

    /// <summary>
    /// Transposed convolution: output <c>o</c> is reached by input <c>i</c> where <c>i * stride + t - crop = o</c> for a tap <c>t</c> of the
    /// effective kernel. What lies before and after the input contributes nothing, which is zero padding unless all of it is cropped.
    /// </summary>
    public static AxisMap Transposed(int stride, int effectiveKernel, int cropBegin, int cropEnd) => new(
        new Rational(1, stride),
        new Rational(cropBegin - (effectiveKernel - 1), stride),
        new Rational(cropBegin, stride),
        cropBegin < effectiveKernel - stride || cropEnd < effectiveKernel - stride);

    /// <summary>Elements shifted: output <c>o</c> is input <c>o + offset</c>; padding at the beginning is a negative offset.</summary>
    public static AxisMap Shift(int offset, bool pads) => new(1, offset, offset, pads);

    /// <summary>The dependence on what <paramref name="inner"/> depends on.</summary>
    public AxisMap After(AxisMap inner) =>
        new(inner.Step * Step, inner.Low + (inner.Step * Low), inner.High + (inner.Step * High), Pads || inner.Pads);

    /// <summary>The dependence of a value that is made of two values of the same resolution, or null where their resolutions differ.</summary>
    public static AxisMap? Union(AxisMap x, AxisMap y) => x.Step == y.Step
        ? new AxisMap(x.Step, Rational.Min(x.Low, y.Low), Rational.Max(x.High, y.High), x.Pads || y.Pads)
        : null;
}

/// <summary>What the last two axes (height, width) of a value [N, C, H, W] depend on.</summary>
/// <param name="Height">The height.</param>
/// <param name="Width">The width.</param>
/// <param name="Whole">Whether the value depends on the whole plane besides, as after a gate that pools over it.</param>
internal readonly record struct PlaneMap(AxisMap Height, AxisMap Width, bool Whole = false)
{
    /// <summary>Element by element.</summary>
    public static PlaneMap Identity { get; } = new(AxisMap.Identity, AxisMap.Identity);

    /// <summary>Element by element, and on the plane as a whole.</summary>
    public static PlaneMap Normalised { get; } = new(AxisMap.Identity, AxisMap.Identity, Whole: true);

    /// <summary>The dependence on what <paramref name="inner"/> depends on.</summary>
    public PlaneMap After(PlaneMap inner) => new(Height.After(inner.Height), Width.After(inner.Width), Whole || inner.Whole);

    /// <summary>The dependence of a value that is made of two values of the same resolution, or null where their resolutions differ.</summary>
    public static PlaneMap? Union(PlaneMap x, PlaneMap y) =>
        AxisMap.Union(x.Height, y.Height) is { } height && AxisMap.Union(x.Width, y.Width) is { } width
            ? new PlaneMap(height, width, x.Whole || y.Whole)
            : null;
}
