namespace DeconvService.Engine.Convolution;

/// <summary>
/// What happens to each output value while it is still in a register, after the bias was added:
/// <c>y = activation(y + residual)</c>, or <c>activation(y) + residual</c> where <see cref="ResidualAfterActivation"/> says so.
/// </summary>
public sealed record Epilogue
{
    /// <summary>Nothing but the bias.</summary>
    public static Epilogue None { get; } = new();

    /// <summary>The activation function.</summary>
    public Activation Activation { get; init; }

    /// <summary>LeakyRelu: the slope of negative values. Clip: the lower bound.</summary>
    public float Alpha { get; init; }

    /// <summary>Clip: the upper bound.</summary>
    public float Beta { get; init; }

    /// <summary>PRelu: the slope of negative values, one an output channel [F].</summary>
    public ReadOnlyMemory<float> Slopes { get; init; }

    /// <summary>Whether a residual of the output's sizes is added.</summary>
    public bool HasResidual { get; init; }

    /// <summary>Whether the residual is added after the activation instead of before it.</summary>
    public bool ResidualAfterActivation { get; init; }
}

/// <summary>Activation functions that are cheap enough to be fused.</summary>
public enum Activation
{
    /// <summary>y</summary>
    None,

    /// <summary>max(y, 0)</summary>
    Relu,

    /// <summary>y where y is positive, else alpha * y</summary>
    LeakyRelu,

    /// <summary>As LeakyRelu with a slope for each output channel.</summary>
    PRelu,

    /// <summary>min(max(y, alpha), beta)</summary>
    Clip,
}
