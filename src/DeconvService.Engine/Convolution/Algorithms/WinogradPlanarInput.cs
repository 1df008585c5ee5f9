using System.Runtime.CompilerServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The input's side of Winograd in planar order: neighbouring tiles of a row stand in the lanes.</summary>
/// <remarks>
/// All tiles of a row, all parts of the width and all interleaved axes read inputs that are less than Reach apart from their tile's first,
/// so a row is put into the lanes once, by transposing squares of L tiles times L inputs:
/// <code>
///   row with its border  x0 x1 x2 ...              line o of a gathered row:  x[o]  x[o + tile]  x[o + 2 tile] ...   o = 0 .. Reach - 1
///   tile = m * Step inputs from tile to tile       tap k of a part reads line  k * Step + the part's offset
/// </code>
/// One number at a time this took as long as the rest of both transforms together.
/// </remarks>
internal sealed unsafe class WinogradPlanarInput<V>
    where V : struct, IVec<V>
{
    private readonly WinogradGeometry _geometry;
    private readonly WinogradTileFunctions _tile;
    private readonly nint _pointFloats;
    private readonly int _reach;
    private readonly int _tileStep;

    /// <summary>Plans for points that are <paramref name="pointFloats"/> elements apart.</summary>
    public WinogradPlanarInput(WinogradGeometry geometry, WinogradTileFunctions tile, nint pointFloats)
    {
        (_geometry, _tile, _pointFloats) = (geometry, tile, pointFloats);
        (_reach, _tileStep) = (Width.Reach(1), Width.Size.Outputs * Width.Step);
    }

    private WinogradGrid Height => _geometry.Height;

    private WinogradGrid Width => _geometry.Width;

    /// <summary>Memory for <see cref="Transform"/> with rows of so many tiles.</summary>
    /// <param name="rows">Rows of inputs.</param>
    /// <param name="columns">Columns of tiles.</param>
    public long GatheredFloats(long rows, int columns) => BorderedFloats(columns) + (((rows * _reach) + V.Count) * _geometry.PlanarColumns(columns));

    /// <summary>Transforms rows of tiles of one channel and one part of depth and height, all parts of the width.</summary>
    /// <param name="plane">The channel's plane, or null for zeros.</param>
    /// <param name="gathered"><see cref="GatheredFloats"/></param>
    /// <param name="target">Receives the first part's first row of tiles.</param>
    /// <param name="y">First row of inputs.</param>
    /// <param name="run">Rows of tiles.</param>
    /// <param name="firstColumn">First column of tiles.</param>
    /// <param name="columns">Number of columns, on each of the interleaved axes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Transform(float* plane, float* gathered, float* target, int y, int run, int firstColumn, int columns)
    {
        int lineFloats = _geometry.PlanarColumns(columns);
        nint rowStride = (nint)_reach * lineFloats, columnStride = (nint)Width.Step * lineFloats, rowFloats = _geometry.RowFloats(columns);
        float* lines = gathered + BorderedFloats(columns);
        Gather(plane, gathered, lines, y, ((run - 1) * Height.Size.Outputs) + Height.Size.Alpha, firstColumn, columns);
        foreach (int offset in Width.Offsets)
        {
            for (int i = 0; i < run; i++)
            {
                float* row = target + (i * rowFloats);
                for (int spread = 0; spread < Width.Spread; spread++, row += lineFloats)
                {
                    float* source = lines + (i * Height.Size.Outputs * rowStride) + ((offset + (spread * Width.SpreadStep)) * (nint)lineFloats);
                    for (int column = 0; column < lineFloats; column += V.Count)
                        _tile.Input(source + column, rowStride, columnStride, row + column, _pointFloats);
                }
            }

            target += (nint)_geometry.Channels * _geometry.PlanarRow(columns);
        }
    }

    // The squares of a row end here; whole vectors of the border may be written behind it.
    private int BorderedFloats(int columns) => RoundUp((_geometry.PlanarColumns(columns) - 1) * _tileStep) + RoundUp(_reach) + (2 * V.Count);

    private static int RoundUp(int floats) => (floats + V.Count - 1) / V.Count * V.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gather(float* plane, float* bordered, float* lines, int y, int rows, int firstColumn, int columns)
    {
        int lineFloats = _geometry.PlanarColumns(columns), first = Width.First + (firstColumn * _tileStep);
        nint rowFloats = (nint)_reach * lineFloats;
        var border = new BorderedRow(Width.Axis.Input, first, 1, Width.Reach(columns), _geometry.Shape.PaddingMode);
        new Span<float>(bordered, BorderedFloats(columns)).Clear();
        for (int r = 0; r < rows; r++, lines += rowFloats)
        {
            int source = plane is null ? -1 : Border.Source(y + (r * Height.Step), Height.Axis.Input, _geometry.Shape.PaddingMode);
            if (source < 0)
            {
                new Span<float>(lines, (int)rowFloats).Clear();
                continue;
            }

            float* row = plane + ((nint)source * Width.Axis.Input);
            if (_tileStep == 1)
            {
                Shift(row, lines, first, columns);
                continue;
            }

            border.CopyRows<V>(row, 0, bordered, 0, 1);
            for (int column = 0; column < lineFloats; column += V.Count)
                Spread(bordered + ((nint)column * _tileStep), lines + column, lineFloats);
        }
    }

    // Tiles of one column: lines are the row itself, shifted. Whole vectors may be written, where the next lines have their place.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Shift(float* row, float* lines, int first, int columns)
    {
        int lineFloats = _geometry.PlanarColumns(columns);
        for (int line = 0; line < _reach; line++)
            new BorderedRow(Width.Axis.Input, first + line, 1, columns, _geometry.Shape.PaddingMode).CopyRows<V>(row, 0, lines + ((nint)line * lineFloats), 0, 1);
    }

    // All lines of L tiles. Squares end behind the row's last line, where the next row's have their place.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Spread(float* row, float* lines, int lineFloats)
    {
        for (int line = 0; line < _reach; line += V.Count)
            Transposition.Run<V>(row + line, _tileStep, lines + ((nint)line * lineFloats), lineFloats);
    }
}
