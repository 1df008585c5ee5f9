using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A column of the kernel, or a part of it: taps that read the same element of lines at equal distances.</summary>
/// <param name="Line">The first tap's line, counted from the output row's first one.</param>
/// <param name="Column">Elements from the output's place in a line to what the taps read.</param>
/// <param name="Count">Number of taps.</param>
internal readonly record struct DepthwiseRun(int Line, int Column, int Count);

/// <summary>The taps of one phase of the output, as <see cref="DepthwiseKernel{V}"/> goes through them.</summary>
/// <remarks>
/// The kernel computes <see cref="BlockRows"/> output rows at once, <see cref="RowStep"/> apart, and slides down a run with them: the line that
/// a row has read for one tap is what the row above reads for the next, so each line is loaded once for all rows. That needs rows and taps
/// at the same distance, <see cref="LineStep"/>: the least common multiple of the stride and the taps' own distance.
/// <code>
/// 3 taps, stride 1, dilation 1      rows 0 1 2 3      one run          lines 0 1 2 | 3 4 5
/// 3 taps, stride 2, dilation 1      rows 0 1 2 3      two runs         lines 0 2 4 | 6 8   and   1 3 5 | 7
/// 3 taps, stride 1, dilation 2      rows 0 2 4 6      one run          lines 0 2 4 | 6 8 10
/// </code>
/// </remarks>
internal sealed unsafe class DepthwiseTaps
{
    /// <summary>Output rows that are computed at once.</summary>
    public const int BlockRows = 4;

    // Pinned: read through a pointer in every block.
    private readonly DepthwiseRun[] _runs;

    private DepthwiseTaps(DepthwiseRun[] runs, int rowStep, int lineStep, int[] order, int firstWeight)
    {
        (RowStep, LineStep, Order, FirstWeight) = (rowStep, lineStep, order, firstWeight);
        Count = runs.Length;
        _runs = GC.AllocateArray<DepthwiseRun>(runs.Length, pinned: true);
        runs.CopyTo(_runs, 0);
    }

    /// <summary>The runs.</summary>
    public DepthwiseRun* Runs => (DepthwiseRun*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_runs));

    /// <summary>Number of runs; 0 in a phase that no tap meets.</summary>
    public int Count { get; }

    /// <summary>Grid rows from one row of a block to the next.</summary>
    public int RowStep { get; }

    /// <summary>Lines from one row of a block to the next, and from one tap of a run to the next.</summary>
    public int LineStep { get; }

    /// <summary>Indices into the channel's kernel in the order in which the runs meet them.</summary>
    public int[] Order { get; }

    /// <summary>Where the phase's weights begin among the channel's packed ones.</summary>
    public int FirstWeight { get; }

    /// <summary>Sorts the taps of a phase into runs.</summary>
    /// <param name="slices">Taps along the depth: index in the kernel, and first line of the slice.</param>
    /// <param name="y">The rows.</param>
    /// <param name="rows">Taps along the rows: index in the kernel, and line within a slice; ascending by line.</param>
    /// <param name="kernelColumns">Columns of the kernel.</param>
    /// <param name="columns">Taps along a line: index in the kernel, and elements from the output's place.</param>
    /// <param name="firstWeight">Packed weights of the phases before.</param>
    public static DepthwiseTaps Sort(
        (int Kernel, int Line)[] slices, TapAxis y, (int Kernel, int Line)[] rows, int kernelColumns, (int Kernel, int Column)[] columns, int firstWeight)
    {
        (int rowStep, int lineStep) = Steps(y, rows);
        List<List<(int Kernel, int Line)>> chains = Chains(rows, lineStep);
        var runs = new List<DepthwiseRun>();
        var order = new List<int>();
        foreach ((int kernelZ, int sliceLine) in slices)
            foreach (List<(int Kernel, int Line)> chain in chains)
                foreach ((int kernelX, int column) in columns)
                {
                    runs.Add(new DepthwiseRun(sliceLine + chain[0].Line, column, chain.Count));
                    order.AddRange(chain.Select(row => (((kernelZ * y.Kernel) + row.Kernel) * kernelColumns) + kernelX));
                }

        return new DepthwiseTaps([.. runs], rowStep, lineStep, [.. order], firstWeight);
    }

    /// <summary>The taps for one output row cut into <see cref="BlockRows"/> pieces that stand for rows: of every line there is one pointer a piece.</summary>
    public static DepthwiseTaps SortPieces((int Kernel, int Line)[] slices, (int Kernel, int Line)[] rows, int kernelRows, int kernelColumns, (int Kernel, int Column)[] columns, int firstWeight)
    {
        var taps = (from z in slices from x in columns from y in rows select (z, y, x)).ToArray();
        return new DepthwiseTaps(
            Array.ConvertAll(taps, tap => new DepthwiseRun((tap.z.Line + tap.y.Line) * BlockRows, tap.x.Column, 1)),
            rowStep: 1,
            lineStep: 1,
            Array.ConvertAll(taps, tap => (((tap.z.Kernel * kernelRows) + tap.y.Kernel) * kernelColumns) + tap.x.Kernel),
            firstWeight);
    }

    /// <summary>The taps of <see cref="DepthwiseSquare{V}"/>: a run a column of the kernel, weights row by row.</summary>
    /// <param name="rows">Taps along the rows: index in the kernel, and line; ascending by line.</param>
    /// <param name="columns">
    /// Taps along a line. With stride 2 those come first that the even and the odd elements of two vectors are for, so that they begin at an
    /// even element of the input (where rows are whole cache lines it is aligned), and last the one that is alone in a kernel of odd size.
    /// </param>
    /// <param name="first">The element of the input that column 0 reads first.</param>
    /// <param name="step">The stride.</param>
    public static DepthwiseTaps SortSquare((int Kernel, int Line)[] rows, (int Kernel, int Column)[] columns, int first, int step)
    {
        (int Kernel, int Column)[] sorted = [.. columns.OrderBy(tap => tap.Column)];
        if (step == 2 && first % 2 != 0 && sorted.Length % 2 != 0)
            sorted = [.. sorted[1..], sorted[0]];

        DepthwiseRun[] runs = Array.ConvertAll(sorted, tap => new DepthwiseRun(0, tap.Column, rows.Length));
        return new DepthwiseTaps(runs, rowStep: 1, lineStep: 1, [.. from row in rows from tap in sorted select (row.Kernel * sorted.Length) + tap.Kernel], firstWeight: 0);
    }

    private static (int RowStep, int LineStep) Steps(TapAxis y, (int Kernel, int Line)[] rows)
    {
        int distance = 0;
        for (int i = 1; i < rows.Length; i++)
            distance = Divisor(distance, rows[i].Line - rows[i - 1].Line);

        int rowStep = distance == 0 ? 1 : distance / Divisor(distance, y.InputStep);
        // In a plane that has not as many rows, single taps are the better way.
        return rowStep * (BlockRows - 1) < y.Grid ? (rowStep, rowStep * y.InputStep) : (1, y.InputStep);
    }

    private static List<List<(int Kernel, int Line)>> Chains((int Kernel, int Line)[] rows, int lineStep)
    {
        var chains = new List<List<(int Kernel, int Line)>>();
        foreach ((int Kernel, int Line) row in rows)
        {
            List<(int Kernel, int Line)>? chain = chains.Find(open => open[^1].Line + lineStep == row.Line);
            if (chain is null)
                chains.Add(chain = []);

            chain.Add(row);
        }

        return chains;
    }

    private static int Divisor(int a, int b) => b == 0 ? a : Divisor(b, a % b);
}
