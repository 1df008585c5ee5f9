using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary>The ways to see a layer as a product of its weights and its input.</summary>
internal enum ProductKind
{
    /// <summary><see cref="Gemm"/>: positions in the lanes.</summary>
    Positions,

    /// <summary><see cref="GemmChannels"/>: output channels in the lanes, the input gathered.</summary>
    Channels,

    /// <summary><see cref="Algorithms.DirectChannels"/>: output channels in the lanes, the input as it stands.</summary>
    DirectChannels,
}

/// <summary>Which of them is the best for vectors <typeparamref name="V"/>: one table for the algorithms that ask.</summary>
internal static class ProductChoice<V>
    where V : struct, IVec<V>
{
    private static readonly ChoiceTable<ProductKind> Table = new();

    /// <summary>Whether an algorithm should take a layer.</summary>
    public static bool Is(ProductKind kind, ConvRequest request) =>
        request.EvenIfSlow || (request.MayFollowSize && Table.Of(request.Shape, request.Weights.Use, MatrixProductCost.BestKind<V>) == kind);
}
