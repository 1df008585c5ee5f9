using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned for direct convolution; see <see cref="Direct"/>.</summary>
internal sealed unsafe class DirectPlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    private readonly ConvRequest _request;
    private readonly DirectGeometry _geometry;
    private readonly DirectProducts _products;
    private readonly DirectGroup[] _groups;
    private readonly DirectInput<V> _input;
    private readonly PackedWeights _weights;
    private readonly long[] _groupStart;

    // Elements from one row of the sums to the next.
    private readonly int _stripLength;

    private readonly int _widthPhases;

    // Where the sums of each product and chunk are kept: [product][chunk].
    private readonly nint[] _keptAt;

    public DirectPlan(ConvRequest request, DirectGeometry geometry)
    {
        (_request, _geometry, _products) = (request, geometry, geometry.Products);
        _stripLength = geometry.StripPanels * _products.Vectors * V.Count;
        _widthPhases = _products.Width.Phases.Length;
        _groups = _products.Groups;
        _keptAt = [.. from product in Enumerable.Range(0, _groups.Length) from chunk in Enumerable.Range(0, _products.Chunks.Pieces) select KeptPlace(product, chunk)];
        _input = new DirectInput<V>(request.Shape, geometry, _groups);
        _groupStart = new long[_groups.Length + 1];
        for (int i = 0; i < _groups.Length; i++)
            _groupStart[i + 1] = _groupStart[i] + ((long)_groups[i].Taps.Length * _products.Channels * _products.Rows);

        _weights = request.Weights.Packed(
            request.Pool,
            ("direct", V.Count, request.Shape.Kind, _products.Chunks, _products.Vectors, request.Shape.Groups, _products.Key),
            _groupStart[^1] * request.Shape.Groups,
            Pack);
    }

    public override string Name => _groups.Length > 1 || _products.Merged ? "phase-direct" : "direct";

    public override long PackedBytes => _weights.Bytes;

    public override long WorkspaceBytes => sizeof(float) * _request.Threads * WorkerFloats;

    // Rows whose sums are kept at a time: those of a chunk for all phases of the width, or all of them where channels are added slice by slice.
    private long KeptRows => _geometry.Sliced ? _products.AllRows : (long)_products.Chunks.Largest * _products.LineRows * _products.Together;

    // A copied block, the sums of a strip, and an interleaved line.
    private long WorkerFloats => _input.CopiedFloats + ((KeptRows + _widthPhases) * _stripLength);

    public override void Run(in ConvArguments arguments)
    {
        int items = _request.Shape.Batch * _request.Shape.Groups * _geometry.Depth.Grid * _geometry.Rows.Pieces * _geometry.Columns.Pieces;
        arguments.Threads.Run(items, new BlockItems(this, arguments), arguments.Cancellation);
    }

    // [channel group][product][chunk][row block][channel block][tap][c][R]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pack(float* weight, float* packed)
    {
        int channels = _products.Channels, outputs = _products.Outputs;
        nint kernel = (nint)_products.Depth.Kernel * _products.Height.Kernel * _products.Width.Kernel;
        bool transposed = _request.Shape.Kind == ConvKind.Transposed;
        nint outputStride = transposed ? kernel : channels * kernel, channelStride = transposed ? outputs * kernel : kernel;
        for (int g = 0; g < _request.Shape.Groups; g++, weight += channels * (nint)outputs * kernel)
        {
            foreach (DirectGroup group in _groups)
            {
                for (int chunk = 0; chunk < _products.Chunks.Pieces; chunk++)
                {
                    int firstRow = _products.Chunks.Begin(chunk) * _products.LineRows;
                    EvenSplit blocks = _products.Blocks(chunk);
                    for (int block = 0; block < blocks.Pieces; block++)
                    {
                        for (int first = 0; first < channels; first += _products.ChannelBlock)
                        {
                            foreach (DirectTap tap in group.Taps)
                            {
                                PackTap(tap, firstRow + blocks.Begin(block), blocks.Size(block), outputStride, weight + (first * channelStride), channelStride, packed);
                                packed += _products.ChannelBlock * (nint)blocks.Size(block);
                            }
                        }
                    }
                }
            }
        }
    }

    // The numbers of one tap for a row block and a block of channels: [c][R].
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackTap(DirectTap tap, int firstRow, int rows, nint outputStride, float* weight, nint channelStride, float* packed)
    {
        // Where each row's number is; worked out once for all channels, because the division takes longer than all the rest.
        int merged = _products.Rows / _products.Outputs;
        nint* places = stackalloc nint[MicroKernelTable.MaximumRows];
        for (int r = 0; r < rows; r++)
        {
            (int output, int phase) = Math.DivRem(firstRow + r, merged);
            places[r] = tap.Kernels[phase] < 0 ? -1 : (output * outputStride) + tap.Kernels[phase];
        }

        for (int c = 0; c < _products.ChannelBlock; c++, weight += channelStride, packed += rows)
        {
            for (int r = 0; r < rows; r++)
                packed[r] = places[r] < 0 ? 0 : weight[places[r]];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeBlock(in ConvArguments arguments, float* memory, in DirectBlock block)
    {
        float* sums = memory + _input.CopiedFloats;
        DirectSource source = _input.Open(arguments.Input, memory, block, slice: 0);
        if (_geometry.Sliced)
        {
            for (int slice = 0; slice < _products.Channels / _geometry.SliceChannels; slice++)
            {
                source = slice == 0 ? source : _input.Open(arguments.Input, memory, block, slice);
                ReadAhead ahead = _input.After(arguments.Input, block, slice);
                ComputeSlice(sums, block, source, slice, ref ahead);
            }

            for (int group = 0; group < _groups.Length; group += _products.Together)
            {
                for (int chunk = 0; chunk < _products.Chunks.Pieces; chunk++)
                    Write(arguments, sums, block, new Strip(block, source.RowStride), group, chunk);
            }

            return;
        }

        // Vectors run on over the ends of the rows, unless the rows lie far apart.
        bool flat = _geometry.Flat && source.RowStride < block.Columns + V.Count;
        for (int group = 0; group < _groups.Length; group += _products.Together)
        {
            for (int chunk = 0; chunk < _products.Chunks.Pieces; chunk++)
            {
                for (int row = 0; row < block.Rows; row = flat ? block.Rows : row + 1)
                {
                    var whole = flat ? new Strip(block, source.RowStride) : new Strip(block, source.RowStride, row);
                    var strips = new EvenSplit(whole.Panels(_products.Vectors).Pieces, _geometry.StripPanels);
                    for (int i = 0; i < strips.Pieces; i++)
                    {
                        ReadAhead none = default;
                        Strip strip = whole.Cut(_products.Vectors, strips.Begin(i), strips.Begin(i + 1));
                        for (int phase = 0; phase < _products.Together; phase++)
                            Multiply(source, block, strip, sums, group + phase, chunk, slice: 0, ref none, chunksLeft: 1);

                        Write(arguments, sums, block, strip, group, chunk);
                    }
                }
            }
        }
    }

    // Adds the products of a slice of the channels to the sums of the whole block.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeSlice(float* sums, in DirectBlock block, in DirectSource source, int slice, ref ReadAhead ahead)
    {
        var strip = new Strip(block, source.RowStride);
        int chunks = _groups.Length * _products.Chunks.Pieces;
        for (int group = 0; group < _groups.Length; group++)
        {
            for (int chunk = 0; chunk < _products.Chunks.Pieces; chunk++)
                Multiply(source, block, strip, sums, group, chunk, slice, ref ahead, chunks--);
        }
    }

    private nint KeptAt(int group, int chunk) => _keptAt[(group * _products.Chunks.Pieces) + chunk];

    // Rows of one product's sums that are kept for a chunk.
    private int KeptRowsOf(int chunk) => (_geometry.Sliced ? _products.Chunks.Size(chunk) : _products.Chunks.Largest) * _products.LineRows;

    // [phase of the width][row], and before it those of the other products and chunks where all are kept.
    private nint KeptPlace(int group, int chunk)
    {
        (int first, int phase) = Math.DivRem(group, _products.Together);
        nint before = _geometry.Sliced ? ((first * (nint)_products.Rows) + (_products.Chunks.Begin(chunk) * _products.LineRows)) * _products.Together : 0;
        return (before + (phase * (nint)KeptRowsOf(chunk))) * _stripLength;
    }

    // The sums of a strip for the rows of a chunk.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(
        in DirectSource source, in DirectBlock block, in Strip strip, float* sums, int groupIndex, int chunk, int slice, ref ReadAhead ahead, int chunksLeft)
    {
        (int first, int last) = UsefulSegments(_groups[groupIndex], block.Row + (int)(strip.Begin / source.RowStride));
        nint step = _groups[groupIndex].Taps.Length * (nint)_products.Channels;
        nint skipped = (first * (nint)_products.ChannelBlock) + (slice * (nint)_geometry.SliceChannels * _groups[groupIndex].Taps.Length);
        float* weights = _weights.Pointer + (block.ChannelGroup * (nint)_groupStart[^1]) + (nint)_groupStart[groupIndex];
        EvenSplit panels = strip.Panels(_products.Vectors), blocks = _products.Blocks(chunk);
        sums += KeptAt(groupIndex, chunk);
        int aheadLines = (ahead.Left / (chunksLeft * blocks.Pieces * panels.Pieces)) + 1;
        for (int rows = 0; rows < blocks.Pieces; rows++)
        {
            int count = blocks.Size(rows);
            int before = (_products.Chunks.Begin(chunk) * _products.LineRows) + blocks.Begin(rows);
            var product = new MicroProduct
            {
                A = weights + (before * step) + (skipped * count),
                Offsets = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(source.Offsets[groupIndex])) + first,
                Segments = last - first,
                Depth = _products.ChannelBlock,
                LastDepth = _products.ChannelBlock,
                Step = source.ChannelStride,
                RowStride = _stripLength,
                Accumulate = slice > 0,
            };
            for (int panel = 0; panel < panels.Pieces; panel++)
            {
                ahead.Advance(aheadLines);
                int at = panels.Begin(panel) * V.Count;
                product.X = source.First + strip.Begin + at;
                product.C = sums + (blocks.Begin(rows) * (nint)_stripLength) + at;
                MicroKernelTable.Find<V, SideBySide>(count, panels.Size(panel))(in product);
            }
        }
    }

    // The segments (channel blocks times taps); of a single channel block without the rows of the kernel, at its beginning and end, that meet only zero padding.
    private (int Begin, int End) UsefulSegments(DirectGroup group, int y)
    {
        int begin = 0, end = group.Taps.Length * (_geometry.SliceChannels / _products.ChannelBlock);
        if (_geometry.Flat || _request.Shape.PaddingMode != PaddingMode.Zeros || _geometry.Depth.Shifts.Length > 1 || end > group.Taps.Length)
            return (begin, end);

        int row = y * _geometry.Height.InputStep, size = _geometry.Height.Input;
        while (begin < end && (uint)(row + group.Taps[begin].Row) >= (uint)size)
            begin++;

        while (begin < end && (uint)(row + group.Taps[end - 1].Row) >= (uint)size)
            end--;

        return (begin, end);
    }

    // The lines of a chunk, as far as a strip goes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Write(in ConvArguments arguments, float* sums, in DirectBlock block, in Strip strip, int groupIndex, int chunk)
    {
        float* spare = sums + (nint)(KeptRows * _stripLength);
        sums += KeptAt(groupIndex, chunk) - strip.Begin;
        (nint first, nint begin) = Math.DivRem(strip.Begin, strip.RowStride);
        (nint last, nint end) = Math.DivRem(strip.End, strip.RowStride);
        if (begin > 0)
        {
            // A strip begins within a row, and may end in the same one.
            nint stop = Math.Min(first == last ? end : strip.RowStride, block.Columns);
            if (begin < stop)
                WriteRows(arguments, sums + strip.Begin, strip.RowStride, spare, block, (int)first, 1, (int)begin, (int)(stop - begin), groupIndex, chunk);

            first++;
        }

        if (first < last)
            WriteRows(arguments, sums + (first * strip.RowStride), strip.RowStride, spare, block, (int)first, (int)(last - first), 0, block.Columns, groupIndex, chunk);

        if (first <= last && end > 0)
            WriteRows(arguments, sums + (last * strip.RowStride), strip.RowStride, spare, block, (int)last, 1, 0, (int)Math.Min(end, block.Columns), groupIndex, chunk);
    }

    // Columns x to x + count - 1 of some rows. All that is the same for every row and line is worked out before: a short row is written in the
    // time of a few divisions.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WriteRows(
        in ConvArguments arguments, float* sums, nint rowStride, float* spare, in DirectBlock block, int y, int count, int x, int columns, int groupIndex, int chunk)
    {
        TapAxis depth = _products.Depth, height = _products.Height, width = _products.Width;
        DirectGroup group = _groups[groupIndex];
        int phases = _widthPhases, heights = height.Phases.Length, before = Math.Max(0, width.Crop - ((block.Column + x) * phases));
        int column = ((block.Column + x) * phases) - width.Crop + before;
        int elements = Math.Min((columns * phases) - before, width.Output - column);
        if (elements <= 0)
            return;

        int firstDepth = (block.Depth * depth.Phases.Length) + group.PhaseDepth - depth.Crop;
        int firstHeight = ((block.Row + y) * heights) + group.PhaseHeight - height.Crop;
        nint phaseStride = _products.LineRows > 1 ? _stripLength : KeptRowsOf(chunk) * (nint)_stripLength;
        nint lineStride = _products.LineRows * (nint)_stripLength, slices = depth.Output, rows = height.Output, outputColumns = width.Output;
        int mergedHeights = _products.MergedHeights, merged = _products.MergedDepths * mergedHeights;
        int line = _products.Chunks.Begin(chunk), end = _products.Chunks.Begin(chunk + 1);
        (int channel, int part) = Math.DivRem(line, merged);
        channel += block.ChannelGroup * _products.Outputs;
        nint channelsBefore = block.Image * (nint)_request.Shape.OutputChannels;
        OutputStage stage = _request.Output;
        for (; line < end; line++, sums += lineStride, part++)
        {
            if (part == merged)
            {
                part = 0;
                channel++;
            }

            (int mergedDepth, int mergedHeight) = merged == 1 ? (0, 0) : Math.DivRem(part, mergedHeights);
            int od = firstDepth + mergedDepth, oh = firstHeight + mergedHeight;
            if ((uint)od >= (uint)slices)
                continue;

            float* row = sums;
            nint plane = (((channelsBefore + channel) * slices) + od) * rows;
            for (int i = 0; i < count; i++, row += rowStride, oh += heights)
            {
                if ((uint)oh >= (uint)rows)
                    continue;

                float* values = row;
                if (phases > 1)
                {
                    Interleaving.Run<V>(row, phaseStride, phases, columns, spare);
                    values = spare + before;
                }

                nint at = ((plane + oh) * outputColumns) + column;
                stage.WriteRow<V>(values, arguments.Output + at, arguments.Residual + at, elements, channel);
            }
        }
    }

    // Positions of a block that are summed up together, numbered along its rows, the ends of the rows included.
    private readonly struct Strip
    {
        public Strip(in DirectBlock block, nint rowStride)
            : this(rowStride, 0, ((block.Rows - 1) * rowStride) + block.Columns)
        {
        }

        public Strip(in DirectBlock block, nint rowStride, int row)
            : this(rowStride, row * rowStride, (row * rowStride) + block.Columns)
        {
        }

        private Strip(nint rowStride, nint begin, nint end) => (RowStride, Begin, End) = (rowStride, begin, end);

        public nint RowStride { get; }

        public nint Begin { get; }

        public nint End { get; }

        public EvenSplit Panels(int vectors) => new((int)((End - Begin + V.Count - 1) / V.Count), vectors);

        public Strip Cut(int vectors, int firstPanel, int endPanel)
        {
            EvenSplit panels = Panels(vectors);
            return new Strip(RowStride, Begin + (panels.Begin(firstPanel) * V.Count), Math.Min(End, Begin + (panels.Begin(endPanel) * V.Count)));
        }
    }

    private readonly struct BlockItems(DirectPlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            DirectGeometry geometry = plan._geometry;
            DirectBlock block = DirectBlock.At(item, plan._request.Shape.Groups, geometry.Depth.Grid, geometry.Rows, geometry.Columns);
            plan.ComputeBlock(arguments, arguments.Workspace + (worker * (nint)plan.WorkerFloats), block);
        }
    }
}
