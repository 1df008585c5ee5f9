using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned as a matrix product with output positions in the lanes; see <see cref="Gemm"/>.</summary>
internal sealed unsafe class GemmPositionsPlan<V> : GemmSumsPlan<V>
    where V : struct, IVec<V>
{
    /// <summary>Plans a layer.</summary>
    /// <param name="request">The layer.</param>
    /// <param name="panels">Its input.</param>
    public GemmPositionsPlan(ConvRequest request, InputPanels<V> panels)
        : base(request, panels, channelUnit: 1, Blocking.Rows<V>(panels.Split.Largest))
    {
    }

    public override string Name => Gemm.NameOf(Panels.Grid);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Sum(in PanelBatch batch, float* sums, float* spare, int group, int phase, int block)
    {
        int rows = Blocks.Size(block), taps = Panels.Phases[phase].Length;
        float* weights = Weights(group, phase, block);
        var product = new MicroProduct
        {
            A = weights,
            X = batch.Panels,
            Offsets = Offsets(phase),
            Segments = taps,
            Depth = Panels.Channels,
            LastDepth = Panels.Channels,
            Step = Panels.Width,
            C = sums,
            RowStride = RowStride,

            // The next rows, which follow, are fetched at the pace at which these are used.
            Next = weights + (rows * (nint)Panels.Channels * taps),
            NextStep = rows,
        };
        delegate*<in MicroProduct, void> larger = MicroKernelTable.Find<V, SideBySide>(rows, Panels.Split.Largest);
        delegate*<in MicroProduct, void> smaller = MicroKernelTable.Find<V, SideBySide>(rows, Panels.Split.Size(Panels.Split.Pieces - 1));
        for (int piece = batch.First; piece < batch.End; piece++)
        {
            int size = Panels.Split.Size(piece);
            (size == Panels.Split.Largest ? larger : smaller)(in product);
            product.X += Panels.Floats;
            product.C += size * V.Count;
            product.Next = null;
            product.NextStep = 0;
        }
    }
}
