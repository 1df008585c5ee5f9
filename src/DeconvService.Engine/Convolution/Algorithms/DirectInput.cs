using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Where the products of a block read: the image itself or a copy of a piece of it.</summary>
internal unsafe struct DirectSource
{
    /// <summary>What the tap with offset 0 reads at the first position.</summary>
    public float* First;

    /// <summary>Elements to the next channel.</summary>
    public nint ChannelStride;

    /// <summary>Elements to the next row of positions.</summary>
    public nint RowStride;

    /// <summary>Where each segment of a slice reads, for each product: <c>[channel block][tap]</c>.</summary>
    public int[][] Offsets;
}

/// <summary>What the blocks of a direct convolution read: copies pieces of the image where it cannot be read as it stands.</summary>
internal sealed unsafe class DirectInput<V>
    where V : struct, IVec<V>
{
    private readonly ConvShape _shape;
    private readonly DirectGeometry _geometry;
    private readonly int[][] _copiedOffsets;
    private readonly int[][] _inPlaceOffsets;

    public DirectInput(ConvShape shape, DirectGeometry geometry, DirectGroup[] groups)
    {
        (_shape, _geometry) = (shape, geometry);
        _copiedOffsets = Array.ConvertAll(groups, group => Pinned(group.Taps, geometry.CopiedOffset, geometry.ChannelLength));
        _inPlaceOffsets = geometry.CopiesNothing ? Array.ConvertAll(groups, group => Pinned(group.Taps, InPlaceOffset, Plane)) : [];
    }

    /// <summary>Elements of a copied block.</summary>
    public long CopiedFloats => _geometry.ChannelLength * _geometry.SliceChannels;

    private nint Plane => (nint)_geometry.Depth.Input * _geometry.Height.Input * _geometry.Width.Input;

    /// <summary>Makes a slice of the channels of a block readable.</summary>
    /// <param name="input">The images.</param>
    /// <param name="memory">Room for <see cref="CopiedFloats"/>.</param>
    /// <param name="block">The block.</param>
    /// <param name="slice">Number of the slice.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public DirectSource Open(float* input, float* memory, in DirectBlock block, int slice)
    {
        TapAxis height = _geometry.Height, width = _geometry.Width;
        float* channel0 = input + (((block.Image * (nint)_shape.InputChannels) + (block.ChannelGroup * (nint)_geometry.Products.Channels) + (slice * (nint)_geometry.SliceChannels)) * Plane);
        if (MayReadInPlace(block))
        {
            nint line = ((nint)block.Depth * _geometry.Depth.InputStep * height.Input) + ((nint)block.Row * height.InputStep);
            return new DirectSource
            {
                First = channel0 + (line * width.Input) + block.Column,
                ChannelStride = Plane,
                RowStride = (nint)height.InputStep * width.Input,
                Offsets = _inPlaceOffsets,
            };
        }

        Copy(channel0, memory, block);
        return new DirectSource { First = memory, ChannelStride = (nint)_geometry.ChannelLength, RowStride = _geometry.PartColumns, Offsets = _copiedOffsets };
    }

    /// <summary>What <see cref="Open"/> will read of the image for the following slice; nothing behind the last.</summary>
    public ReadAhead After(float* input, in DirectBlock block, int slice)
    {
        int channel = (slice + 1) * _geometry.SliceChannels;
        return channel >= _geometry.Products.Channels || _geometry.Columns.Pieces > 1
            ? default
            : block.Ahead(input, _shape, _geometry.Depth, _geometry.Height, _geometry.Width, channel, _geometry.SliceChannels);
    }

    private int[] Pinned(DirectTap[] taps, Func<DirectTap, int> offset, long channelStride)
    {
        int channelBlock = _geometry.Products.ChannelBlock, blocks = _geometry.SliceChannels / channelBlock;
        int[] offsets = GC.AllocateUninitializedArray<int>(Math.Max(blocks * taps.Length, 1), pinned: true);
        for (int i = 0; i < blocks * taps.Length; i++)
            offsets[i] = checked((int)((i / taps.Length * channelBlock * channelStride) + offset(taps[i % taps.Length])));

        return offsets;
    }

    private int InPlaceOffset(DirectTap tap) =>
        (((_geometry.Depth.Shifts[tap.Depth] * _geometry.Height.Input) + tap.Row) * _geometry.Width.Input) + tap.Column;

    private bool MayReadInPlace(in DirectBlock block)
    {
        DirectGeometry geometry = _geometry;
        if (!geometry.CopiesNothing)
            return false;

        // The sums of a slice have room for the rows of a copied block.
        if (geometry.Sliced && geometry.Height.InputStep * (long)geometry.Width.Input > geometry.PartColumns)
            return false;

        int firstDepth = block.Depth * geometry.Depth.InputStep;
        int firstRow = (block.Row * geometry.Height.InputStep) + geometry.FirstRow;
        int lastRow = firstRow + ((block.Rows - 1) * geometry.Height.InputStep) + geometry.RowSpan - 1;
        int firstColumn = block.Column + geometry.FirstColumn, lastColumn = firstColumn + block.Columns + geometry.ColumnSpan - 2;
        bool inside = firstRow >= 0 && lastRow < geometry.Height.Input && firstColumn >= 0 && lastColumn < geometry.Width.Input
            && firstDepth + geometry.Depth.Shifts[0] >= 0 && firstDepth + geometry.Depth.Shifts[^1] < geometry.Depth.Input;
        if (!inside)
            return false;

        // The last vector may reach over the end of its row, but not over the end of the input.
        long lastChannel = ((long)block.Image * _shape.InputChannels) + ((block.ChannelGroup + 1L) * geometry.Products.Channels) - 1;
        long line = (((lastChannel * geometry.Depth.Input) + firstDepth + geometry.Depth.Shifts[^1]) * geometry.Height.Input) + lastRow;
        return (line * geometry.Width.Input) + lastColumn + V.Count <= _shape.Input.Count;
    }

    // [c][depth shift][row mod stride][column mod stride][row / stride][column / stride]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Copy(float* channel0, float* target, in DirectBlock block)
    {
        DirectGeometry geometry = _geometry;
        TapAxis height = geometry.Height, width = geometry.Width;
        PaddingMode mode = _shape.PaddingMode;
        int rows = ((block.Rows - 1) * height.InputStep) + geometry.RowSpan, firstRow = (block.Row * height.InputStep) + geometry.FirstRow;

        // Channel by channel and row by row, as the image stands in memory, for the sake of the hardware's prefetching.
        for (int c = 0; c < geometry.SliceChannels; c++, channel0 += Plane, target += geometry.ChannelLength)
        {
            for (int d = 0; d < geometry.Depth.Shifts.Length; d++)
            {
                int z = Border.Source((block.Depth * geometry.Depth.InputStep) + geometry.Depth.Shifts[d], geometry.Depth.Input, mode);
                for (int part = 0; part < geometry.Parts; part++)
                {
                    (int rowPart, int columnPart) = Math.DivRem(part, width.InputStep);
                    float* to = target + (geometry.PartIndex(d, rowPart, columnPart) * (nint)geometry.PartLength);
                    int count = (rows - rowPart + height.InputStep - 1) / height.InputStep;
                    var bordered = new BorderedRow(width.Input, (block.Column * width.InputStep) + geometry.FirstColumn + columnPart, width.InputStep, geometry.PartColumns, mode);
                    float* image = z < 0 ? null : channel0 + (z * (nint)height.Input * width.Input);
                    bordered.CopyPlane<V>(image, height.Input, firstRow + rowPart, height.InputStep, count, to, geometry.PartColumns);
                }
            }
        }
    }
}
