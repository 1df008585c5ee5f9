using System.Runtime.CompilerServices;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Goes through positions of an <see cref="OutputGrid"/> line by line, or by shorter pieces of lines.</summary>
internal struct OutputLines
{
    private readonly OutputGrid _grid;

    // Outputs of a position in a line, and positions of a line.
    private readonly int _phases;
    private readonly nint _linePositions;

    private readonly int _phaseDepth;
    private readonly int _phaseHeight;
    private int _position;
    private nint _image;
    private int _depth;
    private int _height;

    // The line: where it begins in the first channel, how many outputs it has, and how many of its positions are behind.
    private nint _linePlace;
    private nint _lineElements;
    private nint _column;

    /// <summary>Begins before a position.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="position">The position.</param>
    /// <param name="firstPhase">Index of the first phase of the width among all phases.</param>
    public OutputLines(OutputGrid grid, int position, int firstPhase)
    {
        (_grid, _phases, _position) = (grid, grid.WidthPhases, position);
        (_phaseDepth, _phaseHeight) = Math.DivRem(firstPhase / _phases, grid.Height.Phases.Length);
        _linePositions = grid.LinePositions;
        if (grid.Interleaved)
        {
            (int line, _column) = Math.DivRem(_position, grid.Width.Grid);
            (line, _height) = Math.DivRem(line, grid.Height.Grid);
            (_image, _depth) = Math.DivRem(line, grid.Depth.Grid);
        }
        else
        {
            (_image, _column) = Math.DivRem(_position, grid.Image);
        }

        BeginLine();
    }

    /// <summary>The line, or what of it was asked for.</summary>
    public OutputLine Current { get; private set; }

    /// <summary>Goes on to the next line, or to what of it lies before a position.</summary>
    /// <returns>Whether there is one: <paramref name="end"/> and the end of the grid are not reached yet.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Next(int end)
    {
        int left = Math.Min(end, _grid.Positions) - _position;
        if (left <= 0)
            return false;

        if (_column == _linePositions)
            NextLine();

        int positions = (int)Math.Min(left, _linePositions - _column);
        nint first = _column * _phases;
        Current = new OutputLine(_linePlace + first, (int)Math.Clamp(_lineElements - first, 0, (nint)positions * _phases), positions);
        _column += positions;
        _position += positions;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void NextLine()
    {
        _column = 0;
        if (!_grid.Interleaved)
        {
            _image++;
        }
        else if (++_height == _grid.Height.Grid)
        {
            _height = 0;
            if (++_depth == _grid.Depth.Grid)
                (_image, _depth) = (_image + 1, 0);
        }

        BeginLine();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void BeginLine()
    {
        _linePlace = _image * _grid.OutputChannels * _grid.Image;
        _lineElements = _grid.Image;
        if (!_grid.Interleaved)
            return;

        TapAxis depth = _grid.Depth, height = _grid.Height;
        int z = (_depth * depth.Phases.Length) + _phaseDepth, y = (_height * height.Phases.Length) + _phaseHeight;
        _linePlace += (((nint)z * height.Output) + y) * _grid.Width.Output;
        _lineElements = z < depth.Output && y < height.Output ? _grid.Width.Output : 0;
    }
}
