using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Operators;

/// <summary>Gathers the sizes and parameters of one request to a shape calculator.</summary>
internal sealed class ShapeRequestBuilder(ConvKind kind)
{
    private static readonly string[] Required = ["inputShape", "weightShape"];

    private readonly Dictionary<string, TensorShape> _shapes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _broken = new(StringComparer.Ordinal);

    /// <summary>The parameters, and the faults found so far.</summary>
    public ParameterReader Parameters { get; } = new(kind, ParameterNames.Shapes);

    /// <summary>Whether a field holds sizes.</summary>
    public static bool IsShape(string name) => ParameterNames.Shapes.Contains(name, StringComparer.Ordinal);

    /// <summary>Reads sizes from one JSON value. Null stands for none.</summary>
    public void Set(string name, ReadOnlySpan<byte> json)
    {
        try
        {
            if (!json.SequenceEqual("null"u8))
                _shapes[name] = ShapeParser.Parse(json, name, limits: null);
        }
        catch (ServiceException exception)
        {
            Refuse(name, exception.Faults[0]);
        }
        catch (JsonException)
        {
            Refuse(name, TensorFaults.At(ServiceErrorKind.InvalidField, $"{name} must be a list of sizes such as [1, 3, 55, 55]", name));
        }
    }

    /// <summary>Reads everything from a query string.</summary>
    public void SetQuery(IQueryCollection query)
    {
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues values) in query)
        {
            foreach (string? value in values)
            {
                if (!Parameters.TryTake(name))
                    continue;

                if (IsShape(name))
                    Set(name, ParameterReader.ToJson(value ?? ""));
                else
                    Parameters.SetText(name, value ?? "");
            }
        }
    }

    /// <summary>Puts everything together.</summary>
    /// <exception cref="ServiceException">Sizes are missing or broken.</exception>
    public ShapeRequest Build()
    {
        List<ServiceFault> missing = [.. Required
            .Where(name => !_shapes.ContainsKey(name) && !_broken.Contains(name))
            .Select(name => TensorFaults.At(ServiceErrorKind.MissingField, $"{name} is missing", name))];
        if (_shapes.TryGetValue("biasShape", out TensorShape bias) && bias.Rank != 1)
            Refuse("biasShape", TensorFaults.At(ServiceErrorKind.InvalidField, $"biasShape must be one size in a list, such as [64], but is {bias}", "biasShape"));

        if (missing.Count > 0 || _broken.Count > 0)
            throw new ServiceException([.. missing, .. Parameters.Faults]);

        int? biasLength = _shapes.ContainsKey("biasShape") ? bias[0] : null;
        return new ShapeRequest(_shapes["inputShape"], _shapes["weightShape"], biasLength, Parameters.Parameters, Parameters.Faults);
    }

    private void Refuse(string name, ServiceFault fault)
    {
        _broken.Add(name);
        Parameters.Add(fault);
    }
}
