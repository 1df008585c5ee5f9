using System.Globalization;
using DeconvService.Api.Errors;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Models.Pictures;

/// <summary>The query parameters of <c>POST /v1/models/{name}/image</c>.</summary>
internal static class PictureParameters
{
    private const string AccuracyName = "accuracy";
    private const string QualityName = "quality";

    /// <summary>Reads them.</summary>
    /// <exception cref="ServiceException">One is unknown or has a value that it cannot have; every fault is listed.</exception>
    public static (Accuracy Accuracy, int? Quality) Read(IQueryCollection query)
    {
        var faults = new List<ServiceFault>();
        Accuracy accuracy = Accuracy.Default;
        int? quality = null;
        foreach ((string name, string? value) in query.Select(pair => (pair.Key, pair.Value.ToString())))
        {
            switch (name)
            {
                case AccuracyName when AccuracyWord.TryParse(value, out accuracy):
                    break;
                case AccuracyName:
                    faults.Add(Invalid(name, $"{name} must be {AccuracyWord.List}"));
                    break;
                case QualityName when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= 100:
                    quality = number;
                    break;
                case QualityName:
                    faults.Add(Invalid(name, $"{name} must be a whole number from 1 to 100"));
                    break;
                default:
                    string shown = name.Length <= 64 ? name : $"{name.AsSpan(0, 64)}...";
                    faults.Add(new ServiceFault(ServiceErrorKind.UnknownField, $"there is no parameter {shown}; there are {AccuracyName} and {QualityName}")
                    {
                        Facts = [new("field", shown), new("nearest", name.StartsWith('q') ? QualityName : AccuracyName)],
                    });
                    break;
            }
        }

        return faults.Count == 0 ? (accuracy, quality) : throw new ServiceException(faults);
    }

    private static ServiceFault Invalid(string name, string detail) => new(ServiceErrorKind.InvalidField, detail) { Facts = [new("field", name)] };
}
