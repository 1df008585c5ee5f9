namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// The columns of a depthwise layer. Position m of the grid reads input <c>m * Step + shift</c>; with <c>shift = q * Step + residue</c> that is
/// element <c>m + q</c> of the input's elements residue, residue + Step, ... Copied side by side by residue, the input of a strided
/// convolution is read like that of an ordinary one; unless the kernel itself picks out of the elements as they stand.
/// </summary>
internal sealed class DepthwiseAxis
{
    /// <summary>Sorts the taps by residue; or leaves the elements <paramref name="asTheyStand"/>.</summary>
    public DepthwiseAxis(TapAxis axis, bool asTheyStand)
    {
        Axis = axis;
        LineStep = asTheyStand ? axis.InputStep : 1;
        int step = CopyStep;
        int[] residues = Array.ConvertAll(axis.Shifts, shift => Modulo(shift, step));
        int[] quotients = [.. axis.Shifts.Select((shift, i) => (shift - residues[i]) / step)];
        Residues = [.. residues.Distinct().Order()];
        First = quotients.DefaultIfEmpty(0).Min();
        Span = quotients.DefaultIfEmpty(0).Max() - First;
        Phases = Array.ConvertAll(axis.Phases, taps => Array.ConvertAll(
            taps, tap => new DepthwiseTap(tap.Kernel, Array.IndexOf(Residues, residues[tap.Shift]), quotients[tap.Shift] - First)));
    }

    /// <summary>The axis as all algorithms see it.</summary>
    public TapAxis Axis { get; }

    /// <summary>Elements of a line from what a column reads to what the next one does.</summary>
    public int LineStep { get; }

    /// <summary>Elements of the input from one element of a line to the next.</summary>
    public int CopyStep => Axis.InputStep / LineStep;

    /// <summary>The residues that occur, ascending.</summary>
    public int[] Residues { get; }

    /// <summary>The smallest q.</summary>
    public int First { get; }

    /// <summary>The largest q less the smallest: elements that a line reads beyond its own number.</summary>
    public int Span { get; }

    /// <summary>The taps of each phase of the output.</summary>
    public DepthwiseTap[][] Phases { get; }

    private static int Modulo(int a, int b) => ((a % b) + b) % b;
}

/// <summary>A tap along a line.</summary>
/// <param name="Kernel">Index in the kernel.</param>
/// <param name="Residue">Index of its residue in <see cref="DepthwiseAxis.Residues"/>.</param>
/// <param name="Offset">Elements after the grid position.</param>
internal readonly record struct DepthwiseTap(int Kernel, int Residue, int Offset);
