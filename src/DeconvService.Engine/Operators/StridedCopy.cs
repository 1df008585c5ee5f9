using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Operators;

/// <summary>
/// Moves elements from one regular arrangement to another: <c>output[o + sum(i * outputStride)] = input[p + sum(i * inputStride)]</c>
/// for all index tuples i. Transposition, slices, concatenation, repetition, depth-to-space are all of this form. Immutable.
/// </summary>
public sealed class StridedCopy
{
    private readonly List<(int Size, long Input, long Output)> _axes = [];
    private readonly long _inputOffset, _outputOffset, _count;
    private readonly long _inputFirst, _inputLast, _outputFirst, _outputLast;

    /// <summary>Plans a copy.</summary>
    /// <param name="sizes">Number of indices on each axis.</param>
    /// <param name="inputStrides">Elements between neighbours in the input; 0 repeats, negative reverses.</param>
    /// <param name="outputStrides">Elements between neighbours in the output; different from 0.</param>
    /// <param name="inputOffset">Where index 0 lies in the input.</param>
    /// <param name="outputOffset">Where index 0 lies in the output.</param>
    public StridedCopy(ReadOnlySpan<int> sizes, ReadOnlySpan<long> inputStrides, ReadOnlySpan<long> outputStrides, long inputOffset = 0, long outputOffset = 0)
    {
        (_inputOffset, _outputOffset) = (inputOffset, outputOffset);
        _count = TensorShape.CountOf(sizes);
        (_inputFirst, _inputLast) = RangeOf(sizes, inputStrides, inputOffset);
        (_outputFirst, _outputLast) = RangeOf(sizes, outputStrides, outputOffset);
        for (int i = 0; i < sizes.Length; i++)
        {
            if (sizes[i] == 1)
                continue;

            (int Size, long Input, long Output) next = (sizes[i], inputStrides[i], outputStrides[i]);
            if (_axes.Count > 0 && _axes[^1].Input == next.Input * next.Size && _axes[^1].Output == next.Output * next.Size)
                _axes[^1] = (checked(_axes[^1].Size * next.Size), next.Input, next.Output);
            else
                _axes.Add(next);
        }

        if (_axes.Count == 0)
            _axes.Add((1, 1, 1));

        // The inner loop goes where both sides lie closest together.
        int inner = _axes.Count - 1;
        for (int i = 0; i < _axes.Count; i++)
        {
            if (Math.Abs(_axes[i].Input) + Math.Abs(_axes[i].Output) < Math.Abs(_axes[inner].Input) + Math.Abs(_axes[inner].Output))
                inner = i;
        }

        (int Size, long Input, long Output) axis = _axes[inner];
        _axes.RemoveAt(inner);
        _axes.Add(axis);
    }

    /// <summary>The strides of a row-major tensor.</summary>
    public static long[] StridesOf(ReadOnlySpan<int> sizes)
    {
        long[] strides = new long[sizes.Length];
        long stride = 1;
        for (int i = sizes.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride = checked(stride * Math.Max(1, sizes[i]));
        }

        return strides;
    }

    /// <summary>Copies; elements of the output that no index reaches are left alone.</summary>
    /// <param name="input">All elements that the indices reach.</param>
    /// <param name="output">All elements that the indices reach; must not overlap the input.</param>
    /// <param name="threads">What copies.</param>
    /// <param name="cancellationToken">Looked at between pieces.</param>
    /// <exception cref="ArgumentException">An index lies outside of a span.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the output is undefined.</exception>
    public unsafe void Run<T>(ReadOnlySpan<T> input, Span<T> output, EngineThreads threads, CancellationToken cancellationToken = default)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(threads);
        if (_count == 0)
            return;

        if (_inputFirst < 0 || _inputLast >= input.Length || _outputFirst < 0 || _outputLast >= output.Length)
            throw new ArgumentException($"elements {_inputFirst} to {_inputLast} of {input.Length} cannot go to {_outputFirst} to {_outputLast} of {output.Length}");

        int rows = (int)(_count / _axes[^1].Size), rowsPerItem = Math.Max(1, Elementwise.ChunkLength / _axes[^1].Size);
        fixed (T* from = input, to = output)
            threads.Run((rows + rowsPerItem - 1) / rowsPerItem, new Items<T>(this, from + _inputOffset, to + _outputOffset, rows, rowsPerItem), cancellationToken);
    }

    private static (long First, long Last) RangeOf(ReadOnlySpan<int> sizes, ReadOnlySpan<long> strides, long offset)
    {
        (long first, long last) = (offset, offset);
        for (int i = 0; i < sizes.Length; i++)
        {
            long reach = checked((sizes[i] - 1) * strides[i]);
            (first, last) = reach < 0 ? (checked(first + reach), last) : (first, checked(last + reach));
        }

        return (first, last);
    }

    private readonly unsafe struct Items<T>(StridedCopy plan, T* input, T* output, int rows, int rowsPerItem) : IWorkItems
        where T : unmanaged
    {
        public void Execute(int item, int worker)
        {
            (int size, long inputStride, long outputStride) = plan._axes[^1];
            int end = Math.Min(rows, (item + 1) * rowsPerItem);
            for (int row = item * rowsPerItem; row < end; row++)
            {
                T* from = input, to = output;
                for (int axis = plan._axes.Count - 2, rest = row; axis >= 0; axis--)
                {
                    (rest, int index) = Math.DivRem(rest, plan._axes[axis].Size);
                    from += index * plan._axes[axis].Input;
                    to += index * plan._axes[axis].Output;
                }

                if (outputStride == 1 && inputStride == 1)
                {
                    new ReadOnlySpan<T>(from, size).CopyTo(new Span<T>(to, size));
                }
                else if (outputStride == 1 && inputStride == 0)
                {
                    new Span<T>(to, size).Fill(*from);
                }
                else
                {
                    for (int i = 0; i < size; i++, from += inputStride, to += outputStride)
                        *to = *from;
                }
            }
        }
    }
}
