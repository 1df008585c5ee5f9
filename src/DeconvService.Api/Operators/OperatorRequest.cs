using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Operators;

/// <summary>What a request to <c>/v1/conv</c> or <c>/v1/conv-transpose</c> asks for, whatever its encoding. Owns its tensors.</summary>
public sealed class OperatorRequest : IDisposable
{
    /// <summary>Takes over the tensors.</summary>
    public OperatorRequest(Tensor input, Tensor weight, Tensor? bias, ConvParameters parameters, IReadOnlyList<ServiceFault> parameterFaults) =>
        (Input, Weight, Bias, Parameters, ParameterFaults) = (input, weight, bias, parameters, parameterFaults);

    /// <summary>The input <c>[N, C, D1..Dn]</c>.</summary>
    public Tensor Input { get; }

    /// <summary>The weight; its rank gives n.</summary>
    public Tensor Weight { get; }

    /// <summary>The bias <c>[F]</c>, or null.</summary>
    public Tensor? Bias { get; }

    /// <summary>The parameters that could be read.</summary>
    public ConvParameters Parameters { get; }

    /// <summary>Parameters that are unknown or have a value of the wrong kind; empty for a good request. <see cref="CreateShape"/> throws them.</summary>
    public IReadOnlyList<ServiceFault> ParameterFaults { get; }

    /// <summary>Checks everything: the parameters' faults and the engine's size rules together.</summary>
    /// <exception cref="ServiceException">Something is wrong; it carries every fault.</exception>
    public ConvShape CreateShape() =>
        ParameterCheck.CreateShape(Parameters, Input.Shape, Weight.Shape, Bias?.Shape.Sizes[0], ParameterFaults);

    /// <summary>Gives the memory of the tensors back.</summary>
    public void Dispose()
    {
        Input.Dispose();
        Weight.Dispose();
        Bias?.Dispose();
    }
}
