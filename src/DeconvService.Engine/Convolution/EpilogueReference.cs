namespace DeconvService.Engine.Convolution;

/// <summary>The epilogue as scalar code, one value at a time: what fused epilogues are compared with, and what <see cref="Algorithms.Reference"/> uses.</summary>
public static class EpilogueReference
{
    /// <summary>The value that is stored for a sum.</summary>
    /// <param name="epilogue">What to apply.</param>
    /// <param name="y">The sum of products and bias, rounded to float32.</param>
    /// <param name="residual">The residual's element, any number when there is none.</param>
    /// <param name="channel">The output channel, which selects the slope of <see cref="Activation.PRelu"/>.</param>
    public static float Apply(Epilogue epilogue, float y, float residual, int channel)
    {
        ArgumentNullException.ThrowIfNull(epilogue);
        if (!epilogue.HasResidual)
            return Activate(epilogue, y, channel);

        return epilogue.ResidualAfterActivation ? Activate(epilogue, y, channel) + residual : Activate(epilogue, y + residual, channel);
    }

    private static float Activate(Epilogue epilogue, float y, int channel) => epilogue.Activation switch
    {
        Activation.Relu => MathF.Max(y, 0),
        Activation.LeakyRelu => y < 0 ? epilogue.Alpha * y : y,
        Activation.PRelu => y < 0 ? epilogue.Slopes.Span[channel] * y : y,
        Activation.Clip => MathF.Min(MathF.Max(y, epilogue.Alpha), epilogue.Beta),
        _ => y,
    };
}
