using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Depthwise layers with L channels in the lanes of a vector, for planes too small to fill vectors along a row, for strides and for phases.</summary>
/// <remarks>
/// <para>
/// <c>output[c, o] = sum over taps of weight[c, tap] * input[c, o * step + shift[tap]]</c> is the same for every channel c, with weights of its
/// own. With a channel in each lane, weights are vectors as inputs are; a row may be as short, a stride as large as it likes, and no lane is
/// idle. It costs turning the input from rows of channels to vectors of them, and the output back: about as much as some taps.
/// </para>
/// <code>
/// input, a plane a channel          lines, in a thread's memory: [input row][column][L channels]     outputs: [row][column][L]
///   channel 0   a0 b0 c0 ...          row -1   (zeros: no line at all, its taps are left out)
///   channel 1   a1 b1 c1 ...  turn    row 0    | 0 | a0 a1 .. | b0 b1 .. | c0 c1 .. | 0 |      sum            turn back, write
///   ...                       ---->   row 1    | 0 | d0 d1 .. | e0 e1 .. | f0 f1 .. | 0 |      ---->          ---->
///   channel L-1                       ...
/// </code>
/// <para>Source: the channel-blocked depthwise kernels of oneDNN (nChw16c), here in blocks that live in the cache only.</para>
/// </remarks>
internal sealed unsafe class DepthwiseChannels<V> : PlannedAlgorithm
    where V : struct, IVec<V>
{
    private readonly ConvRequest _request;
    private readonly DepthwiseChannelsCut _cut;
    private readonly PackedWeights _weights;
    private readonly DepthwiseChannelsTap[,][] _rowTaps;
    private readonly DepthwiseChannelsTap[][] _columnTaps;

    private DepthwiseChannels(ConvRequest request, DepthwiseChannelsCut cut)
    {
        (_request, _cut) = (request, cut);
        (TapAxis z, TapAxis y, TapAxis x) = (cut.Z, cut.Y, cut.X);
        int lanes = V.Count, kernel = z.Kernel * y.Kernel * x.Kernel;
        _columnTaps = Array.ConvertAll(x.Phases, taps => Pin(
            taps.Select(tap => new DepthwiseChannelsTap((x.Shifts[tap.Shift] - cut.FirstColumn) * lanes, tap.Kernel * lanes))));
        _rowTaps = new DepthwiseChannelsTap[z.Phases.Length, y.Phases.Length][];
        for (int rz = 0; rz < z.Phases.Length; rz++)
            for (int ry = 0; ry < y.Phases.Length; ry++)
            {
                _rowTaps[rz, ry] = Pin(
                    from slice in z.Phases[rz]
                    from row in y.Phases[ry]
                    let line = (slice.Shift * cut.Lines) + y.Shifts[row.Shift] - cut.FirstLine
                    select new DepthwiseChannelsTap(line, ((slice.Kernel * y.Kernel) + row.Kernel) * x.Kernel * lanes));
            }

        int channels = request.Shape.OutputChannels;
        _weights = request.Weights.Packed(request.Pool, $"depthwise channels {lanes}", (long)cut.Blocks * kernel * lanes, (weight, packed) =>
        {
            for (int c = 0; c < cut.Blocks * lanes; c++)
                for (int i = 0; i < kernel; i++)
                    packed[((((nint)c / lanes * kernel) + i) * lanes) + (c % lanes)] = c < channels ? weight[((nint)c * kernel) + i] : 0;
        });
    }

    public override string Name => "depthwise-channels";

    public override long WorkspaceBytes => _cut.Floats * sizeof(float) * _request.Threads;

    public override long PackedBytes => _weights.Bytes;

    /// <summary>The layer planned, or null where it has several outputs a channel, or a thread would need more memory than is right.</summary>
    public static DepthwiseChannels<V>? TryPlan(ConvRequest request)
    {
        ConvShape shape = request.Shape;
        bool single = shape.Groups == shape.InputChannels && shape.Groups == shape.OutputChannels;
        return single && DepthwiseChannelsCut.TryCreate(shape, V.Count) is { } cut ? new DepthwiseChannels<V>(request, cut) : null;
    }

    public override void Run(in ConvArguments arguments)
    {
        int tiles = checked(_request.Shape.Batch * _cut.Blocks * _cut.Z.Grid * _cut.Strips.Pieces);
        arguments.Threads.Run((tiles + _cut.TilesPerItem - 1) / _cut.TilesPerItem, new Items(this, arguments, tiles), arguments.Cancellation);
    }

    // Read through pointers in every tile.
    private static DepthwiseChannelsTap[] Pin(IEnumerable<DepthwiseChannelsTap> taps)
    {
        DepthwiseChannelsTap[] all = [.. taps];
        DepthwiseChannelsTap[] pinned = GC.AllocateArray<DepthwiseChannelsTap>(all.Length, pinned: true);
        all.CopyTo(pinned, 0);
        return pinned;
    }

    private static DepthwiseChannelsTap* Pointer(DepthwiseChannelsTap[] pinned) =>
        (DepthwiseChannelsTap*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));

    private readonly struct Items(DepthwiseChannels<V> plan, ConvArguments arguments, int tiles) : IWorkItems
    {
        public void Execute(int item, int worker)
        {
            float* scratch = arguments.Workspace + (nint)(worker * plan._cut.Floats);
            int end = (int)Math.Min(((long)item + 1) * plan._cut.TilesPerItem, tiles);
            for (int tile = item * plan._cut.TilesPerItem; tile < end; tile++)
                Tile(scratch, tile);
        }

        // A strip of rows of one slice, of a block of channels of an image.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Tile(float* scratch, int tile)
        {
            DepthwiseChannelsCut cut = plan._cut;
            (int rest, int strip) = Math.DivRem(tile, cut.Strips.Pieces);
            (rest, int z) = Math.DivRem(rest, cut.Z.Grid);
            (int image, int block) = Math.DivRem(rest, cut.Blocks);
            int firstRow = cut.Strips.Begin(strip), rows = cut.Strips.Size(strip), total = plan._request.Shape.InputChannels;
            int channel = block * V.Count, channels = Math.Min(V.Count, total - channel);
            nint size = (nint)cut.Z.Input * cut.Y.Input * cut.X.Input;
            nint plane = (nint)cut.Y.Output * cut.X.Output, channelStride = cut.Z.Output * plane;
            nint first = ((nint)image * total) + channel;
            var input = new DepthwiseChannelsInput<V>(cut, plan._request.Shape.PaddingMode, arguments.Input + (first * size), size, channels);
            input.Gather(scratch, z, firstRow, rows);

            int firstOutput = firstRow * cut.Y.Phases.Length, outputs = Math.Min(rows * cut.Y.Phases.Length, cut.Y.Output - firstOutput);
            for (int rz = 0; rz < cut.Z.Phases.Length; rz++)
            {
                int slice = (z * cut.Z.Phases.Length) + rz;
                if (slice >= cut.Z.Output)
                    break;

                Sum(scratch, block, rz, outputs);
                nint at = (first * channelStride) + (slice * plane) + ((nint)firstOutput * cut.X.Output);
                ChannelLanes.Scatter<V>(
                    scratch + (nint)cut.OutputsAt, plan._request.Output, arguments.Output + at, arguments.Residual + at, channelStride, channel, channels, outputs * cut.X.Output);
            }
        }

        // The outputs of a strip and a phase along the depth, row after row: the kernel may go beyond a row's end.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Sum(float* scratch, int block, int rz, int outputs)
        {
            DepthwiseChannelsCut cut = plan._cut;
            OutputStage stage = plan._request.Output;
            (Activation activation, bool later) = (stage.Epilogue.Activation, stage.Epilogue.HasResidual);
            bool slopes = activation is Activation.LeakyRelu or Activation.PRelu && !later;
            int phasesX = cut.X.Phases.Length, phasesY = cut.Y.Phases.Length, lanes = V.Count;
            float* zeros = stackalloc float[V.Count];
            V.Zero.Store(zeros);
            var row = new DepthwiseChannelsRow
            {
                Weights = plan._weights.Pointer + ((nint)block * cut.Z.Kernel * cut.Y.Kernel * cut.X.Kernel * lanes),
                Bias = later ? zeros : stage.Bias + (block * lanes),
                Slopes = slopes ? stage.Slopes + (block * lanes) : null,
                Low = later ? float.NegativeInfinity : activation == Activation.Relu ? 0 : activation == Activation.Clip ? stage.Epilogue.Alpha : float.NegativeInfinity,
                High = !later && activation == Activation.Clip ? stage.Epilogue.Beta : float.PositiveInfinity,
                SourceStep = (nint)cut.X.InputStep * lanes,
                TargetStep = (nint)phasesX * lanes,
                Repeats = cut.Repeats,
            };
            for (int o = 0; o < outputs; o++)
            {
                (int m, int ry) = Math.DivRem(o, phasesY);
                row.Lines = (float**)scratch + ((nint)m * cut.Y.InputStep);
                row.RowTaps = Pointer(plan._rowTaps[rz, ry]);
                row.RowTapCount = plan._rowTaps[rz, ry].Length;
                for (int rx = 0; rx < phasesX; rx++)
                {
                    row.ColumnTaps = Pointer(plan._columnTaps[rx]);
                    row.ColumnTapCount = plan._columnTaps[rx].Length;
                    row.Target = scratch + (nint)cut.OutputsAt + ((((nint)o * cut.X.Output) + rx) * lanes);
                    DepthwiseChannelsKernel<V>.Run(cut.ColumnsAtOnce, row);
                }
            }
        }
    }
}
