using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>Says for each line that a tile reads where it stands: in the input, in a copy, or among zeros.</summary>
internal sealed unsafe class DepthwiseLines<V>
    where V : struct, IVec<V>
{
    private readonly DepthwiseCut _cut;
    private readonly PaddingMode _mode;
    private readonly bool[] _read;
    private readonly float[] _zeros;
    private readonly float[] _ones;
    private readonly int _onesBefore;
    private readonly DepthwiseCopy<V>[] _copies;

    public DepthwiseLines(DepthwiseCut cut, PaddingMode mode)
    {
        (_cut, _mode) = (cut, mode);
        _copies = Array.ConvertAll(cut.Segments, segment => new DepthwiseCopy<V>(cut, segment, mode));
        _read = new bool[cut.Y.InputStep];
        foreach (int shift in cut.Y.Shifts)
            _read[(shift - cut.FirstLine) % cut.Y.InputStep] = true;

        // Pinned: read through pointers in every tile.
        _zeros = GC.AllocateArray<float>(cut.ZeroFloats, pinned: true);
        _onesBefore = cut.Masked ? Math.Max(-cut.X.First, 0) : 0;
        _ones = GC.AllocateArray<float>(cut.Masked ? _onesBefore + Math.Max(cut.X.First, 0) + cut.PartPitch + cut.X.Axis.Input : 0, pinned: true);
        if (cut.Masked)
            _ones.AsSpan(_onesBefore, cut.X.Axis.Input).Fill(BitConverter.Int32BitsToSingle(-1));
    }

    /// <summary>All ones where a masked line has elements, zeros around.</summary>
    public float* Mask => _cut.Masked ? Pointer(_ones) + _onesBefore + _cut.X.First : null;

    /// <summary>Fills the table of lines of a tile.</summary>
    /// <param name="table">One pointer a line, to the element that the segment's first column reads first.</param>
    /// <param name="lines">Lines in the table, for each slice.</param>
    /// <param name="slots">Room for copies of lines.</param>
    /// <param name="input">The channel's input, and where the whole input begins and ends.</param>
    /// <param name="z">Grid position along the depth.</param>
    /// <param name="firstRow">The tile's first grid row.</param>
    /// <param name="rows">The tile's rows.</param>
    /// <param name="part">Which segment the tile's columns are.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Find(float** table, int lines, float* slots, DepthwiseInput input, int z, int firstRow, int rows, int part)
    {
        DepthwiseSegment segment = _cut.Segments[part];
        TapAxis depth = _cut.Z, y = _cut.Y;
        nint width = _cut.X.Axis.Input;
        int real = _cut.Lines(rows);
        long at = ((long)firstRow * y.InputStep) + _cut.FirstLine;
        (nint first, nint last) = Reach(segment);
        float* zeros = Pointer(_zeros);
        foreach (int shift in depth.Shifts)
        {
            long slice = DepthwiseBorder.Source(((long)z * depth.InputStep) + shift, depth.Input, _mode);
            float* plane = input.Channel + ((nint)slice * y.Input * width);
            float* row = plane + ((nint)at * width);

            // Rows that are read where they stand: all that exist, but not those whose vectors would reach beyond the whole input.
            int from = (int)Math.Clamp(-at, 0, real), to = slice >= 0 && segment.InPlace ? (int)Math.Clamp(y.Input - at, from, real) : from;
            while (from < to && row + (from * width) + first < input.Begin)
                from++;

            while (from < to && row + ((to - 1) * width) + last > input.End)
                to--;

            float* inPlace = row + (from * width) + first;
            for (int i = from; i < to; i++, inPlace += width)
                table[i] = inPlace;

            // The others, before and behind them.
            for (int i = from > 0 ? 0 : to; i < lines; i = i + 1 == from ? to : i + 1)
                table[i] = slice >= 0 && i < real ? FindOther(plane, at, i, ref slots, input, part) : zeros;

            table += lines;
        }
    }

    /// <summary>Turns lines into pieces of lines: of every line <see cref="DepthwiseTaps.BlockRows"/> pointers, so far apart.</summary>
    public static void Split(float** table, int count, nint first, nint distance, float** pieces)
    {
        for (int i = 0; i < count; i++)
            for (int piece = 0; piece < DepthwiseTaps.BlockRows; piece++)
                pieces[(i * DepthwiseTaps.BlockRows) + piece] = table[i] + first + (piece * distance);
    }

    // A line that has to be copied, or stands outside of the plane, or is read by no tap.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float* FindOther(float* plane, long at, int number, ref float* slots, DepthwiseInput input, int part)
    {
        long row = DepthwiseBorder.Source(at + number, _cut.Y.Input, _mode);
        if (row < 0 || !_read[number % _cut.Y.InputStep])
            return Pointer(_zeros);

        float* source = plane + ((nint)row * _cut.X.Axis.Input);
        (nint first, nint last) = Reach(_cut.Segments[part]);
        if (_cut.Segments[part].InPlace && source + first >= input.Begin && source + last <= input.End)
            return source + first;

        float* line = _copies[part].Run(source, slots, input.End);
        slots += _cut.SlotFloats;
        return line;
    }

    // What a segment reads of a row, the vector that may go beyond it included.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (nint First, nint End) Reach(DepthwiseSegment segment)
    {
        nint first = (segment.First * (nint)_cut.X.LineStep) + _cut.X.First;
        return (first, first + ((segment.Columns + V.Count) * (nint)_cut.X.LineStep) + _cut.X.Span);
    }

    private static float* Pointer(float[] pinned) => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));
}

/// <summary>A channel of the input, and the whole of it.</summary>
/// <param name="channel">The channel's first element.</param>
/// <param name="begin">The input's first element.</param>
/// <param name="end">Behind the input's last one.</param>
internal readonly unsafe struct DepthwiseInput(float* channel, float* begin, float* end)
{
    public float* Channel => channel;

    public float* Begin => begin;

    public float* End => end;
}
