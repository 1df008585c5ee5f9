using DeconvService.Engine.Convolution.Algorithms;

namespace DeconvService.Engine.Convolution;

/// <summary>
/// One spatial axis of a convolution or transposed convolution, seen as the same thing: a grid of positions m, and for each
/// phase of the output some taps that read the input at <c>m * InputStep + shift</c>.
/// </summary>
/// <remarks>
/// <para>A convolution has one phase: <c>o = m</c>, and tap k reads input <c>m * stride + (k * dilation - pad)</c>.</para>
/// <para>
/// In a transposed convolution input i adds to output <c>o = i * stride + k * dilation - pad</c>. Write <c>o = m * stride + r</c>
/// with phase <c>r = 0 .. stride - 1</c>: only the taps meet it for which <c>r + pad - k * dilation</c> is a multiple of the stride,
/// and they read input <c>m + (r + pad - k * dilation) / stride</c>. So it is stride^n ordinary convolutions whose outputs interleave
/// (phase decomposition, "sub-pixel convolution", Shi et al. 2016): no zeros are stuffed in, every output is written once.
/// </para>
/// <code>
/// stride 2, kernel 4, pad 1:   phase 0 reads  m-1 with tap 3,  m   with tap 1
///                              phase 1 reads  m   with tap 2,  m+1 with tap 0
/// </code>
/// <para>
/// Phases may instead be counted from the first output before cropping: <c>o = m * stride + r - Crop</c>. Then the phases of a kernel
/// without dilation all read the same window, and the first <see cref="Crop"/> outputs of position 0 do not exist.
/// </para>
/// <code>
/// stride 2, kernel 4, pad 1, aligned (crop 1):   phase 0 reads  m-1 with tap 2,  m with tap 0
///                                                phase 1 reads  m-1 with tap 3,  m with tap 1
/// </code>
/// </remarks>
internal sealed class TapAxis
{
    // Each algorithm asks for the axes, and requests with their own weights are planned anew: remembered, planning takes a third less.
    private static readonly ChoiceTable<TapAxis[]> All = new();
    private static readonly ChoiceTable<TapAxis[]> AllAligned = new();
    private static readonly ChoiceTable<TapAxis[]> Useful = new();
    private static readonly ChoiceTable<TapAxis[]> UsefulAligned = new();

    private TapAxis(int input, int kernel, int output, int inputStep, int[] shifts, Tap[][] phases, int crop = 0)
    {
        (Input, Kernel, Output, InputStep, Shifts, Phases, Crop) = (input, kernel, output, inputStep, shifts, phases, crop);
        Grid = (int)(((long)crop + output + phases.Length - 1) / phases.Length);
    }

    /// <summary>Input size.</summary>
    public int Input { get; }

    /// <summary>Kernel size.</summary>
    public int Kernel { get; }

    /// <summary>Output size.</summary>
    public int Output { get; }

    /// <summary>Outputs of position 0 that do not exist; less than the number of phases.</summary>
    public int Crop { get; }

    /// <summary>Positions m: the output size, with what is cropped before it, over the number of phases, rounded up.</summary>
    public int Grid { get; }

    /// <summary>Input elements from one position to the next.</summary>
    public int InputStep { get; }

    /// <summary>All different shifts that taps read at, ascending.</summary>
    public int[] Shifts { get; }

    /// <summary>The taps of each phase; a phase may have none.</summary>
    public Tap[][] Phases { get; }

    /// <summary>Whether there are two phases that read the same inputs, as those of a kernel of 2 with a stride of 2 do.</summary>
    public bool HasTwins => Phases is [Tap[] first, Tap[] second] && first.Select(tap => tap.Shift).SequenceEqual(second.Select(tap => tap.Shift));

    /// <summary>An axis that a tensor of fewer dimensions does not have.</summary>
    public static TapAxis None { get; } = new(1, 1, 1, 1, [0], [[new Tap(0, 0)]]);

    /// <summary>Depth, height and width of a shape; those it does not have are <see cref="None"/>. The array is shared: nobody changes it.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="aligned">Whether the phases of a transposed convolution are to read the same window, which takes a <see cref="Crop"/>.</param>
    public static TapAxis[] Of(ConvShape shape, bool aligned = false) =>
        aligned ? AllAligned.Of(shape, default, static (layer, _) => Find(layer, true)) : All.Of(shape, default, static (layer, _) => Find(layer, false));

    /// <summary>
    /// As <see cref="Of(ConvShape, bool)"/>, without the taps that meet nothing but zeros of the padding: of 3 x 3 on a picture of one row, the
    /// first row and the last. Where none would be left one is, so that there always is something to multiply.
    /// </summary>
    public static TapAxis[] UsefulOf(ConvShape shape, bool aligned = false) =>
        aligned ? UsefulAligned.Of(shape, default, static (layer, _) => FindUseful(layer, true)) : Useful.Of(shape, default, static (layer, _) => FindUseful(layer, false));

    /// <summary>How much of a kernel the axes have kept.</summary>
    public static double ShareOfKernel(TapAxis[] axes) =>
        axes.Aggregate(1.0, (share, axis) => share * axis.Phases.Sum(taps => taps.Length) / axis.Kernel);

    /// <summary>Joins two axes into one where the inner one is not convolved at all, so that rows are as long as can be.</summary>
    public static TapAxis? Join(TapAxis outer, TapAxis inner)
    {
        bool untouched = inner.InputStep == 1 && inner.Shifts is [0] && inner.Input == inner.Output;
        if (!untouched || inner.Phases is not [[Tap only]])
            return null;

        if (outer.InputStep != 1 || outer.Phases is not [Tap[] taps] || (long)outer.Input * inner.Input > int.MaxValue / 2)
            return null;

        int[] shifts = Array.ConvertAll(outer.Shifts, shift => shift * inner.Input);
        Tap[] joined = Array.ConvertAll(taps, tap => tap with { Kernel = (tap.Kernel * inner.Kernel) + only.Kernel });
        return new TapAxis(outer.Input * inner.Input, outer.Kernel * inner.Kernel, outer.Output * inner.Output, 1, shifts, [joined]);
    }

    /// <summary>The positions of all axes as one, where each reads the input of its own place and nothing else; or null.</summary>
    public static TapAxis? JoinPositions(TapAxis[] axes)
    {
        long input = axes.Aggregate(1L, (product, axis) => product * axis.Input);
        bool own = axes.All(axis => axis is { InputStep: 1, Shifts: [0] } && axis.Grid == axis.Input);
        return own && input <= int.MaxValue / 2 ? new TapAxis((int)input, 1, (int)input, 1, [0], [[new Tap(0, 0)]]) : null;
    }

    private static TapAxis[] Find(ConvShape shape, bool aligned)
    {
        TapAxis[] axes = [None, None, None];
        for (int i = 0; i < shape.SpatialRank; i++)
            axes[3 - shape.SpatialRank + i] = Of(shape.Kind, shape.Axes[i], aligned);

        return axes;
    }

    private static TapAxis[] FindUseful(ConvShape shape, bool aligned)
    {
        TapAxis[] axes = Of(shape, aligned);
        return shape.PaddingMode == PaddingMode.Zeros ? Array.ConvertAll(axes, axis => axis.WithoutIdleTaps()) : axes;
    }

    private TapAxis WithoutIdleTaps()
    {
        Tap[][] kept = [.. Phases.Select((taps, phase) => Array.FindAll(taps, tap => MeetsInput(phase, Shifts[tap.Shift])))];
        int[] shifts = [.. kept.SelectMany(taps => taps).Select(tap => Shifts[tap.Shift]).Distinct().Order()];
        if (shifts.Length == 0)
        {
            int some = Array.FindIndex(Phases, taps => taps.Length > 0);
            (kept[some], shifts) = ([Phases[some][0]], [Shifts[Phases[some][0].Shift]]);
        }

        if (shifts.Length == Shifts.Length && kept.Sum(taps => taps.Length) == Phases.Sum(taps => taps.Length))
            return this;

        Tap[][] indexed = Array.ConvertAll(kept, taps => Array.ConvertAll(taps, tap => tap with { Shift = Array.BinarySearch(shifts, Shifts[tap.Shift]) }));
        return new TapAxis(Input, Kernel, Output, InputStep, shifts, indexed, Crop);
    }

    // Whether a shift reads an input for any of a phase's outputs: 0 <= m * phases + phase - crop < output and 0 <= m * step + shift < input.
    private bool MeetsInput(int phase, long shift)
    {
        long first = Math.Max(DivideUp(Crop - phase, Phases.Length), DivideUp(-shift, InputStep));
        return (first * Phases.Length) + phase - Crop < Output && (first * InputStep) + shift < Input;
    }

    // A quotient rounded up, at least 0.
    private static long DivideUp(long dividend, long divisor) => dividend <= 0 ? 0 : (dividend + divisor - 1) / divisor;

    private static TapAxis Of(ConvKind kind, ConvAxis axis, bool aligned)
    {
        if (kind == ConvKind.Convolution)
        {
            int[] shifts = new int[axis.Kernel];
            var taps = new Tap[axis.Kernel];
            for (int k = 0; k < axis.Kernel; k++)
                (shifts[k], taps[k]) = ((k * axis.Dilation) - axis.PadBegin, new Tap(k, k));

            return new TapAxis(axis.Input, axis.Kernel, axis.Output, axis.Stride, shifts, [taps]);
        }

        int crop = aligned ? axis.PadBegin % axis.Stride : 0;
        var found = new SortedSet<int>();
        var phases = new List<(int Kernel, int Shift)>[axis.Stride];
        for (int r = 0; r < axis.Stride; r++)
        {
            phases[r] = [];
            for (int k = 0; k < axis.Kernel; k++)
            {
                int distance = r - crop + axis.PadBegin - (k * axis.Dilation);
                if (distance % axis.Stride != 0)
                    continue;

                phases[r].Add((k, distance / axis.Stride));
                found.Add(distance / axis.Stride);
            }
        }

        int[] all = [.. found];
        Tap[][] indexed = Array.ConvertAll(phases, taps => taps.ConvertAll(t => new Tap(t.Kernel, Array.BinarySearch(all, t.Shift))).ToArray());
        return new TapAxis(axis.Input, axis.Kernel, axis.Output, 1, all, indexed, crop);
    }
}

/// <summary>A tap of a kernel.</summary>
/// <param name="Kernel">Its index in the kernel.</param>
/// <param name="Shift">Index of its shift in <see cref="TapAxis.Shifts"/>.</param>
internal readonly record struct Tap(int Kernel, int Shift);
