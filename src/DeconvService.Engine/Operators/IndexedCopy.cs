using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>
/// Moves elements whose place is looked up axis by axis: <c>output[i1, i2, ...] = input[table1[i1], table2[i2], ...]</c>, or a fill value where
/// a table says -1. Padding of every mode, nearest-neighbour resizing and gathering are of this form. Immutable.
/// </summary>
public sealed class IndexedCopy
{
    private readonly int[][] _tables;
    private readonly long[] _inputStrides;
    private readonly int _runBegin, _runLength, _runSource;

    /// <summary>Plans a copy.</summary>
    /// <param name="inputSizes">Sizes of the input.</param>
    /// <param name="tables">For each axis, the input index of each output index, or -1 for the fill value.</param>
    /// <exception cref="ArgumentException">An index is outside of its axis, or there is not one table an axis.</exception>
    public IndexedCopy(ReadOnlySpan<int> inputSizes, IReadOnlyList<int[]> tables)
    {
        ArgumentNullException.ThrowIfNull(tables);
        if (tables.Count != inputSizes.Length)
            throw new ArgumentException($"{tables.Count} tables for {inputSizes.Length} axes");

        for (int axis = 0; axis < tables.Count; axis++)
        {
            foreach (int index in tables[axis])
            {
                if (index < -1 || index >= inputSizes[axis])
                    throw new ArgumentException($"index {index} is outside of axis {axis} with size {inputSizes[axis]}");
            }
        }

        // A tensor without axes is one element.
        _tables = tables.Count == 0 ? [[0]] : [.. tables];
        _inputStrides = tables.Count == 0 ? [1] : StridedCopy.StridesOf(inputSizes);

        // The longest stretch of neighbours on the last axis is copied in one go.
        int[] last = _tables[^1];
        for (int begin = 0; begin < last.Length;)
        {
            int end = begin + 1;
            while (end < last.Length && last[begin] >= 0 && last[end] == last[end - 1] + 1)
                end++;

            if (end - begin > _runLength && last[begin] >= 0)
                (_runBegin, _runLength, _runSource) = (begin, end - begin, last[begin]);

            begin = end;
        }
    }

    /// <summary>The table of an axis that is copied as it is.</summary>
    public static int[] Identity(int size) => [.. Enumerable.Range(0, size)];

    /// <summary>Copies.</summary>
    /// <param name="input">All elements of the input, row-major.</param>
    /// <param name="output">Receives one element for each combination of table entries, row-major; must not overlap the input.</param>
    /// <param name="fill">What stands where a table says -1.</param>
    /// <param name="threads">What copies.</param>
    /// <param name="cancellationToken">Looked at between pieces.</param>
    /// <exception cref="ArgumentException">The length of the output is not the product of the tables' lengths.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public unsafe void Run<T>(ReadOnlySpan<T> input, Span<T> output, T fill, EngineThreads threads, CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(threads);
        long count = _tables.Aggregate(1L, (product, table) => product * table.Length);
        if (output.Length != count)
            throw new ArgumentException($"{count} elements were planned, the output has {output.Length}");

        if (count == 0)
            return;

        int inner = _tables[^1].Length, rows = output.Length / inner, rowsPerItem = Math.Max(1, Elementwise.ChunkLength / inner);
        fixed (T* from = input, to = output)
            threads.Run((rows + rowsPerItem - 1) / rowsPerItem, new Items<T>(this, from, to, fill, rows, rowsPerItem), cancellationToken);
    }

    private readonly unsafe struct Items<T>(IndexedCopy plan, T* input, T* output, T fill, int rows, int rowsPerItem) : IWorkItems
        where T : unmanaged
    {
        public void Execute(int item, int worker)
        {
            int[] last = plan._tables[^1];
            int end = Math.Min(rows, (item + 1) * rowsPerItem);
            for (int row = item * rowsPerItem; row < end; row++)
            {
                var to = new Span<T>(output + ((long)row * last.Length), last.Length);
                if (SourceOf(row) is var source and >= 0)
                    Row(input + source, to, last);
                else
                    to.Fill(fill);
            }
        }

        private long SourceOf(int row)
        {
            long source = 0;
            for (int axis = plan._tables.Length - 2; axis >= 0; axis--)
            {
                (row, int index) = Math.DivRem(row, plan._tables[axis].Length);
                if (plan._tables[axis][index] < 0)
                    return -1;

                source += plan._tables[axis][index] * plan._inputStrides[axis];
            }

            return source;
        }

        private void Row(T* from, Span<T> to, int[] table)
        {
            int runEnd = plan._runBegin + plan._runLength;
            for (int i = 0; i < plan._runBegin; i++)
                to[i] = table[i] < 0 ? fill : from[table[i]];

            new ReadOnlySpan<T>(from + plan._runSource, plan._runLength).CopyTo(to[plan._runBegin..]);
            for (int i = runEnd; i < to.Length; i++)
                to[i] = table[i] < 0 ? fill : from[table[i]];
        }
    }
}
