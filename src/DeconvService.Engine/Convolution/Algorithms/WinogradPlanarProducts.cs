using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The products of tiles in planar order: <c>M[point][tile][outputs] = V[point][row][part][c][column] * U[point][term][c][outputs]</c>.</summary>
/// <remarks>
/// One stride leads through everything that a row of tiles multiplies: its parts and channels, and, because rows of tiles stand one after another,
/// those of the next rows that it shares. What it shares along the width are the neighbours of the same numbers, so that is a
/// convolution along the row, by <see cref="SlidingKernel"/>, which leaves out columns that hold nothing but padding.
/// </remarks>
internal sealed unsafe class WinogradPlanarProducts<V>
    where V : struct, IVec<V>
{
    private readonly WinogradGeometry _geometry;
    private readonly nint _pointFloats;
    private readonly nint _productPoint;

    // Terms that one stride leads through, and where those of each plane that is shared begin.
    private readonly int _terms;
    private readonly int[] _planes;

    // Shared columns are summed up so many at a time.
    private readonly EvenSplit _shifts;

    /// <summary>Plans for blocks.</summary>
    /// <param name="geometry">The layer.</param>
    /// <param name="rows">Rows of transformed tiles.</param>
    /// <param name="columns">The most columns of them.</param>
    /// <param name="productPoint">Elements from the products of one point to those of the next.</param>
    public WinogradPlanarProducts(WinogradGeometry geometry, int rows, int columns, nint productPoint)
    {
        (_geometry, _productPoint) = (geometry, productPoint);
        _pointFloats = geometry.PointFloats(rows, columns);
        _terms = geometry.Height.Shared * geometry.Parts;
        _planes = GC.AllocateArray<int>(geometry.SharesDepth ? geometry.DepthTaps.Length : 1, pinned: true);
        for (int i = 0; i < _planes.Length; i++)
            _planes[i] = (int)(geometry.DepthShift(i) * (nint)geometry.Height.Spread * geometry.Height.InputTiles * geometry.RowFloats(columns));

        _shifts = new EvenSplit(geometry.Width.Shared, SlidingKernel.Shifts<V>());
    }

    private int* Planes => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_planes));

    /// <summary>Multiplies a block of tiles by one chunk of weights.</summary>
    /// <param name="transformed">The transformed tiles, of the block or, where tiles are shared, of the whole input.</param>
    /// <param name="weights">The chunk's weights.</param>
    /// <param name="products">Receives the products.</param>
    /// <param name="firstRow">Number of the first row of tiles.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns, on each of the interleaved axes.</param>
    /// <param name="vectors">Vectors of outputs, 1 or 2.</param>
    /// <param name="firstPoint">First of the points that are multiplied.</param>
    /// <param name="points">How many of them.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(float* transformed, float* weights, float* products, int firstRow, int rows, int columns, int vectors, int firstPoint, int points)
    {
        transformed += firstPoint * _pointFloats;
        weights += firstPoint * (nint)_geometry.Reduction * vectors * V.Count;
        products += firstPoint * _productPoint;
        int stored = _geometry.Shares ? _geometry.Width.InputTiles : columns, spread = _geometry.Width.Spread;
        nint rowFloats = _geometry.RowFloats(stored), sumRow = (nint)columns * vectors * V.Count;
        for (int i = 0; i < rows; i++)
        {
            int row = firstRow + i;
            float* line = transformed + ((_geometry.Shares ? _geometry.InputRow(row) : i) * rowFloats);
            for (int j = 0; j < spread; j++, line += _geometry.PlanarColumns(stored), products += sumRow)
            {
                if (_geometry.Width.Shared > 1)
                    Slide(line, weights, products, row, j, columns, vectors, points);
                else
                    MultiplyRow(line, weights, products, row, columns, stored, vectors, points);
            }
        }
    }

    // Which planes of the depth, and which terms within each, lie inside of the input.
    private void Inside(int row, out int firstPlane, out int planes, out int skipped, out int steps)
    {
        (int begin, int end) = _geometry.Inside(row);
        int termsOfRow = _terms / _geometry.Height.Shared * _geometry.Channels;
        if (_geometry.SharesDepth)
            (firstPlane, planes, skipped, steps) = (begin, end - begin, 0, _terms * _geometry.Channels);
        else
            (firstPlane, planes, skipped, steps) = (0, end > begin ? 1 : 0, begin * termsOfRow, (end - begin) * termsOfRow);
    }

    // Nothing is shared along the width: tiles times weights, the points of the row.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyRow(float* line, float* weights, float* sums, int row, int columns, int stored, int vectors, int points)
    {
        Inside(row, out int firstPlane, out int planes, out int skipped, out int steps);
        int lane = vectors * V.Count;
        nint planeStep = (nint)_terms * _geometry.Channels * lane, pointStep = (nint)_geometry.Reduction * lane;
        var product = new MicroProduct
        {
            Segments = planes > 0 ? 1 : 0,
            LastDepth = steps,
            Step = lane,
            StepRows = _geometry.PlanarRow(stored),
            Parts = planes,
            PartRows = Planes + firstPlane,
            PartStep = planeStep,
            RowStride = lane,
        };
        line += skipped * product.StepRows;
        weights += ((nint)skipped * lane) + (firstPlane * planeStep);
        var split = new EvenSplit(columns, Blocking.Rows<V>(vectors));
        delegate*<in MicroProduct, void> larger = MicroKernelTable.Find<V, OfWideRows>(split.Size(0), vectors);
        delegate*<in MicroProduct, void> smaller = MicroKernelTable.Find<V, OfWideRows>(split.Size(split.Pieces - 1), vectors);
        for (int point = 0; point < points; point++, line += _pointFloats, weights += pointStep, sums += _productPoint)
        {
            product.X = weights;
            for (int piece = 0; piece < split.Pieces; piece++)
            {
                int first = split.Begin(piece);
                product.A = line + first;
                product.C = sums + (first * (nint)lane);
                (split.Size(piece) == split.Size(0) ? larger : smaller)(in product);
            }
        }
    }

    // Columns are shared: convolutions along the row, one vector of outputs at a time, the points of the row.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Slide(float* line, float* weights, float* sums, int row, int spread, int columns, int vectors, int points)
    {
        Inside(row, out int firstPlane, out int planes, out int skipped, out int steps);
        (int begin, int end) = _geometry.InsideColumns(spread);
        int lane = vectors * V.Count;
        nint shiftStep = (nint)_terms * _geometry.Channels * lane, planeStep = _geometry.Width.Shared * shiftStep, pointStep = (nint)_geometry.Reduction * lane;
        var product = new SlidingProduct
        {
            StepRows = _geometry.PlanarRow(_geometry.Width.InputTiles),
            ShiftStep = shiftStep,
            Step = lane,
            Steps = steps,
            Parts = planes,
            PartRows = Planes + firstPlane,
            PartStep = planeStep,
            RowStride = lane,
        };
        line += skipped * product.StepRows;
        weights += ((nint)skipped * lane) + (firstPlane * planeStep);
        var split = new EvenSplit(columns, SlidingKernel.Rows<V>(_shifts.Largest));
        for (int point = 0; point < points; point++, line += _pointFloats, weights += pointStep, sums += _productPoint)
        {
            for (int piece = 0; piece < split.Pieces * vectors; piece++)
            {
                (int vector, int columnPiece) = Math.DivRem(piece, split.Pieces);
                int first = split.Begin(columnPiece), count = split.Size(columnPiece);
                for (int i = 0; i < _shifts.Pieces; i++)
                {
                    int shift = _shifts.Begin(i), shifts = _shifts.Size(i), at = first + shift;
                    product.A = line + at;
                    product.Begin = Math.Max(begin - at, 0);
                    product.Count = Math.Max(Math.Min(end - at, count + shifts - 1) - product.Begin, 0);
                    product.X = weights + (shift * shiftStep) + (vector * (nint)V.Count);
                    product.C = sums + (first * (nint)lane) + (vector * (nint)V.Count);
                    product.Accumulate = i > 0;
                    SlidingKernel.Find<V>(count, shifts)(in product);
                }
            }
        }
    }
}
