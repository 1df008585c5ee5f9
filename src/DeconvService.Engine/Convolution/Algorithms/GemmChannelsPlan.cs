using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned as a matrix product with output channels in the lanes; see <see cref="GemmChannels"/>.</summary>
internal sealed unsafe class GemmChannelsPlan<V> : GemmSumsPlan<V>
    where V : struct, IVec<V>
{
    // Weights of a block of channels that stay in the second-level cache while the panels of a batch run over them.
    private const int WeightBytes = 256 << 10;

    private readonly EvenSplit _channelParts;

    public GemmChannelsPlan(ConvRequest request, InputPanels<V> panels, int vectors)
        : base(request, panels, channelUnit: V.Count, vectors)
    {
        _channelParts = new EvenSplit(panels.Channels, FittingSteps);
    }

    public override string Name => Panels.Grid.Interleaved ? "phase-gemm-channels" : "gemm-channels";

    // The sums as the products leave them, [position][channel], and up to L - 1 positions more that are transposed along.
    protected override long SpareFloats => (RowStride + V.Count) * (long)BlockLanes;

    private int BlockLanes => Blocks.Largest * V.Count;

    private int FittingSteps => WeightBytes / (sizeof(float) * BlockLanes);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Sum(in PanelBatch batch, float* sums, float* spare, int group, int phase, int block)
    {
        int vectors = Blocks.Size(block), lanes = vectors * V.Count, taps = Panels.Phases[phase].Length;
        int count = Panels.PositionOf(batch.End) - Panels.PositionOf(batch.First), batchPanels = batch.End - batch.First;
        float* weights = Weights(group, phase, block);
        int tapsAtOnce = _channelParts.Pieces > 1 ? 1 : Math.Max(1, FittingSteps / Panels.Channels);
        int* offsets = Offsets(phase);
        int positions = Panels.Split.Largest;
        delegate*<in MicroProduct, void> larger = MicroKernelTable.Find<V, OfWideRows>(positions, vectors);
        delegate*<in MicroProduct, void> smaller = MicroKernelTable.Find<V, OfWideRows>(Panels.Split.Size(Panels.Split.Pieces - 1), vectors);
        bool accumulate = false;
        for (int tap = 0; tap < taps; tap += tapsAtOnce)
        {
            for (int part = 0; part < _channelParts.Pieces; part++)
            {
                int parts = Math.Min(tapsAtOnce, taps - tap), depth = _channelParts.Size(part), steps = parts * depth;
                var product = new MicroProduct
                {
                    X = weights,
                    Segments = 1,
                    Depth = depth,
                    LastDepth = depth,
                    Step = lanes,
                    StepRows = Panels.Width,
                    Parts = parts,
                    PartRows = offsets + tap,
                    PartStep = depth * lanes,
                    RowStride = lanes,
                    Accumulate = accumulate,

                    // The weights that follow, in equal shares of the panels.
                    NextStep = Math.Min(32, (lanes + batchPanels - 1) / batchPanels),
                };
                weights += steps * (nint)lanes;
                product.A = batch.Panels + (_channelParts.Begin(part) * (nint)Panels.Width);
                product.C = spare;
                product.Next = weights;
                for (int piece = batch.First; piece < batch.End; piece++)
                {
                    int size = Panels.Split.Size(piece);
                    (size == positions ? larger : smaller)(in product);
                    product.A += Panels.Floats;
                    product.C += size * (nint)lanes;
                    product.Next += steps * product.NextStep;
                }

                accumulate = true;
            }
        }

        for (int q = 0; q < count; q += V.Count)
        {
            for (int v = 0; v < vectors; v++)
            {
                float* target = sums + (v * (nint)V.Count * RowStride) + q;
                if (accumulate)
                {
                    Transposition.Run<V>(spare + (q * (nint)lanes) + (v * V.Count), lanes, target, RowStride);
                    continue;
                }

                // A phase that no tap belongs to.
                for (int r = 0; r < V.Count; r++)
                    V.Zero.Store(target + (r * (nint)RowStride));
            }
        }
    }
}
