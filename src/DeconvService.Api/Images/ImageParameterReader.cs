using System.Globalization;
using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Operators;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;
using Microsoft.Extensions.Primitives;

namespace DeconvService.Api.Images;

/// <summary>Reads the parameters of an image endpoint from a query string and from the fields of a form, and gathers every fault.</summary>
internal sealed class ImageParameterReader
{
    // The kernel gives these itself where it has a name, so that its output is exactly stride times the input.
    private static readonly string[] GivenByUpsampling = ["padding", "outputPadding", "dilation"];

    private readonly ConvKind _kind;
    private readonly string[] _known;
    private readonly ParameterReader _operator;
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);

    /// <summary>A reader for one request.</summary>
    public ImageParameterReader(ConvKind kind)
    {
        _kind = kind;
        _known = [.. ImageParameterNames.Of(kind)];
        _operator = new ParameterReader(kind, _known);
    }

    /// <summary>Takes the parameters of a query string.</summary>
    public void Take(IQueryCollection query)
    {
        foreach ((string name, StringValues values) in query)
        {
            foreach (string? value in values)
                Take(name, value ?? "");
        }
    }

    /// <summary>Takes one parameter, written as in JSON; a word needs no quotes.</summary>
    /// <exception cref="ServiceException">There are too many faults to go on.</exception>
    public void Take(string name, string text)
    {
        if (!_known.Contains(name, StringComparer.Ordinal))
            _operator.Add(FieldNames.Unknown(name, _known));
        else if (_operator.TryTake(name) && !text.Trim().Equals("null", StringComparison.Ordinal))
            _texts.Add(name, text.Trim());
    }

    /// <summary>Puts the request together.</summary>
    /// <exception cref="ServiceException">It carries every fault.</exception>
    public ImageRequest Build()
    {
        foreach ((string name, string text) in _texts)
        {
            if (!ImageParameterNames.OwnOf(_kind).Contains(name, StringComparer.Ordinal) || name.Equals(ImageParameterNames.PaddingMode, StringComparison.Ordinal))
                _operator.SetText(name, text);
        }

        bool transposed = _kind == ConvKind.Transposed;
        ImageKernel? kernel = ReadKernel(_operator.Parameters);
        double scale = ReadNumber("scale", -1e6, 1e6) ?? 1, offset = ReadNumber("offset", -1e6, 1e6) ?? kernel?.DefaultOffset ?? 0;
        int? quality = ReadWhole("quality", 1, 100);
        if (_operator.Faults.Count > 0)
            throw new ServiceException(_operator.Faults);

        ConvParameters parameters = _operator.Parameters;
        PaddingMode outside = Has(ImageParameterNames.PaddingMode) ? parameters.PaddingMode
            : transposed && kernel!.Crop is null ? PaddingMode.Zeros : PaddingMode.Replicate;
        if (!transposed && !Has("padding"))
            parameters = parameters with { Padding = ConvPadding.SameUpper };

        return new ImageRequest(
            kernel!, parameters with { PaddingMode = PaddingMode.Zeros }, outside, new ImageFilterLook((float)scale, (float)offset), quality);
    }

    private bool Has(string name) => _texts.ContainsKey(name);

    private ImageKernel? ReadKernel(ConvParameters parameters)
    {
        int? size = ReadWhole("size", 1, ImagePresets.MaximumSize);
        double? sigma = ReadNumber("sigma", 0.01, ImagePresets.MaximumSigma);
        if (!_texts.TryGetValue("kernel", out string? text))
        {
            _operator.Add(new ServiceFault(ServiceErrorKind.MissingField, $"kernel is missing: {string.Join(", ", PresetNames(_kind))}, or a matrix [[...],[...]]")
            {
                Facts = [new("field", "kernel"), new("presets", PresetNames(_kind))],
            });
            return null;
        }

        bool transposed = _kind == ConvKind.Transposed;
        if (text.StartsWith('['))
        {
            if (transposed && Has(ImageParameterNames.PaddingMode))
                _operator.Add(ParameterNames.Unknown(ImageParameterNames.PaddingMode, _kind, _known));
            Refuse("a matrix", "size", "sigma");
            return ReadMatrix(text);
        }

        string name = text.Trim('"');
        if (ImagePresets.Find(name, transposed) is not { } preset)
        {
            string detail = ImagePresets.Find(name, !transposed) is null
                ? $"there is no kernel {TensorFaults.Shorten(name)}; there are {string.Join(", ", PresetNames(_kind))}, or a matrix [[...],[...]]"
                : $"{name} is a kernel of {(transposed ? "conv" : "conv-transpose")}; here there are {string.Join(", ", PresetNames(_kind))}";
            _operator.Add(new ServiceFault(ServiceErrorKind.InvalidField, detail)
            {
                Facts = [new("field", "kernel"), new("nearest", FieldNames.Nearest(name, PresetNames(_kind))), new("presets", PresetNames(_kind))],
            });
            return null;
        }

        if (!preset.HasSize)
            Refuse(preset.Name, "size");
        if (preset.DefaultSigma is null)
            Refuse(preset.Name, "sigma");
        if (transposed)
            Refuse(preset.Name, GivenByUpsampling);
        int strideY = 1, strideX = 1;
        if (transposed && !TryReadFactors(parameters.Stride, out strideY, out strideX))
            return null;

        return preset.Make(new PresetRequest(size, sigma, strideY, strideX));
    }

    private void Refuse(string kernel, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (Has(name))
                Invalid(name, $"{name} does not apply to {kernel}");
        }
    }

    private bool TryReadFactors(PerAxis stride, out int y, out int x)
    {
        (y, x) = stride.Count switch { 1 => (stride[0], stride[0]), 2 => (stride[0], stride[1]), _ => (0, 0) };
        bool good = Math.Min(x, y) >= 1 && Math.Max(x, y) <= ImagePresets.MaximumFactor;
        if (!good)
            Invalid("stride", $"stride must be a whole number from 1 to {ImagePresets.MaximumFactor}, or [vertical, horizontal], but is {stride}");

        return good;
    }

    private ImageKernel? ReadMatrix(string text)
    {
        const string Expected = "kernel must be a matrix [[...],[...]] of numbers, its rows of the same length";
        double[][]? rows;
        try
        {
            rows = JsonSerializer.Deserialize<double[][]>(text);
        }
        catch (JsonException)
        {
            Invalid("kernel", Expected);
            return null;
        }

        int height = rows!.Length, width = height == 0 ? 0 : rows[0]?.Length ?? 0;
        if (width == 0 || rows.Any(row => row?.Length != width))
        {
            Invalid("kernel", Expected);
            return null;
        }

        if (Math.Max(height, width) > ImagePresets.MaximumSize)
        {
            Invalid("kernel", $"kernel has {height} x {width} numbers; {ImagePresets.MaximumSize} a side are allowed");
            return null;
        }

        float[] weights = [.. rows.SelectMany(row => row).Select(value => (float)value)];
        if (Array.TrueForAll(weights, float.IsFinite))
            return new ImageKernel(height, width, weights);

        Invalid("kernel", "kernel has a number that float32 cannot hold");
        return null;
    }

    private double? ReadNumber(string name, double minimum, double maximum)
    {
        if (!_texts.TryGetValue(name, out string? text))
            return null;

        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= minimum && value <= maximum)
            return value;

        Invalid(name, string.Create(CultureInfo.InvariantCulture, $"{name} must be a number from {minimum} to {maximum}, but is {TensorFaults.Shorten(text)}"));
        return null;
    }

    private int? ReadWhole(string name, int minimum, int maximum)
    {
        if (!_texts.TryGetValue(name, out string? text))
            return null;

        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= minimum && value <= maximum)
            return value;

        Invalid(name, $"{name} must be a whole number from {minimum} to {maximum}, but is {TensorFaults.Shorten(text)}");
        return null;
    }

    private void Invalid(string name, string detail) => _operator.Add(TensorFaults.At(ServiceErrorKind.InvalidField, detail, name));

    private static string[] PresetNames(ConvKind kind) =>
        [.. ImagePresets.All.Where(preset => preset.IsUpsampling == (kind == ConvKind.Transposed)).Select(preset => preset.Name)];
}

/// <summary>The names of the parameters of the image endpoints.</summary>
internal static class ImageParameterNames
{
    public const string PaddingMode = "paddingMode";

    private static readonly string[] Own = ["kernel", "size", "sigma", "scale", "offset", "quality"];

    // A picture's channels are groups by themselves, and its output size follows from the other parameters.
    private static readonly string[] OfOperatorsOnly = ["groups", "outputSize"];

    /// <summary>All names, those of pictures first.</summary>
    public static IEnumerable<string> Of(ConvKind kind) =>
        OwnOf(kind).Concat(ParameterNames.Of(kind).Except(OfOperatorsOnly, StringComparer.Ordinal)).Distinct(StringComparer.Ordinal);

    /// <summary>Those that the operator of the same kind does not have.</summary>
    public static IReadOnlyList<string> OwnOf(ConvKind kind) => kind == ConvKind.Convolution ? Own : [.. Own, PaddingMode];
}
