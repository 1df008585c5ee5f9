namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// The columns of a depthwise layer. Position m of the grid reads input <c>m * Step + shift</c>; with <c>shift = q * Step + residue</c> that is
/// element <c>m + q</c> of the input's elements residue, residue + Step, ... Copied side by side by residue, the input of a strided
/// convolution is read like that of an ordinary one.
/// </summary>
internal sealed class DepthwiseAxis
{
    /// <summary>Sorts the taps by residue.</summary>
    public DepthwiseAxis(TapAxis axis)
    {
        Axis = axis;
        int step = axis.InputStep;
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
