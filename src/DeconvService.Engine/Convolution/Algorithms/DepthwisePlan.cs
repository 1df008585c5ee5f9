using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A planned depthwise layer.</summary>
/// <remarks>
/// <code>
/// for each tile of each channel's plane:
///   gather    input rows with their padding      -> lines in the cache, one for each residue of the stride
///   multiply  along the lines, all taps at once  -> sums            (separable: along x, then along y)
///   write     bias, activation, residual         -> output rows     (transposed: phases interleaved)
/// </code>
/// The gathered copy leaves no border cases to the loop that multiplies. Where it would cost more than it saves, <see cref="DepthwiseStream{V}"/>
/// computes the inner part of the plane, and only what reaches beyond the input is gathered.
/// </remarks>
internal sealed unsafe class DepthwisePlan<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    private readonly ConvRequest _request;
    private readonly DepthwiseGeometry _geometry;
    private readonly DepthwiseTaps[,] _taps;
    private readonly DepthwiseTaps[] _horizontal = [];
    private readonly DepthwiseTaps[] _vertical = [];
    private readonly bool _separable;
    private readonly int _kernel;
    private readonly int _passRows;
    private readonly PackedWeights _weights;
    private readonly PackedWeights? _second;
    private readonly DepthwiseStream<V>? _stream;

    public DepthwisePlan(ConvRequest request, DepthwiseGeometry geometry, SeparableTaps? separable, DepthwiseStream<V>? stream)
    {
        (_request, _geometry, _separable, _stream) = (request, geometry, separable is not null, stream);
        DepthwiseAxis y = geometry.Y, x = geometry.X;
        _kernel = y.Axis.Kernel * x.Axis.Kernel;
        _taps = new DepthwiseTaps[y.Phases.Length, x.Phases.Length];
        if (separable is not null)
        {
            _horizontal = Array.ConvertAll(x.Phases, taps => DepthwiseTaps.Of(
                taps, tap => geometry.ColumnPlane(tap.Residue) + tap.Offset, tap => tap.Kernel));
            _vertical = Array.ConvertAll(y.Phases, taps => DepthwiseTaps.Of(
                taps, tap => (tap.Residue * geometry.LineFloats) + ((long)tap.Offset * geometry.Pitch), tap => tap.Kernel));
            _weights = Pack("separable x", separable.Horizontal);
            _second = Pack("separable y", separable.Vertical);
        }
        else
        {
            for (int ry = 0; ry < y.Phases.Length; ry++)
                for (int rx = 0; rx < x.Phases.Length; rx++)
                {
                    (DepthwiseTap Y, DepthwiseTap X)[] pairs = [.. from a in y.Phases[ry] from b in x.Phases[rx] select (a, b)];
                    _taps[ry, rx] = DepthwiseTaps.Of(
                        pairs,
                        pair => (pair.Y.Residue * geometry.LineFloats) + geometry.ColumnPlane(pair.X.Residue) + ((long)pair.Y.Offset * geometry.Pitch) + pair.X.Offset,
                        pair => (pair.Y.Kernel * x.Axis.Kernel) + pair.X.Kernel);
                }

            _weights = Pack("depthwise", null);
        }

        // As many rows at a time as leave their sums in the first-level cache.
        _passRows = Math.Max(4096 / geometry.Pitch / x.Phases.Length, 1);
        ScratchFloats = (geometry.InputFloats * (_separable ? 1 + x.Phases.Length : 1)) + (geometry.SumFloats * x.Phases.Length) + geometry.RowFloats;
    }

    public override string Name => _separable ? "depthwise-separable" : "depthwise";

    public override long WorkspaceBytes => ScratchFloats * sizeof(float) * _request.Threads;

    public override long PackedBytes => _weights.Bytes + (_second?.Bytes ?? 0);

    // Of one thread.
    private long ScratchFloats { get; }

    public override void Run(in ConvArguments arguments)
    {
        int planes = _request.Shape.Batch * _request.Shape.InputChannels;
        arguments.Threads.Run(checked(planes * _geometry.TilesY * _geometry.TilesX), new Tiles(this, arguments), arguments.Cancellation);
    }

    private PackedWeights Pack(string key, float[]? factors) => factors is null
        ? _request.Weights.Packed(_request.Pool, key, (long)_request.Shape.OutputChannels * _kernel, (weight, packed) =>
            new ReadOnlySpan<float>(weight, _request.Shape.OutputChannels * _kernel).CopyTo(new Span<float>(packed, _request.Shape.OutputChannels * _kernel)))
        : _request.Weights.Packed(_request.Pool, key, factors.Length, (_, packed) => factors.CopyTo(new Span<float>(packed, factors.Length)));

    private readonly struct Tiles(DepthwisePlan<V> plan, ConvArguments arguments) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            DepthwiseGeometry geometry = plan._geometry;
            ConvShape shape = plan._request.Shape;
            (int rest, int tileX) = Math.DivRem(item, geometry.TilesX);
            (int plane, int tileY) = Math.DivRem(rest, geometry.TilesY);
            int firstRow = tileY * geometry.Rows, rows = Math.Min(geometry.Rows, geometry.Y.Axis.Grid - firstRow);
            int firstColumn = tileX * geometry.Columns, columns = Math.Min(geometry.Columns, geometry.X.Axis.Grid - firstColumn);

            if (plan._stream is not { } stream)
            {
                Gathered(worker, plane, firstRow, rows, firstColumn, columns);
                return;
            }

            // Rows that reach beyond the input above and below, and what lies between them.
            int end = firstRow + rows, from = Math.Clamp(stream.FirstRow, firstRow, end), to = Math.Clamp(stream.EndRow, from, end);
            if (from > firstRow)
                Gathered(worker, plane, firstRow, from - firstRow, firstColumn, columns);
            if (end > to)
                Gathered(worker, plane, to, end - to, firstColumn, columns);

            (int batch, int channel) = Math.DivRem(plane, shape.InputChannels);
            int multiplier = shape.OutputChannels / shape.Groups;
            for (int i = 0; i < multiplier && to > from; i++)
            {
                int f = (channel * multiplier) + i;
                stream.Run(
                    InputPlane(plane), plan._weights.Pointer + ((nint)f * plan._kernel), plan._request.Output.Bias[f], arguments.Output + OutputPlane(batch, f), from, to - from, firstColumn, columns);
            }
        }

        private float* InputPlane(int plane) => arguments.Input + ((nint)plane * plan._geometry.Y.Axis.Input * plan._geometry.X.Axis.Input);

        private nint OutputPlane(int batch, int f) =>
            (nint)((batch * (long)plan._request.Shape.OutputChannels) + f) * plan._geometry.Y.Axis.Output * plan._geometry.X.Axis.Output;

        // A part of a plane by way of the thread's own memory.
        private void Gathered(int worker, int plane, int firstRow, int rows, int firstColumn, int columns)
        {
            ConvShape shape = plan._request.Shape;
            float* scratch = arguments.Workspace + (worker * plan.ScratchFloats);
            DepthwiseGather<V>.Run(plan._geometry, shape.PaddingMode, InputPlane(plane), scratch, firstRow, rows, firstColumn, columns);

            (int batch, int channel) = Math.DivRem(plane, shape.InputChannels);
            int multiplier = shape.OutputChannels / shape.Groups;
            for (int i = 0; i < multiplier; i++)
            {
                int f = (channel * multiplier) + i;
                if (plan._separable)
                    Separable(scratch, f, OutputPlane(batch, f), firstRow, rows, firstColumn, columns);
                else
                    Direct(scratch, f, OutputPlane(batch, f), firstRow, rows, firstColumn, columns);
            }
        }

        private void Direct(float* gathered, int f, nint output, int firstRow, int rows, int firstColumn, int columns)
        {
            DepthwiseGeometry geometry = plan._geometry;
            float* sums = gathered + geometry.InputFloats;
            float* weights = plan._weights.Pointer + ((nint)f * plan._kernel);
            for (int row = 0; row < rows; row += plan._passRows)
            {
                int count = Math.Min(plan._passRows, rows - row);
                nint length = ((nint)(count - 1) * geometry.Pitch) + columns;
                for (int ry = 0; ry < geometry.Y.Phases.Length; ry++)
                {
                    for (int rx = 0; rx < geometry.X.Phases.Length; rx++)
                    {
                        DepthwiseKernel<V>.Run(
                            gathered + ((nint)row * geometry.Pitch), plan._taps[ry, rx], weights, sums + (nint)(rx * geometry.SumFloats), length);
                    }

                    Write(sums, f, output, firstRow + row, count, firstColumn, columns, ry);
                }
            }
        }

        private void Separable(float* gathered, int f, nint output, int firstRow, int rows, int firstColumn, int columns)
        {
            DepthwiseGeometry geometry = plan._geometry;
            DepthwiseAxis y = geometry.Y, x = geometry.X;
            float* lines = gathered + geometry.InputFloats;
            float* sums = lines + ((nint)geometry.InputFloats * x.Phases.Length);
            float* horizontal = plan._weights.Pointer + ((nint)f * x.Axis.Kernel);
            float* vertical = plan._second!.Pointer + ((nint)f * y.Axis.Kernel);
            nint lineLength = ((nint)(rows + y.Span - 1) * geometry.Pitch) + columns;
            for (int rx = 0; rx < x.Phases.Length; rx++)
                for (int residue = 0; residue < y.Residues.Length; residue++)
                {
                    nint line = (nint)(residue * geometry.LineFloats);
                    DepthwiseKernel<V>.Run(gathered + line, plan._horizontal[rx], horizontal, lines + (nint)(rx * geometry.InputFloats) + line, lineLength);
                }

            for (int row = 0; row < rows; row += plan._passRows)
            {
                int count = Math.Min(plan._passRows, rows - row);
                nint length = ((nint)(count - 1) * geometry.Pitch) + columns;
                for (int ry = 0; ry < y.Phases.Length; ry++)
                {
                    for (int rx = 0; rx < x.Phases.Length; rx++)
                    {
                        DepthwiseKernel<V>.Run(
                            lines + (nint)(rx * geometry.InputFloats) + ((nint)row * geometry.Pitch), plan._vertical[ry], vertical, sums + (nint)(rx * geometry.SumFloats), length);
                    }

                    Write(sums, f, output, firstRow + row, count, firstColumn, columns, ry);
                }
            }
        }

        // Sums of grid rows, one line for each phase of x, to the output rows of phase ry.
        private void Write(float* sums, int f, nint output, int firstRow, int rows, int firstColumn, int columns, int ry)
        {
            DepthwiseGeometry geometry = plan._geometry;
            int phases = geometry.X.Phases.Length, width = geometry.X.Axis.Output;
            float* interleaved = sums + (nint)(geometry.SumFloats * phases);
            nint first = (nint)firstColumn * phases, count = Math.Min((nint)columns * phases, width - first);
            for (int row = 0; row < rows; row++)
            {
                int o = ((firstRow + row) * geometry.Y.Phases.Length) + ry;
                if (o >= geometry.Y.Axis.Output)
                    return;

                float* from = sums + ((nint)row * geometry.Pitch);
                if (phases > 1)
                {
                    DepthwiseKernel<V>.Interleave(from, (nint)geometry.SumFloats, phases, columns, interleaved);
                    from = interleaved;
                }

                nint at = output + ((nint)o * width) + first;
                plan._request.Output.WriteRow<V>(from, arguments.Output + at, arguments.Residual + at, count, f);
            }
        }
    }
}
