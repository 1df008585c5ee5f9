namespace DeconvService.Testing;

/// <summary>Repeatable numbers for tensors.</summary>
public static class RandomTensor
{
    /// <summary>Evenly spread values from -1 to 1.</summary>
    public static float[] Make(long count, int seed)
    {
        var values = new float[count];
        Fill(values, seed);
        return values;
    }

    /// <summary>Evenly spread values from -1 to 1.</summary>
    public static void Fill(Span<float> values, int seed)
    {
        var random = new Random(seed);
        foreach (ref float value in values)
            value = (random.NextSingle() * 2) - 1;
    }

    /// <summary>Whole numbers from -<paramref name="bound"/> to <paramref name="bound"/>: small sums of their products are exact in float32.</summary>
    public static float[] Integers(long count, int seed, int bound = 8)
    {
        var random = new Random(seed);
        var values = new float[count];
        foreach (ref float value in values.AsSpan())
            value = random.Next(-bound, bound + 1);

        return values;
    }
}
