using DeconvService.Api.Errors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Operators;

/// <summary>What a request to <c>/v1/conv/shape</c> or <c>/v1/conv-transpose/shape</c> asks for.</summary>
/// <param name="Input">Sizes of the input <c>[N, C, D1..Dn]</c>.</param>
/// <param name="Weight">Sizes of the weight; its rank gives n.</param>
/// <param name="BiasLength">Number of biases, or null when there are none.</param>
/// <param name="Parameters">The parameters that could be read.</param>
/// <param name="ParameterFaults">Parameters that are unknown or have a value of the wrong kind; empty for a good request.</param>
public sealed record ShapeRequest(
    TensorShape Input,
    TensorShape Weight,
    int? BiasLength,
    ConvParameters Parameters,
    IReadOnlyList<ServiceFault> ParameterFaults)
{
    /// <summary>Checks everything: the parameters' faults and the engine's size rules together.</summary>
    /// <exception cref="ServiceException">Something is wrong; it carries every fault.</exception>
    public ConvShape CreateShape() => ParameterCheck.CreateShape(Parameters, Input, Weight, BiasLength, ParameterFaults);
}
