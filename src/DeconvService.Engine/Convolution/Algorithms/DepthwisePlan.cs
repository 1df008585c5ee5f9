using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A planned depthwise layer.</summary>
/// <remarks>
/// <code>
/// for each tile of each channel's plane:
///   find      where each input row stands that the tile reads         -> a table of lines   (copied where it must be: <see cref="DepthwiseLines{V}"/>)
///   multiply  four output rows at a time, all taps at once            -> output rows, with bias, activation and residual
///   (3x3, and up to 7x7 with stride 2: down the lines, a vector of columns at a time: <see cref="DepthwiseSquare{V}"/>)
/// separable:  multiply along x                                        -> lines of sums
///             multiply along y                                        -> output rows
/// transposed: multiply for each phase along x                         -> lines of sums, interleaved to output rows
/// </code>
/// </remarks>
internal sealed unsafe class DepthwisePlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    private readonly ConvRequest _request;
    private readonly DepthwiseCut _cut;
    private readonly DepthwiseLines<V> _lines;
    private readonly DepthwiseTaps[,,] _taps;
    private readonly DepthwiseTaps[] _horizontal = [];
    private readonly PackedWeights _weights;
    private readonly PackedWeights? _horizontalWeights;
    private readonly int _kernel;
    private readonly int _tableLines;
    private readonly bool _pastCaches;
    private readonly bool _sums;
    private readonly Layout _layout;

    public DepthwisePlan(ConvRequest request, DepthwiseGeometry geometry, SeparableTaps? separable, bool pastCaches)
    {
        DepthwiseCut cut = geometry.Cut;
        (_request, _cut, _taps, _pastCaches) = (request, cut, geometry.Taps, pastCaches);
        _lines = new DepthwiseLines<V>(cut, request.Shape.PaddingMode);
        _kernel = separable is null ? cut.Z.Kernel * cut.Y.Kernel * cut.X.Axis.Kernel : cut.Y.Kernel;
        _tableLines = cut.TableLines(_taps.Cast<DepthwiseTaps>().Max(taps => taps.RowStep));
        int slices = cut.Z.Shifts.Length, phases = cut.X.Phases.Length;
        Epilogue epilogue = request.Output.Epilogue;
        _sums = phases > 1 || (epilogue.HasResidual && epilogue.ResidualAfterActivation && epilogue.Activation != Activation.None);
        if (separable is null)
            _weights = Pack($"depthwise {geometry.Key}", null, _kernel, _taps.Cast<DepthwiseTaps>());
        else
        {
            _horizontal = SortHorizontalTaps(cut);
            _weights = Pack($"depthwise y {geometry.Key}", separable.Vertical, _kernel, Enumerable.Range(0, cut.Y.Phases.Length).Select(ry => _taps[0, ry, 0]));
            _horizontalWeights = Pack($"depthwise x {geometry.Key}", separable.Horizontal, cut.X.Axis.Kernel, _horizontal);
        }

        int pointers = _tableLines * slices;
        int pieces = cut.Pieces ? pointers * DepthwiseTaps.BlockRows : separable is null ? 0 : _tableLines * phases;
        long sums = !_sums ? 0 : Math.Max((long)phases * cut.Rows, DepthwiseTaps.BlockRows) * cut.SumPitch;
        long filtered = separable is null ? 0 : (long)cut.Lines(cut.Rows) * phases * cut.SumPitch;
        _layout = new Layout(pointers, pieces, (long)cut.Lines(cut.Rows) * slices * cut.SlotFloats, filtered, sums, phases == 1 ? 0 : (long)phases * cut.SumPitch);
    }

    public override string Name => _horizontalWeights is null ? "depthwise" : "depthwise-separable";

    public override long WorkspaceBytes => _layout.Floats * sizeof(float) * _request.Threads;

    public override long PackedBytes => _weights.Bytes + (_horizontalWeights?.Bytes ?? 0);

    public override void Run(in ConvArguments arguments)
    {
        ConvShape shape = _request.Shape;
        int planes = checked(shape.Batch * shape.InputChannels * _cut.Z.Grid);
        int groups = (planes + _cut.PlanesPerItem - 1) / _cut.PlanesPerItem;
        arguments.Threads.Run(checked(groups * _cut.TilesY * _cut.Segments.Length), new Tiles(this, arguments, planes), arguments.Cancellation);
    }

    private static DepthwiseTaps[] SortHorizontalTaps(DepthwiseCut cut)
    {
        int weights = 0;
        return Array.ConvertAll(cut.X.Phases, phase =>
        {
            (int, int)[] columns = Array.ConvertAll(phase, tap => (tap.Kernel, (tap.Residue * cut.PartPitch) + tap.Offset));
            var taps = DepthwiseTaps.Sort([(0, 0)], TapAxis.None, [(0, 0)], cut.X.Axis.Kernel, columns, weights);
            weights += phase.Length;
            return taps;
        });
    }

    // Each channel's numbers in the order in which the kernel meets them.
    private PackedWeights Pack(string key, float[]? factors, int kernel, IEnumerable<DepthwiseTaps> phases)
    {
        int channels = _request.Shape.OutputChannels;
        return _request.Weights.Packed(_request.Pool, key, (long)channels * kernel, (weight, packed) =>
        {
            foreach (DepthwiseTaps taps in phases)
                for (int f = 0; f < channels; f++)
                    for (int i = 0; i < taps.Order.Length; i++)
                    {
                        nint from = ((nint)f * kernel) + taps.Order[i];
                        packed[((nint)f * kernel) + taps.FirstWeight + i] = factors is null ? weight[from] : factors[from];
                    }
        });
    }

    /// <summary>What lies where in a thread's memory. Looked at for every plane, so nothing is worked out then.</summary>
    private sealed class Layout
    {
        public Layout(long table, long pieces, long slots, long filtered, long sums, long row)
        {
            Pieces = Align(table * 2);
            Slots = Pieces + Align(pieces * 2);
            Filtered = Slots + Align(slots);
            Sums = Filtered + Align(filtered);
            Row = Sums + Align(sums);
            Floats = Row + Align(row);
        }

        public long Pieces { get; }

        public long Slots { get; }

        public long Filtered { get; }

        public long Sums { get; }

        public long Row { get; }

        public long Floats { get; }

        private static long Align(long floats) => (floats + 15) / 16 * 16;
    }

    private readonly struct Tiles(DepthwisePlan<V> plan, ConvArguments arguments, int planes) : IWorkItems
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Execute(int item, int worker)
        {
            DepthwiseCut cut = plan._cut;
            (int rest, int segment) = Math.DivRem(item, cut.Segments.Length);
            (int group, int tileY) = Math.DivRem(rest, cut.TilesY);
            int firstRow = tileY * cut.Rows, rows = Math.Min(cut.Rows, cut.Y.Grid - firstRow);
            int end = Math.Min((group + 1) * cut.PlanesPerItem, planes);
            float* scratch = arguments.Workspace + (nint)(worker * plan._layout.Floats);
            for (int plane = group * cut.PlanesPerItem; plane < end; plane++)
                Tile(scratch, plane, firstRow, rows, segment);

            if (plan._pastCaches)
                Thread.MemoryBarrier();
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Tile(float* scratch, int plane, int firstRow, int rows, int part)
        {
            DepthwiseCut cut = plan._cut;
            DepthwiseSegment segment = cut.Segments[part];
            ConvShape shape = plan._request.Shape;
            (int channel, int z) = Math.DivRem(plane, cut.Z.Grid);
            nint size = (nint)cut.Z.Input * cut.Y.Input * cut.X.Axis.Input;
            float** table = (float**)scratch;
            var input = new DepthwiseInput(arguments.Input + (channel * size), arguments.Input, arguments.Input + (nint)shape.Input.Count);
            plan._lines.Find(table, plan._tableLines, scratch + (nint)plan._layout.Slots, input, z, firstRow, rows, part);

            (int batch, channel) = Math.DivRem(channel, shape.InputChannels);
            int multiplier = shape.OutputChannels / shape.Groups;
            nint outputPlane = (nint)cut.Y.Output * cut.X.Axis.Output;
            for (int f = channel * multiplier; f < (channel + 1) * multiplier; f++)
            {
                if (plan._horizontalWeights is not null)
                    FilterLines(scratch, f, rows, segment);

                for (int rz = 0; rz < cut.Z.Phases.Length; rz++)
                {
                    int o = (z * cut.Z.Phases.Length) + rz;
                    nint output = ((((nint)batch * shape.OutputChannels) + f) * cut.Z.Output + o) * outputPlane;
                    for (int ry = 0; ry < cut.Y.Phases.Length && o < cut.Z.Output; ry++)
                        Rows(scratch, f, (rz, ry), output, firstRow, rows, segment);
                }
            }
        }

        // The first pass of the separable form: every line along x.
        private void FilterLines(float* scratch, int f, int rows, DepthwiseSegment segment)
        {
            DepthwiseCut cut = plan._cut;
            int lines = cut.Lines(rows);
            float** table = (float**)scratch;
            float** filtered = (float**)(scratch + (nint)plan._layout.Pieces);
            float* target = scratch + (nint)plan._layout.Filtered;
            for (int rx = 0; rx < cut.X.Phases.Length; rx++, filtered += plan._tableLines, target += lines * (nint)cut.SumPitch)
            {
                DepthwiseTaps taps = plan._horizontal[rx];
                var block = new DepthwiseBlock
                {
                    Lines = table,
                    BlockLines = DepthwiseTaps.BlockRows,
                    Taps = taps,
                    Weights = plan._horizontalWeights!.Pointer + ((nint)f * cut.X.Axis.Kernel) + taps.FirstWeight,
                    Target = target,
                    Pitch = cut.SumPitch,
                    Rows = lines,
                    Columns = segment.Columns,
                };
                Mask(ref block);
                DepthwiseKernel<V>.Run(block);

                // The last ones belong to rows of a block that are computed and not written.
                for (int line = 0; line < plan._tableLines; line++)
                    filtered[line] = target + (Math.Min(line, lines - 1) * (nint)cut.SumPitch);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Mask(ref DepthwiseBlock block)
        {
            DepthwiseCut cut = plan._cut;
            block.Mask = plan._lines.Mask;
            block.LineStep = cut.X.LineStep;
            block.InnerFrom = (block.LineStep - 1 - cut.X.First) / block.LineStep;
            block.InnerTo = ((nint)cut.X.Axis.Input - cut.X.First - cut.X.Span + block.LineStep - 1) / block.LineStep;
        }

        // The output rows of a phase.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Rows(float* scratch, int f, (int Z, int Y) phase, nint output, int firstRow, int rows, DepthwiseSegment segment)
        {
            DepthwiseCut cut = plan._cut;
            int phasesY = cut.Y.Phases.Length, phasesX = cut.X.Phases.Length;
            rows = Math.Min(rows, ((cut.Y.Output - phase.Y + phasesY - 1) / phasesY) - firstRow);
            int step = plan._taps[phase.Z, phase.Y, 0].RowStep;
            bool separable = plan._horizontalWeights is not null;
            var block = new DepthwiseBlock();
            if (!separable)
                Mask(ref block);

            for (int row = 0; row < Math.Min(step, rows); row++)
            {
                int count = (rows - row + step - 1) / step;
                nint at = output + ((((nint)firstRow + row) * phasesY + phase.Y) * cut.X.Axis.Output) + ((nint)segment.First * phasesX);
                nint pitch = (nint)step * phasesY * cut.X.Axis.Output;
                for (int rx = 0; rx < phasesX; rx++)
                {
                    float** table = separable ? (float**)(scratch + (nint)plan._layout.Pieces) + (rx * plan._tableLines) : (float**)scratch;
                    block.Taps = plan._taps[phase.Z, phase.Y, rx];
                    block.Weights = plan._weights.Pointer + ((nint)f * plan._kernel) + block.Taps.FirstWeight;
                    block.BlockLines = (nint)DepthwiseTaps.BlockRows * step * cut.Y.InputStep;
                    block.Columns = segment.Columns;
                    block.Rows = count;
                    if (plan._sums)
                    {
                        block.Target = scratch + (nint)plan._layout.Sums + (rx * cut.Rows * (nint)cut.SumPitch);
                        block.Pitch = cut.SumPitch;
                    }
                    else
                        Direct(ref block, f, at, pitch);

                    Compute(ref block, table + ((nint)row * cut.Y.InputStep), (float**)(scratch + (nint)plan._layout.Pieces));
                }

                if (plan._sums)
                    Finish(scratch, f, at, pitch, count, segment);
            }
        }

        // Straight to the output.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Direct(ref DepthwiseBlock block, int f, nint at, nint pitch)
        {
            OutputStage stage = plan._request.Output;
            block.Bias = stage.Bias[f];
            block.Activation = stage.Epilogue.Activation;
            (block.Low, block.High, block.Slope) = (stage.Epilogue.Alpha, stage.Epilogue.Beta, stage.Slopes[f]);
            block.Target = arguments.Output + at;
            block.Residual = stage.Epilogue.HasResidual ? arguments.Residual + at : null;
            block.Pitch = pitch;
            block.PastCaches = plan._pastCaches;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Compute(ref DepthwiseBlock block, float** lines, float** pieces)
        {
            if (!plan._cut.Pieces)
            {
                block.Lines = lines;
                if (plan._cut.Square)
                    DepthwiseSquare<V>.Run(block);
                else
                    DepthwiseKernel<V>.Run(block);

                return;
            }

            // The row in four pieces, and what is left.
            int count = plan._tableLines * plan._cut.Z.Shifts.Length;
            nint columns = block.Columns, piece = columns / DepthwiseTaps.BlockRows / V.Count * V.Count, done = DepthwiseTaps.BlockRows * piece;
            block.Lines = pieces;
            if (piece > 0)
            {
                DepthwiseLines<V>.Split(lines, count, 0, piece, pieces);
                (block.Columns, block.Pitch, block.Rows) = (piece, piece, DepthwiseTaps.BlockRows);
                DepthwiseKernel<V>.Run(block);
            }

            if (done < columns)
            {
                DepthwiseLines<V>.Split(lines, count, done, 0, pieces);
                (block.Columns, block.Rows, block.PastCaches) = (columns - done, 1, false);
                block.Target += done;
                block.Residual = block.Residual == null ? null : block.Residual + done;
                DepthwiseKernel<V>.Run(block);
            }
        }

        // Sums, of several phases along x perhaps, to output rows.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Finish(float* scratch, int f, nint at, nint pitch, int rows, DepthwiseSegment segment)
        {
            DepthwiseCut cut = plan._cut;
            int phases = cut.X.Phases.Length;
            float* row = scratch + (nint)plan._layout.Row;
            int count = Math.Min(segment.Columns * phases, cut.X.Axis.Output - (segment.First * phases));
            for (int i = 0; i < rows; i++, at += pitch)
            {
                float* sums = scratch + (nint)plan._layout.Sums + (i * (nint)cut.SumPitch);
                if (phases > 1)
                    Interleaving.Run<V>(sums, cut.Rows * (nint)cut.SumPitch, phases, segment.Columns, row);

                plan._request.Output.WriteRow<V>(phases > 1 ? row : sums, arguments.Output + at, arguments.Residual + at, count, f);
            }
        }
    }
}
