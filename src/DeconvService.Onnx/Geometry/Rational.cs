using System.Numerics;

namespace DeconvService.Onnx.Geometry;

/// <summary>An exact fraction in lowest terms, denominator positive; arithmetic that overflows 64 bits throws.</summary>
internal readonly record struct Rational
{
    private readonly long _denominator;

    public Rational(long numerator, long denominator = 1)
    {
        if (denominator < 0)
            (numerator, denominator) = (checked(-numerator), checked(-denominator));

        long divisor = Math.Max(1, (long)BigInteger.GreatestCommonDivisor(numerator, denominator));
        (Numerator, _denominator) = (numerator / divisor, denominator / divisor);
    }

    public long Numerator { get; }

    public long Denominator => _denominator == 0 ? 1 : _denominator;

    public static implicit operator Rational(long value) => new(value);

    public static Rational operator +(Rational x, Rational y) =>
        new(checked((x.Numerator * y.Denominator) + (y.Numerator * x.Denominator)), checked(x.Denominator * y.Denominator));

    public static Rational operator -(Rational x) => new(checked(-x.Numerator), x.Denominator);

    public static Rational operator -(Rational x, Rational y) => x + -y;

    public static Rational operator *(Rational x, Rational y) =>
        new(checked(x.Numerator * y.Numerator), checked(x.Denominator * y.Denominator));

    public static Rational operator /(Rational x, Rational y) =>
        new(checked(x.Numerator * y.Denominator), checked(x.Denominator * y.Numerator));

    public static bool operator <(Rational x, Rational y) => x.CompareTo(y) < 0;

    public static bool operator >(Rational x, Rational y) => x.CompareTo(y) > 0;

    public static Rational Min(Rational x, Rational y) => x < y ? x : y;

    public static Rational Max(Rational x, Rational y) => x < y ? y : x;

    private int CompareTo(Rational other) => ((Int128)Numerator * other.Denominator).CompareTo((Int128)other.Numerator * Denominator);

    /// <summary>The largest whole number that is not greater.</summary>
    public long Floor() => (long)Math.Floor((decimal)Numerator / Denominator);

    public override string ToString() => Denominator == 1 ? $"{Numerator}" : $"{Numerator}/{Denominator}";
}
