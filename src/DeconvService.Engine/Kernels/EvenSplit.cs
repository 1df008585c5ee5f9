namespace DeconvService.Engine.Kernels;

/// <summary>
/// A range cut into pieces whose sizes differ by one at the most: 50 rows in pieces of at most 8 are 7 pieces, one of 8 and six of 7,
/// so that no piece is too small to keep the multipliers busy.
/// </summary>
internal readonly struct EvenSplit
{
    private readonly int _small;
    private readonly int _larger;

    /// <summary>Cuts 0 .. <paramref name="length"/> into as few pieces as can be.</summary>
    public EvenSplit(int length, int largest)
    {
        Pieces = (int)(((long)length + largest - 1) / largest);
        (_small, _larger) = Pieces == 0 ? (0, 0) : (length / Pieces, length % Pieces);
    }

    /// <summary>Number of pieces.</summary>
    public int Pieces { get; }

    /// <summary>Size of the largest piece.</summary>
    public int Largest => _small + (_larger > 0 ? 1 : 0);

    /// <summary>Where a piece begins; the number of pieces gives the length.</summary>
    public int Begin(int piece) => (piece * _small) + Math.Min(piece, _larger);

    /// <summary>Size of a piece.</summary>
    public int Size(int piece) => piece < _larger ? _small + 1 : _small;
}
