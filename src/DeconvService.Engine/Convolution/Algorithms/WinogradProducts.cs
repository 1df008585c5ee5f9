using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>
/// The middle of Winograd with channels in the lanes: for each point of the tiles the transformed inputs times the transformed weights, summed over channels and terms,
/// <c>M[point][tile][channel] = sum over terms of V[point][term][tile] * U[point][term][channel]</c>.
/// </summary>
/// <remarks>
/// <code>
/// for each point           V[point]                     U[point]                   M[point]
///   for each strip      [terms][tiles]         x    [terms][2 L channels]    =   [tiles][2 L channels]
///     for each piece      R of the tiles              the whole panel              R rows
/// </code>
/// A strip is the tiles of one row, or of all rows of the block where nothing lies between them. The panel of a point stays in the
/// first-level cache for all pieces of all strips.
/// </remarks>
internal sealed unsafe class WinogradProducts<V>
    where V : struct, IVec<V>
{
    // Interleaved axes can have thousands of strips, and the stack has its limits.
    private const int MaximumStrips = 64;

    private readonly WinogradGeometry _geometry;
    private readonly int _rows;
    private readonly int _columns;
    private readonly nint _productPoint;

    // Where the tiles of each term begin.
    private readonly int[] _places;

    /// <summary>Plans for tiles that lie in blocks of at most so many rows and columns.</summary>
    /// <param name="geometry">The layer.</param>
    /// <param name="rows">Rows of transformed tiles.</param>
    /// <param name="columns">Columns of transformed tiles, on each of the interleaved axes.</param>
    /// <param name="productPoint">Elements from the products of one point to those of the next.</param>
    public WinogradProducts(WinogradGeometry geometry, int rows, int columns, nint productPoint)
    {
        (_geometry, _rows, _columns, _productPoint) = (geometry, rows, columns, productPoint);
        _places = TermPlaces();
    }

    /// <summary>Some points of a block of tiles, for <paramref name="vectors"/> vectors of output channels.</summary>
    /// <param name="transformed">The transformed tiles.</param>
    /// <param name="weights">The weights of these channels, point after point.</param>
    /// <param name="products">Receives <c>[point][tile][channel]</c>.</param>
    /// <param name="firstRow">First row of tiles of outputs.</param>
    /// <param name="rows">Rows of the block.</param>
    /// <param name="blockColumns">Columns of the block.</param>
    /// <param name="vectors">1 or 2.</param>
    /// <param name="firstPoint">First of the points.</param>
    /// <param name="points">How many of them.</param>
    /// <param name="before">Is fetched meanwhile.</param>
    /// <param name="after">Is fetched while the last points are multiplied, because it is wanted right after them.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(
        float* transformed, float* weights, float* products, int firstRow, int rows, int blockColumns, int vectors, int firstPoint, int points, ReadAhead before, ReadAhead after)
    {
        bool joined = _geometry.Joined;
        int spread = _geometry.Width.Spread, count = joined ? 1 : rows * spread, tiles = joined ? rows * spread * blockColumns : blockColumns;
        int columns = _geometry.Shares ? _columns : blockColumns, sums = vectors * V.Count;
        transformed += firstPoint * _geometry.PointFloats(_rows, _columns);
        weights += firstPoint * (nint)_geometry.Reduction * sums;
        products += firstPoint * _productPoint;
        MicroProduct* strips = stackalloc MicroProduct[Math.Min(count, MaximumStrips)];
        for (int first = 0; first < count; first += MaximumStrips, products += (nint)MaximumStrips * tiles * sums)
        {
            int some = Math.Min(count - first, MaximumStrips);
            for (int i = 0; i < some; i++)
                strips[i] = Strip(transformed, weights, firstRow, first + i, columns, sums);

            Multiply(strips, some, tiles, products, vectors, points, ref before, ref after);
        }
    }

    // What follows from the layer alone has been computed by now: a product is a call and a few thousand multiply-adds, no more.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(MicroProduct* strips, int count, int tiles, float* products, int vectors, int points, ref ReadAhead before, ref ReadAhead after)
    {
        int sums = vectors * V.Count;
        var split = new EvenSplit(tiles, Blocking.Rows<V>(vectors));
        nint pointTiles = _geometry.PointFloats(_rows, _columns), pointWeights = (nint)_geometry.Reduction * sums;
        delegate*<in MicroProduct, void> larger = Kernel(split.Largest, vectors), smaller = Kernel(split.Size(split.Pieces - 1), vectors);

        // The next point's weights are fetched meanwhile, in equal shares: with many channels they come from the last-level cache or from memory.
        int pieces = count * split.Pieces;
        nint share = Math.Min(32, (sums + pieces - 1) / pieces), fetched = _geometry.Reduction * share;
        for (int i = 0; i < count; i++)
            strips[i].NextStep = share;

        int calls = points * pieces, linesBefore = (before.Left + calls - 1) / calls, linesAfter = ((2 * after.Left) + calls - 1) / calls;

        for (int point = 0; point < points; point++)
        {
            float* next = strips[0].X + pointWeights;
            float* c = products + (point * _productPoint);
            for (int i = 0; i < count; i++)
            {
                MicroProduct* product = strips + i;
                float* first = product->A;
                for (int piece = 0; piece < split.Pieces; piece++)
                {
                    int size = split.Size(piece);
                    product->C = c;
                    product->Next = next;
                    if (size == split.Largest)
                        larger(in *product);
                    else
                        smaller(in *product);

                    before.Advance(linesBefore);
                    if (point >= points / 2)
                        after.Advance(linesAfter);

                    next += fetched;
                    c += size * sums;
                    product->A += size * V.Count;
                }

                product->A = first + pointTiles;
                product->X += pointWeights;
            }
        }
    }

    private static delegate*<in MicroProduct, void> Kernel(int tiles, int vectors) => MicroKernelTable.Find<V, InRuns>(tiles, vectors);

    // The product of a strip's first tile at the first point. Of the shared axis only the terms that lie inside; none may be left, then the sums are 0.
    private MicroProduct Strip(float* transformed, float* weights, int firstRow, int number, int columns, int sums)
    {
        (int row, int column) = Math.DivRem(number, _geometry.Width.Spread);
        (int begin, int end) = _geometry.Inside(firstRow + row);
        int inputRow = _geometry.Shares ? _geometry.InputRow(firstRow + row) : row;
        int terms = _places.Length / (_geometry.SharesDepth ? _geometry.DepthTaps.Length : _geometry.Height.Shared);
        return new MicroProduct
        {
            A = transformed + (inputRow * _geometry.RowFloats(columns)) + (column * (nint)columns * V.Count),
            X = weights + (begin * (nint)terms * _geometry.Channels * sums),
            Segments = begin == end ? 0 : _geometry.ChannelBlocks,
            Depth = V.Count,
            LastDepth = _geometry.Channels - ((_geometry.ChannelBlocks - 1) * V.Count),
            Step = sums,
            SegmentRows = _geometry.SlabFloats(_rows, _columns),
            Parts = terms * (end - begin),
            PartRows = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_places)) + (begin * terms),
            PartStep = (nint)_geometry.Channels * sums,
            RowStride = sums,
        };
    }

    // Where the tiles of each term begin: it has its own, or reads others of the same.
    private int[] TermPlaces()
    {
        WinogradGrid height = _geometry.Height, width = _geometry.Width;
        nint row = _geometry.RowFloats(_columns), slab = _geometry.SlabFloats(_rows, _columns);
        int[] places = GC.AllocateArray<int>(_geometry.Terms.Length, pinned: true);
        for (int i = 0; i < places.Length; i++)
        {
            WinogradTerm term = _geometry.Terms[i];
            (int shared, int part) = _geometry.SharesDepth ? (term.Depth, 0) : (0, term.Depth);
            int number = (((part * height.Offsets.Length) + term.PartHeight) * width.Offsets.Length) + term.PartWidth;
            nint rows = (_geometry.DepthShift(shared) * (nint)height.Spread * height.InputTiles) + (term.SharedHeight * height.TileShift);
            places[i] = (int)((rows * row) + (number * _geometry.ChannelBlocks * slab) + (term.SharedWidth * (nint)width.TileShift * V.Count));
        }

        return places;
    }
}
