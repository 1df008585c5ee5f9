using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Testing;

/// <summary>Random small layers that are valid by construction: the sizes are made from the output size that is wanted.</summary>
public static class RandomCases
{
    /// <summary>The first <paramref name="count"/> layers of a seed, conv and conv-transpose in turn.</summary>
    public static IEnumerable<ConvCase> Make(int seed, int count)
    {
        for (int i = 0; i < count; i++)
            yield return One(new Random(seed + (7919 * i)), $"random_{seed}_{i}", transposed: i % 2 == 1);
    }

    /// <summary>One layer.</summary>
    public static ConvCase One(Random random, string name, bool transposed)
    {
        ArgumentNullException.ThrowIfNull(random);
        int n = random.Next(1, 4);
        int groups = random.Next(4) == 0 ? random.Next(2, 5) : 1;
        int cg = random.Next(1, random.Next(2) == 0 ? 4 : 40), fg = random.Next(1, random.Next(2) == 0 ? 4 : 40);
        PaddingMode mode = transposed || random.Next(3) > 0 ? PaddingMode.Zeros : (PaddingMode)random.Next(1, 4);
        int[] d = new int[n], k = new int[n], s = new int[n], l = new int[n], begin = new int[n], end = new int[n], extra = new int[n];
        for (int i = 0; i < n; i++)
        {
            do
            {
                (k[i], s[i], l[i]) = (random.Next(1, 6), random.Next(1, 5), random.Next(1, 4));
                (begin[i], end[i]) = (random.Next(0, 5), random.Next(0, 5));
                d[i] = transposed ? random.Next(1, 9) : ((random.Next(1, n == 1 ? 40 : 8) - 1) * s[i]) + (l[i] * (k[i] - 1)) + 1 - begin[i] - end[i];
                extra[i] = transposed ? random.Next(0, Math.Max(s[i], l[i])) : 0;
            }
            while (d[i] < 1 || !PaddingAllowed(mode, d[i], Math.Max(begin[i], end[i]))
                || (transposed && ((d[i] - 1) * s[i]) + (l[i] * (k[i] - 1)) + 1 - begin[i] - end[i] + extra[i] < 1));
        }

        var parameters = new ConvParameters
        {
            Kind = transposed ? ConvKind.Transposed : ConvKind.Convolution,
            Stride = s,
            Dilation = l,
            Padding = ConvPadding.Pairs(begin, end),
            OutputPadding = transposed ? extra : 0,
            PaddingMode = mode,
            Groups = groups,
        };
        int[] channels = transposed ? [cg * groups, fg] : [fg * groups, cg];
        return new ConvCase(name, parameters, new TensorShape([random.Next(1, 4), cg * groups, .. d]), new TensorShape([.. channels, .. k]), random.Next(2) == 0);
    }

    private static bool PaddingAllowed(PaddingMode mode, int size, int padding) => mode switch
    {
        PaddingMode.Reflect => padding < size,
        PaddingMode.Circular => padding <= size,
        _ => true,
    };
}
