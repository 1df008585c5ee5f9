using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The output's side of <see cref="RowWinograd"/>: <c>A^T</c> along the height, and the sums of the kernel's columns put together.</summary>
internal sealed unsafe class RowWinogradOutput<V>
    where V : struct, IVec<V>
{
    private readonly ConvRequest _request;
    private readonly RowWinogradGeometry _geometry;
    private readonly int[][] _taps;
    private readonly int _stride;

    public RowWinogradOutput(ConvRequest request, RowWinogradGeometry geometry)
    {
        (_request, _geometry) = (request, geometry);
        _stride = ((geometry.Columns.Largest + (2 * V.Count)) / 32 * 32) + 16 + 32;
        _taps = Array.ConvertAll(geometry.Width.Phases, Pinned);
    }

    /// <summary>Elements of the rows that are put together: <c>[tile row][phase of the width]</c>, and one row with all phases.</summary>
    public long Floats => (long)(_geometry.TileRows + 1) * Phases * _stride;

    private int Phases => _geometry.Width.Phases.Length;

    /// <summary>Writes all output rows of a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Write(in ConvArguments arguments, float* sums, float* spare, in RowWinogradBlock block, int tile)
    {
        TapAxis height = _geometry.Height;
        sums += block.Column - block.Origin;
        for (int line = 0; line < _geometry.Outputs * height.Phases.Length; line++)
        {
            (int channel, int phase) = Math.DivRem(line, height.Phases.Length);
            for (int p = 0; p < Phases; p++)
                Transform(sums, _taps[p], spare + (p * _stride), block.Columns);

            for (int i = 0; i < _geometry.TileRows; i++)
            {
                int row = ((((tile * _geometry.TileRows) + i) * height.Phases.Length) + phase) - height.Crop;
                if ((uint)row < (uint)height.Output)
                    WriteRow(arguments, spare + (i * Phases * (nint)_stride), spare + (_geometry.TileRows * Phases * (nint)_stride), block, channel, row);
            }

            sums += _geometry.Width.Kernel * (nint)_geometry.SumStride;
        }
    }

    // Where a phase's kernel columns have their sums, from those of the first column on.
    private int[] Pinned(Tap[] taps)
    {
        int[] pinned = GC.AllocateArray<int>(taps.Length, pinned: true);
        for (int i = 0; i < taps.Length; i++)
            pinned[i] = (taps[i].Kernel * _geometry.SumStride) + _geometry.Width.Shifts[taps[i].Shift];

        return pinned;
    }

    // The rows of a tile, one phase of the width: [tile row][phase][column].
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Transform(float* sums, int[] taps, float* target, int count)
    {
        nint point = _geometry.Rows * (nint)_geometry.SumStride, tileRow = Phases * (nint)_stride;
        int* offsets = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(taps));
        bool three = _geometry.TileRows == 3;
        for (int i = 0; i < count; i += V.Count, sums += V.Count, target += V.Count)
        {
            V y0 = V.Zero, y1 = V.Zero, y2 = V.Zero;
            for (int t = 0; t < taps.Length; t++)
            {
                float* m = sums + offsets[t];
                V m0 = V.Load(m), m1 = V.Load(m + point), m2 = V.Load(m + (2 * point)), m3 = V.Load(m + (3 * point));
                V sum = m1 + m2, difference = m1 - m2;
                y0 += m0 + sum;
                y1 += three ? difference : difference + m3;
                y2 += sum + m3;
            }

            y0.Store(target);
            y1.Store(target + tileRow);
            if (three)
                y2.Store(target + (2 * tileRow));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WriteRow(in ConvArguments arguments, float* phases, float* spare, in RowWinogradBlock block, int channel, int row)
    {
        TapAxis width = _geometry.Width;
        if (Phases > 1)
        {
            Interleaving.Run<V>(phases, _stride, Phases, block.Columns, spare);
            phases = spare;
        }

        int column = block.Column * Phases, elements = Math.Min(block.Columns * Phases, width.Output - column);
        channel += block.ChannelGroup * _geometry.Outputs;
        nint at = (nint)((((((long)block.Image * _request.Shape.OutputChannels) + channel) * _geometry.Height.Output) + row) * width.Output) + column;
        _request.Output.WriteRow<V>(phases, arguments.Output + at, arguments.Residual + at, elements, channel);
    }
}
