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
        ref readonly DepthwiseCopy<V> copy = ref _copies[part];
        TapAxis depth = _cut.Z, y = _cut.Y;
        int width = _cut.X.Axis.Input, step = y.InputStep;
        int real = _cut.Lines(rows);
        float* zeros = Pointer(_zeros);
        nint first = segment.First + (nint)_cut.X.First;
        nint last = first + segment.Columns + _cut.X.Span + V.Count;
        foreach (int shift in depth.Shifts)
        {
            long slice = DepthwiseBorder.Source(((long)z * depth.InputStep) + shift, depth.Input, _mode);
            long at = ((long)firstRow * step) + _cut.FirstLine;
            for (int i = 0, residue = 0; i < lines; i++, at++, table++, residue = residue + 1 == step ? 0 : residue + 1)
            {
                *table = zeros;
                if (slice < 0 || i >= real || !_read[residue])
                    continue;

                long row = (ulong)at < (ulong)y.Input ? at : DepthwiseBorder.Source(at, y.Input, _mode);
                if (row < 0)
                    continue;

                float* source = input.Channel + (((nint)slice * y.Input) + (nint)row) * width;
                if (segment.InPlace && source + first >= input.Begin && source + last <= input.End)
                    *table = source + first;
                else
                {
                    *table = copy.Run(source, slots, input.End);
                    slots += _cut.SlotFloats;
                }
            }
        }
    }

    /// <summary>Turns lines into pieces of lines: of every line <see cref="DepthwiseTaps.BlockRows"/> pointers, so far apart.</summary>
    public static void Split(float** table, int count, nint first, nint distance, float** pieces)
    {
        for (int i = 0; i < count; i++)
            for (int piece = 0; piece < DepthwiseTaps.BlockRows; piece++)
                pieces[(i * DepthwiseTaps.BlockRows) + piece] = table[i] + first + (piece * distance);
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
