using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The input's side of Winograd: gathers rows, with what lies outside of them, and writes <c>B^T d B</c> of all tiles.</summary>
internal sealed unsafe class WinogradInput<V>
    where V : struct, IVec<V>
{
    private readonly WinogradGeometry _geometry;
    private readonly WinogradTileFunctions _tile;
    private readonly WinogradPlanarInput<V> _planar;
    private readonly int _rows;
    private readonly int _columns;

    /// <summary>Plans for blocks of at most so many rows and columns of tiles.</summary>
    public WinogradInput(WinogradGeometry geometry, WinogradTileFunctions tile, int rows, int columns)
    {
        (_geometry, _tile, _rows, _columns) = (geometry, tile, rows, columns);
        _planar = new WinogradPlanarInput<V>(geometry, tile, geometry.PointFloats(rows, columns));
    }

    /// <summary>What can be done independently of each other: parts of depth and height, and channels or blocks of them.</summary>
    public int Pieces => _geometry.DepthParts * _geometry.Height.Offsets.Length * Channels;

    /// <summary>Memory for <see cref="Transform"/> with so many rows of tiles at a time.</summary>
    public long GatheredFloats(int rows) =>
        _geometry.Planar ? _planar.GatheredFloats(GatheredRows(rows), _columns) : (GatheredRows(rows) * Width.Reach(_columns) * V.Count) + (V.Count * V.Count);

    private int Channels => _geometry.Planar ? _geometry.Channels : _geometry.ChannelBlocks;

    private WinogradGrid Height => _geometry.Height;

    private WinogradGrid Width => _geometry.Width;

    private ConvShape Shape => _geometry.Shape;

    /// <summary>Transforms one piece of a block of tiles.</summary>
    /// <param name="input">The input.</param>
    /// <param name="gathered"><see cref="GatheredFloats"/></param>
    /// <param name="transformed">Receives the block.</param>
    /// <param name="group">Group of channels.</param>
    /// <param name="piece">One of <see cref="Pieces"/>.</param>
    /// <param name="firstRow">Number of the first row of tiles, counted through all images, planes and interleaved axes.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="place">Where the first of them stands in the block.</param>
    /// <param name="firstColumn">First column of tiles.</param>
    /// <param name="columns">Number of columns, on each of the interleaved axes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Transform(float* input, float* gathered, float* transformed, int group, int piece, int firstRow, int rows, int place, int firstColumn, int columns)
    {
        (int part, int channel) = Math.DivRem(piece, Channels);
        (int partDepth, int partHeight) = Math.DivRem(part, Height.Offsets.Length);
        int tilesHigh = Height.InputTiles;
        for (int row = firstRow; row < firstRow + rows;)
        {
            // Rows of tiles of the same plane share gathered rows.
            (int rest, int tile) = Math.DivRem(row, tilesHigh);
            (rest, int spread) = Math.DivRem(rest, Height.Spread);
            (int image, int plane) = Math.DivRem(rest, _geometry.InputPlanes);
            int run = Math.Min(firstRow + rows - row, tilesHigh - tile);
            int z = _geometry.InputPlane(plane, partDepth);
            int y = Height.First + Height.Offsets[partHeight] + (spread * Height.SpreadStep) + (tile * Height.Size.Outputs * Height.Step);
            int at = place + row - firstRow;
            row += run;
            if (_geometry.Planar)
            {
                nint number = ((part * (nint)Width.Offsets.Length) * _geometry.Channels) + channel;
                float* target = transformed + (at * _geometry.RowFloats(columns)) + (number * _geometry.PlanarRow(columns));
                float* source = z < 0 ? null : Plane(input, image, (group * _geometry.Channels) + channel, z);
                _planar.Transform(source, gathered, target, y, run, firstColumn, columns);
            }
            else
            {
                Gather(input, gathered, image, group, channel, z, y, run, firstColumn, columns);
                for (int partWidth = 0; partWidth < Width.Offsets.Length; partWidth++)
                {
                    nint number = (((part * (nint)Width.Offsets.Length) + partWidth) * _geometry.ChannelBlocks) + channel;
                    float* target = transformed + (number * _geometry.SlabFloats(_rows, _columns)) + (at * _geometry.RowFloats(columns));
                    TransformLanes(gathered + (Width.Offsets[partWidth] * V.Count), target, run, columns);
                }
            }
        }
    }

    /// <summary>What <see cref="Transform"/> will read of the first plane, less the rows that the tiles above have read.</summary>
    /// <param name="input">The input.</param>
    /// <param name="group">Group of channels.</param>
    /// <param name="firstRow">Number of the first row of tiles.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="firstColumn">First column of tiles.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="firstChannel">First channel of the group that is asked for.</param>
    /// <param name="channels">Number of channels.</param>
    public ReadAhead Ahead(float* input, int group, int firstRow, int rows, int firstColumn, int columns, int firstChannel, int channels)
    {
        int inputHeight = Height.Axis.Input, inputWidth = Width.Axis.Input;
        (int rest, int tile) = Math.DivRem(firstRow, Height.InputTiles);
        (rest, int spread) = Math.DivRem(rest, Height.Spread);
        (int image, int plane) = Math.DivRem(rest, _geometry.InputPlanes);
        int z = Math.Max(_geometry.InputPlane(plane, tap: 0), 0);
        int y = Height.First + (spread * Height.SpreadStep) + (tile * Height.Size.Outputs * Height.Step), x = Width.First + (firstColumn * Width.Size.Outputs * Width.Step);
        int overlap = tile == 0 ? 0 : (Height.Size.Alpha - Height.Size.Outputs) * Height.Step;
        int top = Math.Max(y + overlap, 0), bottom = Math.Min(y + ((int)GatheredRows(rows) * Height.Step), inputHeight);
        int left = Math.Max(x, 0), right = Math.Min(x + Width.Reach(columns), inputWidth);
        return top >= bottom || left >= right
            ? default
            : new ReadAhead(
                Plane(input, image, (group * _geometry.Channels) + firstChannel, z) + ((nint)top * inputWidth) + left,
                right - left,
                bottom - top,
                inputWidth,
                channels,
                (nint)_geometry.Depth.Input * inputHeight * inputWidth);
    }

    private long GatheredRows(int rows) => (((long)rows - 1) * Height.Size.Outputs) + Height.Size.Alpha;

    private float* Plane(float* input, int image, int channel, int z)
    {
        nint plane = (nint)Height.Axis.Input * Width.Axis.Input;
        return input + (((((nint)image * Shape.InputChannels) + channel) * _geometry.Depth.Input) + z) * plane;
    }

    // Rows [row][column][L channels], columns as they stand in the input.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gather(float* input, float* gathered, int image, int group, int channelBlock, int z, int y, int run, int firstColumn, int columns)
    {
        int inputHeight = Height.Axis.Input, inputWidth = Width.Axis.Input, count = Width.Reach(columns);
        int first = Width.First + (firstColumn * Width.Size.Outputs * Width.Step);
        int channels = Math.Min(V.Count, _geometry.Channels - (channelBlock * V.Count));
        nint channelStride = (nint)_geometry.Depth.Input * inputHeight * inputWidth;
        float* plane = Plane(input, image, (group * _geometry.Channels) + (channelBlock * V.Count), Math.Max(z, 0));
        for (int r = 0; r < ((run - 1) * Height.Size.Outputs) + Height.Size.Alpha; r++, gathered += (nint)count * V.Count)
        {
            int source = z < 0 ? -1 : Border.Source(y + (r * Height.Step), inputHeight, Shape.PaddingMode);
            if (source < 0)
                new Span<float>(gathered, count * V.Count).Clear();
            else
                ChannelLanes.Gather<V>(plane + ((nint)source * inputWidth), channelStride, channels, inputWidth, first, count, Shape.PaddingMode, gathered);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TransformLanes(float* gathered, float* target, int run, int columns)
    {
        nint rowStride = (nint)Width.Reach(columns) * V.Count, columnStride = Width.Step * V.Count;
        nint tileStep = Width.Size.Outputs * columnStride, pointStride = _geometry.PointFloats(_rows, _columns);
        for (int i = 0; i < run; i++)
        {
            for (int spread = 0; spread < Width.Spread; spread++)
            {
                float* source = gathered + (i * Height.Size.Outputs * rowStride) + (spread * Width.SpreadStep * V.Count);
                for (int j = 0; j < columns; j++, source += tileStep, target += V.Count)
                    _tile.Input(source, rowStride, columnStride, target, pointStride);
            }
        }
    }
}
