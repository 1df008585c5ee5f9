using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// The output's side of Winograd: <c>A^T M A</c> into lanes <c>[row][column][L channels]</c>, where the outputs of phases and of
/// interleaved axes find their places, and from there into rows of the output.
/// </summary>
internal sealed unsafe class WinogradOutput<V>
    where V : struct, IVec<V>
{
    private readonly WinogradGeometry _geometry;
    private readonly WinogradTileFunctions _tile;
    private readonly OutputStage _stage;
    private readonly nint _pointFloats;

    // Columns from one row of the lanes to the next: where tiles make up whole rows of the output, no more than those have, so that all rows of
    // a plane are written as one. Narrow rows, written one by one, took a third of the time of a layer of 7 x 7 outputs.
    private readonly nint _laneColumns;
    private readonly bool _wholeRows;

    /// <summary>Plans for blocks of at most so many columns of tiles.</summary>
    /// <param name="geometry">The layer.</param>
    /// <param name="tile">The transforms.</param>
    /// <param name="stage">Bias, activation and residual.</param>
    /// <param name="pointFloats">Elements from the products of one point to those of the next.</param>
    /// <param name="columns">Columns of a block, on each of the interleaved axes.</param>
    public WinogradOutput(WinogradGeometry geometry, WinogradTileFunctions tile, OutputStage stage, nint pointFloats, int columns)
    {
        (_geometry, _tile, _stage, _pointFloats) = (geometry, tile, stage, pointFloats);
        nint tileColumns = (nint)ColumnStep * Width.Size.Outputs * columns;
        bool plain = geometry.Phases == 1 && Height is { Spread: 1, FirstOutput: 0 } && Width is { Spread: 1, FirstOutput: 0 };
        _wholeRows = plain && columns == Width.Tiles && (columns > 1 || tileColumns == Width.Axis.Output);
        _laneColumns = _wholeRows ? Width.Axis.Output : tileColumns;
        RowFloats = ((((Height.Phases * Height.Size.Outputs) - 1) * _laneColumns) + tileColumns) * V.Count;
    }

    /// <summary>Lanes of one row of tiles and L channels.</summary>
    public nint RowFloats { get; }

    private WinogradGrid Height => _geometry.Height;

    private WinogradGrid Width => _geometry.Width;

    // Outputs from one column of a tile to the next.
    private int ColumnStep => Width.Phases * Width.Spread;

    private nint PlaneFloats => (nint)Height.Axis.Output * Width.Axis.Output;

    private nint ChannelStride => _geometry.Depth.Output * PlaneFloats;

    /// <summary>Transforms a row of tiles of one phase and L channels.</summary>
    /// <param name="products">The products of the row's first tile.</param>
    /// <param name="tileStride">Elements from one tile's products to the next's.</param>
    /// <param name="spreadStride">Elements from the products on one of the interleaved axes to those on the next.</param>
    /// <param name="lanes">Receives the outputs.</param>
    /// <param name="phase">Phase of the output.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="channel">First output channel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Transform(float* products, nint tileStride, nint spreadStride, float* lanes, int phase, int columns, int channel)
    {
        (int phaseHeight, int phaseWidth) = Math.DivRem(phase, Width.Phases);
        nint columnStride = ColumnStep * V.Count, rowStride = Height.Phases * _laneColumns * V.Count;
        float* bias = _stage.Epilogue.HasResidual ? null : _stage.Bias + channel;
        bool activate = _stage.Epilogue is { Activation: not Activation.None, HasResidual: false };
        lanes += ((Height.Places[phaseHeight] * _laneColumns) + Width.Places[phaseWidth]) * V.Count;
        for (int spread = 0; spread < Width.Spread; spread++, lanes += V.Count, products += spreadStride)
        {
            // From the last column of tiles to the first, which then overwrites what the last one has written beyond the end of a row.
            float* tile = lanes + ((columns - 1) * Width.Size.Outputs * columnStride), sums = products + ((columns - 1) * tileStride);
            for (int j = 0; j < columns; j++, sums -= tileStride, tile -= Width.Size.Outputs * columnStride)
            {
                _tile.Output(sums, _pointFloats, tile, rowStride, columnStride, bias);
                if (activate)
                    Activate(tile, rowStride, columnStride, channel);
            }
        }
    }

    /// <summary>Writes a row of tiles of all phases and L channels.</summary>
    /// <param name="arguments">The output, and the residual.</param>
    /// <param name="lanes">The outputs.</param>
    /// <param name="tileRow">Number of the row of tiles.</param>
    /// <param name="firstColumn">First column of tiles.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="channel">First output channel.</param>
    /// <param name="channels">Number of channels, 1 to L.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Write(in ConvArguments arguments, float* lanes, int tileRow, int firstColumn, int columns, int channel, int channels)
    {
        Place place = At(tileRow, firstColumn, columns, channel);
        int outputHeight = Height.Axis.Output, outputWidth = Width.Axis.Output, y = place.Y;
        if (_wholeRows && columns == Width.Tiles)
        {
            nint at = place.First + ((nint)y * outputWidth);
            int count = Math.Min(Height.Size.Outputs, outputHeight - y) * outputWidth;
            ChannelLanes.Scatter<V>(lanes, _stage, arguments.Output + at, arguments.Residual + at, ChannelStride, channel, channels, count);
            return;
        }

        for (int row = 0; row < Height.Phases * Height.Size.Outputs && place.Left < place.Right; row++, y += Height.Spread)
        {
            if (y < 0 || y >= outputHeight)
                continue;

            nint at = place.First + ((nint)y * outputWidth) + place.Left;
            float* source = lanes + (((row * _laneColumns) + (place.Left - place.X)) * V.Count);
            ChannelLanes.Scatter<V>(source, _stage, arguments.Output + at, arguments.Residual + at, ChannelStride, channel, channels, place.Right - place.Left);
        }
    }

    /// <summary>What <see cref="Write"/> will write of some rows of tiles: memory has to be read before a part of a cache line is written.</summary>
    /// <param name="output">The output.</param>
    /// <param name="tileRow">Number of the first row of tiles.</param>
    /// <param name="rows">Number of rows, of which those of the first one's plane count.</param>
    /// <param name="firstColumn">First column of tiles.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="channel">First output channel.</param>
    /// <param name="channels">Number of channels.</param>
    public ReadAhead Ahead(float* output, int tileRow, int rows, int firstColumn, int columns, int channel, int channels)
    {
        Place place = At(tileRow, firstColumn, columns, channel);
        int top = Math.Max(place.Y, place.Spread), bottom = Math.Min(Height.Axis.Output, place.Y + (Height.Spread * Height.Phases * Height.Size.Outputs * rows));
        if (top >= bottom || place.Left >= place.Right)
            return default;

        nint outputWidth = Width.Axis.Output;
        return new ReadAhead(
            output + place.First + (top * outputWidth) + place.Left,
            place.Right - place.Left,
            (bottom - top + Height.Spread - 1) / Height.Spread,
            Height.Spread * outputWidth,
            channels,
            ChannelStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Place At(int tileRow, int firstColumn, int columns, int channel)
    {
        (int rest, int tile) = Math.DivRem(tileRow, Height.Tiles);
        (rest, int spread) = Math.DivRem(rest, Height.Spread);
        (int image, int plane) = Math.DivRem(rest, _geometry.Depth.Output);
        int y = spread + (Height.Spread * FirstOutput(Height, tile)), x = Width.Spread * FirstOutput(Width, firstColumn);
        int right = Math.Min(Width.Axis.Output, x + (ColumnStep * Width.Size.Outputs * columns));
        nint first = (((((nint)image * _geometry.Shape.OutputChannels) + channel) * _geometry.Depth.Output) + plane) * PlaneFloats;
        return new Place(first, spread, y, x, Math.Max(x, 0), right);
    }

    private static int FirstOutput(WinogradGrid grid, int tile) => grid.FirstOutput + (grid.Phases * tile * grid.Size.Outputs);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Activate(float* tile, nint rowStride, nint columnStride, int channel)
    {
        V slope = V.Load(_stage.Slopes + channel);
        for (int a = 0; a < Height.Size.Outputs; a++)
        {
            for (int b = 0; b < Width.Size.Outputs; b++)
            {
                float* value = tile + (a * rowStride) + (b * columnStride);
                _stage.Activate(V.Load(value), slope).Store(value);
            }
        }
    }

    // Where the outputs of a row of tiles stand: the first channel's plane begins at First, they at (Y, X) of it, on the axis Spread of the
    // interleaved ones; columns Left to Right exist.
    private readonly record struct Place(nint First, int Spread, int Y, int X, int Left, int Right);
}
