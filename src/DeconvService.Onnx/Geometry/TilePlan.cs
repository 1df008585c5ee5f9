namespace DeconvService.Onnx.Geometry;

/// <summary>One tile: the part of the picture that the network is given, and where the part of its output to keep goes.</summary>
/// <param name="X">Along the width.</param>
/// <param name="Y">Along the height.</param>
/// <param name="OutputX">First column of the result that the tile makes.</param>
/// <param name="OutputY">First row of the result that the tile makes.</param>
public readonly record struct Tile(TileAxis X, TileAxis Y, int OutputX, int OutputY);

/// <summary>
/// How a picture is cut into tiles. They come row by row from the top left, so that rows of the result are final one band after the other.
/// The cuts are spread evenly: no narrow tile is left over at the end, most of whose work would be its halo.
/// </summary>
public sealed class TilePlan
{
    private readonly NetworkGeometry _geometry;
    private readonly int[] _columns;
    private readonly int[] _rows;

    /// <summary>Cuts a picture.</summary>
    /// <param name="geometry">The network's.</param>
    /// <param name="width">Width of the picture in pixels.</param>
    /// <param name="height">Height of the picture in pixels.</param>
    /// <param name="tileSize">Longest side of a tile without its halo, in pixels; no limit for a network that needs the whole picture.</param>
    public TilePlan(NetworkGeometry geometry, int width, int height, int tileSize)
    {
        (_geometry, Width, Height) = (geometry, width, height);
        _columns = geometry.NeedsWholeInput ? [0, width] : Cut(width, tileSize, geometry.Multiple);
        _rows = geometry.NeedsWholeInput ? [0, height] : Cut(height, tileSize, geometry.Multiple);
    }

    /// <summary>Width of the picture.</summary>
    public int Width { get; }

    /// <summary>Height of the picture.</summary>
    public int Height { get; }

    /// <summary>Tiles in a row.</summary>
    public int Columns => _columns.Length - 1;

    /// <summary>Rows of tiles.</summary>
    public int Rows => _rows.Length - 1;

    /// <summary>Number of tiles.</summary>
    public int Count => Columns * Rows;

    /// <summary>A tile.</summary>
    /// <param name="column">Counted from the left.</param>
    /// <param name="row">Counted from the top.</param>
    public Tile this[int column, int row] => new(
        AxisOf(Width, _columns, column),
        AxisOf(Height, _rows, row),
        _geometry.ToOutput(_columns[column]),
        _geometry.ToOutput(_rows[row]));

    // The halo of a network that needs the whole picture means nothing.
    private TileAxis AxisOf(int size, int[] cuts, int index) => _geometry.NeedsWholeInput
        ? new TileAxis(
            -_geometry.Border,
            checked(((size + _geometry.Multiple - 1) / _geometry.Multiple * _geometry.Multiple) + _geometry.Border),
            OutputCrop: 0,
            _geometry.ToOutput(size))
        : _geometry.Tile(size, cuts[index], cuts[index + 1]);

    /// <summary>Places of the cuts along one axis: 0, multiples of <paramref name="multiple"/>, and <paramref name="size"/>.</summary>
    /// <param name="size">Pixels along the axis.</param>
    /// <param name="tileSize">The most pixels between two cuts, unless <paramref name="multiple"/> is more.</param>
    /// <param name="multiple">What cuts have to be multiples of.</param>
    internal static int[] Cut(int size, int tileSize, int multiple)
    {
        int longest = Math.Max(tileSize / multiple, 1) * multiple;
        int count = (int)(((long)size + longest - 1) / longest);
        int even = (size + count - 1) / count;
        int step = (int)(((long)even + multiple - 1) / multiple * multiple);
        var cuts = new List<int>();
        for (long cut = 0; cut < size; cut += step)
            cuts.Add((int)cut);

        cuts.Add(size);
        return [.. cuts];
    }
}
