namespace DeconvService.Testing;

/// <summary>Two arrays are not close enough.</summary>
public sealed class ToleranceException(string message) : Exception(message);

/// <summary>How near a result must be to the reference: the largest error, measured by the largest absolute reference value.</summary>
public static class Tolerance
{
    /// <summary>What every algorithm of the default accuracy keeps to.</summary>
    public const double Default = 2e-5;

    /// <summary>The largest absolute error divided by the largest absolute value of <paramref name="expected"/>; infinite when anything is not finite.</summary>
    public static double ErrorOf(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual) => Worst(expected, actual).Error;

    /// <summary>Fails unless the largest error is within <paramref name="tolerance"/>; says where it is.</summary>
    /// <exception cref="ToleranceException">It is not, or the lengths differ.</exception>
    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance = Default, string what = "")
    {
        if (expected.Length != actual.Length)
            throw new ToleranceException($"{what}: {actual.Length} elements, expected {expected.Length}");

        (double error, int index, double scale) = Worst(expected, actual);
        if (!(error <= tolerance))
        {
            throw new ToleranceException(
                $"{what}: error {error:g3} of the largest value {scale:g6} exceeds {tolerance:g3} at index {index}: {actual[index]:g9}, expected {expected[index]:g9}");
        }
    }

    /// <summary>Fails unless both hold the same bits.</summary>
    /// <exception cref="ToleranceException">They do not.</exception>
    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what = "")
    {
        if (expected.Length != actual.Length)
            throw new ToleranceException($"{what}: {actual.Length} elements, expected {expected.Length}");

        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
                throw new ToleranceException($"{what}: the bits differ at index {i}: {actual[i]:g9}, expected {expected[i]:g9}");
        }
    }

    private static (double Error, int Index, double Scale) Worst(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        double scale = 0, worst = 0;
        int index = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            scale = Math.Max(scale, Math.Abs((double)expected[i]));
            double error = Math.Abs((double)expected[i] - actual[i]);
            if (!(error <= worst))
                (worst, index) = (double.IsNaN(error) ? double.PositiveInfinity : error, i);
        }

        double relative = worst == 0 ? 0 : worst / scale;
        return (double.IsNaN(relative) ? double.PositiveInfinity : relative, index, scale);
    }
}
