using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>A layer planned as a matrix product with output positions in the lanes; see <see cref="Gemm"/>.</summary>
internal sealed unsafe class GemmPositionsPlan<V> : GemmPlan<V>
    where V : struct, IVec<V>
{
    private readonly PackedWeights _weights;
    private readonly int[][] _offsets;

    // Where the weights of a phase begin in those of a group.
    private readonly nint[] _phaseWeights;

    public GemmPositionsPlan(ConvRequest request, InputPanels<V> panels)
        : base(request, panels, channelUnit: 1, Blocking.Rows<V>(panels.Split.Largest))
    {
        ConvShape shape = request.Shape;
        _offsets = Array.ConvertAll(panels.Phases, PinnedOffsets);
        _phaseWeights = new nint[panels.Phases.Length];
        for (int phase = 1; phase < _phaseWeights.Length; phase++)
            _phaseWeights[phase] = _phaseWeights[phase - 1] + (GroupRows * (nint)panels.Channels * panels.Phases[phase - 1].Length);

        _weights = request.Weights.Packed(
            request.Pool,
            ("gemm", shape.Kind, Blocks, Groups, string.Join(';', panels.Phases.SelectMany(taps => taps))),
            shape.Weight.Count,
            Pack);
    }

    public override string Name => Panels.Interleaved ? "phase-gemm" : "gemm";

    public override long PackedBytes => _weights.Bytes;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Multiply(float* panels, int firstPiece, int endPiece, float* sums, float* spare, int group, int phase, int block)
    {
        int rows = Blocks.Size(block), taps = Panels.Phases[phase].Length;
        float* weights = _weights.Pointer + (group * (nint)(Request.Shape.Weight.Count / Groups)) + _phaseWeights[phase] + (Blocks.Begin(block) * (nint)Panels.Channels * taps);
        var product = new MicroProduct
        {
            A = weights,
            Offsets = AddressOf(_offsets[phase]),
            Segments = taps,
            Depth = Panels.Channels,
            LastDepth = Panels.Channels,
            Step = Panels.Width,
            RowStride = RowStride,

            // The next block's rows, which follow, are fetched at the pace at which this block's are used.
            Next = weights + (rows * (nint)Panels.Channels * taps),
            NextStep = rows,
        };
        int begin = Panels.PositionOf(firstPiece);
        for (int piece = firstPiece; piece < endPiece; piece++)
        {
            product.X = panels + ((piece - firstPiece) * (nint)Panels.Floats);
            product.C = sums + (Panels.PositionOf(piece) - begin);
            MicroKernelTable.Find<V, SideBySide>(rows, Panels.Split.Size(piece))(in product);
            product.Next = null;
            product.NextStep = 0;
        }
    }

    // [group][phase][row block][tap][c][R]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pack(float* weight, float* packed)
    {
        ConvShape shape = Request.Shape;
        int channels = Panels.Channels;
        nint kernel = (nint)(shape.Weight.Count / shape.Weight[0] / shape.Weight[1]);
        bool transposed = shape.Kind == ConvKind.Transposed;
        nint rowStride = transposed ? kernel : channels * kernel;
        nint channelStride = transposed ? GroupRows * kernel : kernel;
        for (int group = 0; group < Groups; group++)
        {
            float* from = weight + (group * (nint)channels * GroupRows * kernel);
            foreach (PanelTap[] taps in Panels.Phases)
            {
                for (int block = 0; block < Blocks.Pieces; block++)
                {
                    int rows = Blocks.Size(block);
                    float* first = from + (Blocks.Begin(block) * rowStride);
                    foreach (PanelTap tap in taps)
                    {
                        for (int c = 0; c < channels; c++)
                        {
                            float* source = first + (c * channelStride) + tap.Kernel;
                            for (int r = 0; r < rows; r++)
                                *packed++ = source[r * rowStride];
                        }
                    }
                }
            }
        }
    }
}
