using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Operators;

/// <summary>Gathers the tensors and parameters of one request as its encoding brings them. Owns the tensors until <see cref="Build"/>.</summary>
internal sealed class OperatorRequestBuilder(ConvKind kind) : IDisposable
{
    private static readonly string[] Required = ["input", "weight"];

    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>The parameters, and the faults found so far.</summary>
    public ParameterReader Parameters { get; } = new(kind, ParameterNames.Tensors);

    /// <summary>Whether a field holds a tensor.</summary>
    public static bool IsTensor(string name) => ParameterNames.Tensors.Contains(name, StringComparer.Ordinal);

    /// <summary>Takes over a tensor.</summary>
    public void Set(string name, Tensor tensor) => _tensors.Add(name, tensor);

    /// <summary>Reads parameters from a query string.</summary>
    public void SetQuery(IQueryCollection query)
    {
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues values) in query)
        {
            foreach (string? value in values)
            {
                if (!Parameters.TryTake(name))
                    continue;

                if (IsTensor(name))
                    Parameters.Add(TensorFaults.At(ServiceErrorKind.InvalidField, $"{name} cannot stand in the query string: it is an array of the body", name));
                else
                    Parameters.SetText(name, value ?? "");
            }
        }
    }

    /// <summary>Makes sure that nothing stands in the query string of a request whose body holds its parameters.</summary>
    public void RefuseQuery(IQueryCollection query)
    {
        foreach (string name in query.Keys)
        {
            Parameters.Add(TensorFaults.At(
                ServiceErrorKind.InvalidField,
                $"{TensorFaults.Shorten(name)} stands in the query string; with this media type all parameters stand in the body",
                TensorFaults.Shorten(name)));
        }
    }

    /// <summary>Hands everything over.</summary>
    /// <exception cref="ServiceException">A tensor is missing, or the bias is no list.</exception>
    public OperatorRequest Build()
    {
        List<ServiceFault> faults = [.. Required
            .Where(name => !_tensors.ContainsKey(name))
            .Select(name => TensorFaults.At(ServiceErrorKind.MissingField, $"{name} is missing", name))];
        Tensor? bias = _tensors.GetValueOrDefault("bias");
        if (bias is not null && bias.Shape.Rank != 1)
            faults.Add(TensorFaults.At(ServiceErrorKind.InvalidField, $"bias must be a list of numbers, one for each output channel, but its shape is {bias.Shape}", "bias"));

        if (faults.Count > 0)
            throw new ServiceException([.. faults, .. Parameters.Faults]);

        var request = new OperatorRequest(_tensors["input"], _tensors["weight"], bias, Parameters.Parameters, Parameters.Faults);
        _tensors.Clear();
        return request;
    }

    /// <summary>Gives the memory of tensors back that were not handed over.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in _tensors.Values)
            tensor.Dispose();

        _tensors.Clear();
    }
}
