using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned for direct convolution with output channels in the lanes; see <see cref="DirectChannels"/>.</summary>
internal sealed unsafe class DirectChannelsPlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    private readonly ConvRequest _request;
    private readonly DirectChannelsGeometry _geometry;
    private readonly PackedWeights _weights;
    private readonly int[] _offsets;

    public DirectChannelsPlan(ConvRequest request, DirectChannelsGeometry geometry)
    {
        (_request, _geometry) = (request, geometry);
        (TapAxis depth, TapAxis height, TapAxis width) = (geometry.Depth, geometry.Height, geometry.Width);
        (Tap Depth, Tap Height, Tap Width)[] taps = [.. from d in depth.Phases[0] from h in height.Phases[0] from w in width.Phases[0] select (d, h, w)];
        _offsets = GC.AllocateUninitializedArray<int>(taps.Length, pinned: true);
        for (int i = 0; i < taps.Length; i++)
        {
            int row = (taps[i].Depth.Shift * geometry.CopiedRows) + height.Shifts[taps[i].Height.Shift] - height.Shifts[0];
            _offsets[i] = (row * geometry.CopiedColumns) + width.Shifts[taps[i].Width.Shift] - width.Shifts[0];
        }

        int[] kernels = Array.ConvertAll(taps, tap => (((tap.Depth.Kernel * height.Kernel) + tap.Height.Kernel) * width.Kernel) + tap.Width.Kernel);
        _weights = GemmWeights.Packed<V>(request, kernels, geometry.Blocks, V.Count);
    }

    public override string Name => "direct-channels";

    public override long PackedBytes => _weights.Bytes;

    public override long WorkspaceBytes => sizeof(float) * _request.Threads * WorkerFloats;

    private int BlockLanes => _geometry.Blocks.Largest * V.Count;

    private nint CopiedFloats => _geometry.Slices.Largest * (nint)_geometry.ChannelFloats;

    // The sums of a block of output channels by position, with up to L - 1 positions more that are transposed along.
    private nint BlockSums => (_geometry.SumStride + V.Count) * (nint)BlockLanes;

    // A copied slice, the sums of all blocks of an item, and the sums of one of them by channel.
    private nint WorkerFloats => CopiedFloats + (_geometry.Parts.Largest * BlockSums) + (_geometry.SumStride * (nint)BlockLanes);

    public override void Run(in ConvArguments arguments)
    {
        int items = _request.Shape.Batch * _geometry.Groups * _geometry.Depth.Grid * _geometry.Rows.Pieces * _geometry.Columns.Pieces * _geometry.Parts.Pieces;
        arguments.Threads.Run(items, new BlockItems(this, arguments), arguments.Cancellation);
    }

    // [c][depth shift][row][column]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Copy(float* input, float* target, in DirectBlock block, int slice)
    {
        TapAxis depth = _geometry.Depth, height = _geometry.Height, width = _geometry.Width;
        PaddingMode mode = _request.Shape.PaddingMode;
        nint plane = (nint)height.Input * width.Input;
        int rows = ((block.Rows - 1) * height.InputStep) + _geometry.RowSpan, firstRow = (block.Row * height.InputStep) + height.Shifts[0];
        int copied = _geometry.CopiedColumns, columns = ((block.Columns - 1) * width.InputStep) + _geometry.ColumnSpan;
        var bordered = new BorderedRow(width.Input, (block.Column * width.InputStep) + width.Shifts[0], step: 1, columns, mode);
        float* channel = input + (((block.Image * (nint)_request.Shape.InputChannels) + (block.ChannelGroup * (nint)_geometry.Channels) + _geometry.Slices.Begin(slice)) * depth.Input * plane);
        for (int c = 0; c < _geometry.Slices.Size(slice); c++, channel += depth.Input * plane, target += _geometry.ChannelFloats)
        {
            float* to = target;
            for (int d = 0; d < depth.Shifts.Length; d++, to = target + (d * (nint)_geometry.CopiedRows * copied))
            {
                int z = Border.Source((block.Depth * depth.InputStep) + depth.Shifts[d], depth.Input, mode);
                float* image = z < 0 ? null : channel + (z * plane);
                bordered.CopyPlane<V>(image, height.Input, firstRow, step: 1, rows, to, copied);
            }
        }
    }

    // What the next slice will read.
    private ReadAhead After(float* input, in DirectBlock block, int slice) =>
        slice + 1 == _geometry.Slices.Pieces || _geometry.Columns.Pieces > 1
            ? default
            : block.Ahead(input, _request.Shape, _geometry.Depth, _geometry.Height, _geometry.Width, _geometry.Slices.Begin(slice + 1), _geometry.Slices.Size(slice + 1));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeBlock(in ConvArguments arguments, float* memory, in DirectBlock block, int part)
    {
        float* sums = memory + CopiedFloats, rows = sums + (_geometry.Parts.Largest * BlockSums);
        int first = _geometry.Parts.Begin(part), count = block.Rows * block.Columns;
        for (int slice = 0; slice < _geometry.Slices.Pieces; slice++)
        {
            Copy(arguments.Input, memory, block, slice);
            ReadAhead ahead = After(arguments.Input, block, slice);
            int calls = _geometry.Parts.Size(part) * block.Rows * _geometry.Pieces.Pieces, lines = (ahead.Left + calls - 1) / calls;
            for (int i = 0; i < _geometry.Parts.Size(part); i++)
                Multiply(memory, sums + (i * BlockSums), block, first + i, slice, ref ahead, lines);
        }

        for (int i = 0; i < _geometry.Parts.Size(part); i++, sums += BlockSums)
        {
            int vectors = _geometry.Blocks.Size(first + i);
            nint lanes = vectors * V.Count, stride = _geometry.SumStride;
            for (int q = 0; q < count; q += V.Count)
            {
                for (int v = 0; v < vectors; v++)
                    Transposition.Run<V>(sums + (q * lanes) + (v * V.Count), lanes, rows + (v * V.Count * stride) + q, stride);
            }

            Write(arguments, rows, block, first + i);
        }
    }

    // Adds a slice of the input channels to the sums of a block of output channels, [position][channel].
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(float* copied, float* sums, in DirectBlock block, int number, int slice, ref ReadAhead ahead, int aheadLines)
    {
        int vectors = _geometry.Blocks.Size(number), lanes = vectors * V.Count, taps = _geometry.Taps;
        nint groupVectors = _geometry.Blocks.Begin(_geometry.Blocks.Pieces), reduction = (nint)taps * _geometry.Channels;
        float* weights = _weights.Pointer + (((block.ChannelGroup * groupVectors) + _geometry.Blocks.Begin(number)) * reduction * V.Count);
        var pieces = new EvenSplit(block.Columns, _geometry.Pieces.Largest);
        delegate*<in MicroProduct, void> larger = Kernel(pieces.Largest, vectors), smaller = Kernel(pieces.Size(pieces.Pieces - 1), vectors);
        int depth = _geometry.Slices.Size(slice);
        var product = new MicroProduct
        {
            X = weights + (_geometry.Slices.Begin(slice) * lanes),
            Segments = 1,
            Depth = depth,
            LastDepth = depth,
            Step = lanes,
            StepRows = (nint)_geometry.ChannelFloats,
            Parts = taps,
            PartRows = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_offsets)),
            PartStep = _geometry.Channels * (nint)lanes,
            RowStride = lanes,
            Accumulate = slice > 0,
            C = sums,
        };
        nint rowStep = (nint)_geometry.Height.InputStep * _geometry.CopiedColumns;
        for (int r = 0; r < block.Rows; r++, copied += rowStep)
        {
            product.A = copied;
            for (int piece = 0; piece < pieces.Pieces; piece++)
            {
                int size = pieces.Size(piece);
                if (size == pieces.Largest)
                    larger(in product);
                else
                    smaller(in product);

                ahead.Advance(aheadLines);
                product.A += size * _geometry.Width.InputStep;
                product.C += size * (nint)lanes;
            }
        }
    }

    private delegate*<in MicroProduct, void> Kernel(int rows, int vectors) => _geometry.Width.InputStep switch
    {
        1 => MicroKernelTable.Find<V, Strided<Number1>>(rows, vectors),
        2 => MicroKernelTable.Find<V, Strided<Number2>>(rows, vectors),
        3 => MicroKernelTable.Find<V, Strided<Number3>>(rows, vectors),
        4 => MicroKernelTable.Find<V, Strided<Number4>>(rows, vectors),
        5 => MicroKernelTable.Find<V, Strided<Number5>>(rows, vectors),
        6 => MicroKernelTable.Find<V, Strided<Number6>>(rows, vectors),
        7 => MicroKernelTable.Find<V, Strided<Number7>>(rows, vectors),
        8 => MicroKernelTable.Find<V, Strided<Number8>>(rows, vectors),
        9 => MicroKernelTable.Find<V, Strided<Number9>>(rows, vectors),
        10 => MicroKernelTable.Find<V, Strided<Number10>>(rows, vectors),
        11 => MicroKernelTable.Find<V, Strided<Number11>>(rows, vectors),
        12 => MicroKernelTable.Find<V, Strided<Number12>>(rows, vectors),
        13 => MicroKernelTable.Find<V, Strided<Number13>>(rows, vectors),
        14 => MicroKernelTable.Find<V, Strided<Number14>>(rows, vectors),
        15 => MicroKernelTable.Find<V, Strided<Number15>>(rows, vectors),
        _ => MicroKernelTable.Find<V, Strided<Number16>>(rows, vectors),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Write(in ConvArguments arguments, float* sums, in DirectBlock block, int number)
    {
        int outputs = _request.Shape.OutputChannels / _geometry.Groups;
        int first = _geometry.Blocks.Begin(number) * V.Count, end = Math.Min(_geometry.Blocks.Begin(number + 1) * V.Count, outputs);
        int rows = _geometry.Height.Output, columns = _geometry.Width.Output;

        // Whole rows follow each other.
        int runs = block.Columns == columns ? 1 : block.Rows, length = block.Rows * block.Columns / runs;
        for (int channel = first; channel < end; channel++, sums += _geometry.SumStride)
        {
            int all = (block.ChannelGroup * outputs) + channel;
            nint plane = ((((nint)block.Image * _request.Shape.OutputChannels) + all) * _geometry.Depth.Output) + block.Depth;
            for (int run = 0; run < runs; run++)
            {
                nint at = (((plane * rows) + block.Row + run) * columns) + block.Column;
                _request.Output.WriteRow<V>(sums + (run * (nint)length), arguments.Output + at, arguments.Residual + at, length, all);
            }
        }
    }

    private readonly struct BlockItems(DirectChannelsPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            DirectChannelsGeometry geometry = plan._geometry;
            (item, int part) = Math.DivRem(item, geometry.Parts.Pieces);
            DirectBlock block = DirectBlock.At(item, geometry.Groups, geometry.Depth.Grid, geometry.Rows, geometry.Columns);
            plan.ComputeBlock(arguments, arguments.Workspace + (worker * (nint)plan.WorkerFloats), block, part);
        }
    }
}
