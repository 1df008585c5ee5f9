using DeconvService.Api.Errors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Operators;

/// <summary>Puts the faults of the parameters and those of the sizes together.</summary>
internal static class ParameterCheck
{
    /// <summary>The checked shape of a request whose parameters have no fault.</summary>
    /// <exception cref="ServiceException">
    /// The parameters have faults; then the engine's are added, but for those of an axis, which hang on the parameters that were refused.
    /// </exception>
    /// <exception cref="ConvShapeException">Only the sizes do not fit.</exception>
    public static ConvShape CreateShape(
        ConvParameters parameters, TensorShape input, TensorShape weight, int? biasLength, IReadOnlyList<ServiceFault> parameterFaults)
    {
        if (parameterFaults.Count == 0)
            return ConvShape.Create(parameters, input, weight, biasLength);

        try
        {
            ConvShape.Create(parameters, input, weight, biasLength);
        }
        catch (ConvShapeException exception)
        {
            IEnumerable<ServiceFault> sizeFaults = exception.Faults
                .Where(fault => !fault.Facts.Any(fact => string.Equals(fact.Key, "axis", StringComparison.Ordinal)))
                .Select(fault => new ServiceFault(ServiceErrorKind.InvalidShape, fault.Detail)
                {
                    Code = fault.Code,
                    Title = fault.Title,
                    Facts = fault.Facts,
                    Suggestions = fault.Suggestions,
                });
            throw new ServiceException([.. parameterFaults, .. sizeFaults]);
        }

        throw new ServiceException(parameterFaults);
    }
}
