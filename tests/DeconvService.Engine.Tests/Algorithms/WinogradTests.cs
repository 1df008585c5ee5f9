using DeconvService.Engine.Convolution;
using DeconvService.Engine.Convolution.Algorithms;
using DeconvService.Engine.Kernels;
using DeconvService.Engine.Simd;
using DeconvService.Engine.Tensors;
using DeconvService.Testing;

namespace DeconvService.Engine.Tests.Algorithms;

/// <summary>Every way to cut a layer into Winograd tiles, not only the one that the planner takes, keeps to <see cref="AlgorithmContract"/>.</summary>
public sealed class WinogradTests
{
    public static TheoryData<SimdLevel> Levels => [.. SimdLevels.Supported];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_EveryCut_KeepsTheContract(SimdLevel level)
    {
        var sizes = new HashSet<WinogradSize>();
        var kinds = new HashSet<string>(StringComparer.Ordinal);
        foreach (ConvCase layer in Layers())
        {
            int count = level switch
            {
                SimdLevel.Vector512 => CheckAll<V512>(layer, sizes, kinds),
                SimdLevel.Vector256 => CheckAll<V256>(layer, sizes, kinds),
                _ => CheckAll<V128>(layer, sizes, kinds),
            };
            Assert.True(count > 0, $"{layer.Name} cannot be cut");
        }

        Assert.Equal(WinogradTileFunctions.Sizes.ToArray().Order(BySize).ToArray(), sizes.Order(BySize).ToArray());
        Assert.Superset(new HashSet<string>(["planar", "lanes", "depth", "rows", "columns", "spread", "parts", "phases", "own tiles", "groups"], StringComparer.Ordinal), kinds);
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Run_RandomCuts_KeepsTheContract(SimdLevel level)
    {
        for (int i = 0; i < 150; i++)
        {
            var random = new Random(4711 + i);
            ConvCase layer = RandomCases.One(random, $"random_cut_{i}", transposed: i % 4 == 3);
            switch (level)
            {
                case SimdLevel.Vector512:
                    CheckOne<V512>(layer, random);
                    break;
                case SimdLevel.Vector256:
                    CheckOne<V256>(layer, random);
                    break;
                default:
                    CheckOne<V128>(layer, random);
                    break;
            }
        }
    }

    private static Comparer<WinogradSize> BySize => Comparer<WinogradSize>.Create((a, b) => ((a.Alpha * 10) + a.Outputs).CompareTo((b.Alpha * 10) + b.Outputs));

    // Small, with remainders everywhere; long kernels, which the random layers do not have.
    private static IEnumerable<ConvCase> Layers()
    {
        yield return Conv("fast", [2, 5, 13, 15], [18, 5, 3, 3], new() { Padding = 1, Accuracy = Accuracy.Fast });
        yield return Conv("kernel_7x8", [1, 3, 19, 25], [17, 3, 7, 8], new() { Padding = 5 });
        yield return Conv("kernel_9_lanes", [2, 21, 14, 17], [9, 21, 9, 9], new() { Padding = ConvPadding.Pairs((int[])[8, 3], (int[])[7, 4]) });
        yield return Conv("kernel_9_replicate", [1, 2, 14, 17], [9, 2, 9, 9], new() { Padding = 4, PaddingMode = PaddingMode.Replicate });
        yield return Conv("kernel_29_wide_padding", [1, 2, 6, 40], [19, 2, 3, 29], new() { Padding = ConvPadding.Pairs((int[])[1, 28], (int[])[1, 25]) });
        yield return Conv("padding_over_tiles", [1, 3, 5, 6], [3, 3, 7, 7], new() { Padding = 12 });
        yield return Conv("kernel_13_stride_2", [1, 3, 33, 35], [5, 3, 13, 11], new() { Padding = 6, Stride = 2, Fit = ConvFit.Floor });
        yield return Conv("kernel_7_dilation_2", [1, 18, 25, 23], [5, 18, 7, 5], new() { Padding = 4, Dilation = (int[])[2, 3] });
        yield return Conv("stride_2_dilation_3", [1, 3, 33, 35], [5, 3, 5, 5], new() { Padding = 6, Stride = 2, Dilation = 3, Fit = ConvFit.Floor });
        yield return Conv("1d_k16", [2, 20, 90], [35, 20, 16], new() { Padding = 7 });
        yield return Conv("1d_k16_stride_8", [1, 1, 300], [35, 1, 16], new() { Stride = 8, Fit = ConvFit.Floor });
        yield return Conv("groups", [1, 34, 15, 14], [38, 17, 5, 3], new() { Groups = 2, Padding = 2, Stride = (int[])[1, 2], Fit = ConvFit.Floor });
        yield return Conv("groups_nested", [1, 4, 15, 14], [6, 2, 7, 7], new() { Groups = 2, Padding = 3 });
        yield return Conv("3d", [2, 18, 5, 13, 15], [19, 18, 3, 3, 3], new() { Padding = ConvPadding.Pairs((int[])[1, 1, 0], (int[])[2, 1, 3]) });
        yield return Conv("3d_planar", [1, 2, 7, 17, 15], [3, 2, 3, 7, 7], new() { Padding = 3, Stride = (int[])[2, 1, 1], Fit = ConvFit.Floor });
        yield return Conv("3d_circular", [1, 2, 5, 17, 15], [3, 2, 3, 3, 3], new() { Padding = 2, Dilation = 2, PaddingMode = PaddingMode.Circular });
        yield return Conv("3d_small_planes", [1, 18, 6, 5, 4], [3, 18, 4, 3, 3], new() { Padding = 1, Stride = (int[])[1, 2, 2], Fit = ConvFit.Floor });
        yield return Transposed("t_9x9_stride_1", [1, 3, 9, 11], [3, 4, 9, 9], new() { Padding = 4 });
        yield return Transposed("t_9x9_stride_2", [1, 18, 9, 11], [18, 20, 9, 8], new() { Padding = 3, Stride = 2 });
        yield return Transposed("t_dilation_stride_1", [1, 3, 9, 11], [3, 4, 4, 5], new() { Dilation = 2, Padding = 2 });
        yield return Transposed("t_3d", [1, 3, 4, 9, 11], [3, 4, 3, 4, 4], new() { Stride = (int[])[1, 2, 2], Padding = 1 });
        yield return Transposed("t_own_tiles", [2, 18, 8, 9], [18, 20, 4, 4], new() { Stride = 2, Padding = 1 });
        yield return Transposed("t_own_tiles_3d", [1, 17, 3, 8, 4], [17, 3, 3, 4, 6], new() { Stride = (int[])[1, 2, 3], Padding = ConvPadding.Pairs((int[])[1, 1, 2], (int[])[1, 1, 2]) });
        yield return Transposed("t_groups", [1, 34, 6, 7], [34, 17, 5, 5], new() { Groups = 2, Stride = 2, Padding = 2 });
    }

    private static int CheckAll<V>(ConvCase layer, HashSet<WinogradSize> sizes, HashSet<string> kinds)
        where V : struct, IVec<V>
    {
        WinogradGeometry[] cuts = [.. Winograd.Candidates(layer.Shape, TapAxis.Of(layer.Shape), V.Count)];
        foreach (WinogradGeometry cut in cuts)
        {
            Check<V>(layer, cut);
            sizes.UnionWith([cut.Height.Size, cut.Width.Size]);
            kinds.UnionWith(Kinds(cut));
        }

        return cuts.Length;
    }

    private static IEnumerable<string> Kinds(WinogradGeometry cut) => ((string, bool)[])
        [
            ("planar", cut.Planar), ("lanes", !cut.Planar), ("depth", cut.SharesDepth), ("rows", cut.Height.Shared > 1), ("columns", cut.Width.Shared > 1),
            ("spread", cut.Width.Spread > 1), ("parts", cut.Parts > 1), ("phases", cut.Phases > 1), ("own tiles", cut.Height.Separate || cut.Width.Separate), ("groups", cut.Shape.Groups > 1),
        ] is var all ? all.Where(kind => kind.Item2).Select(kind => kind.Item1) : [];

    private static void CheckOne<V>(ConvCase layer, Random random)
        where V : struct, IVec<V>
    {
        TapAxis[] axes = TapAxis.Of(layer.Shape);
        WinogradGeometry[] cuts = axes[0].Phases.Length == 1 ? [.. Winograd.Candidates(layer.Shape, axes, V.Count)] : [];
        if (cuts.Length > 0)
            Check<V>(layer, cuts[random.Next(cuts.Length)]);
    }

    private static void Check<V>(ConvCase layer, WinogradGeometry cut)
        where V : struct, IVec<V> => AlgorithmContract.Check(
            layer with { Name = $"{layer.Name} {cut.Height.Size} {cut.Width.Size}" },
            (engine, shape, weights, epilogue) =>
            {
                var request = new ConvRequest(shape, weights, new OutputStage(epilogue, shape.OutputChannels, weights.Bias), engine.Buffers, engine.Threads.Count);
                return new ConvPlan(request, new WinogradPlan<V>(request, cut, WinogradTileFunctions.Find<V>(cut.Height.Size, cut.Width.Size)), engine.Threads);
            });

    private static ConvCase Conv(string name, int[] input, int[] weight, ConvParameters? parameters = null) =>
        new(name, parameters ?? new(), new TensorShape(input), new TensorShape(weight));

    private static ConvCase Transposed(string name, int[] input, int[] weight, ConvParameters? parameters = null) =>
        new(name, (parameters ?? new()) with { Kind = ConvKind.Transposed }, new TensorShape(input), new TensorShape(weight));
}
