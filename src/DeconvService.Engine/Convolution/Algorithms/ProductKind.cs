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
