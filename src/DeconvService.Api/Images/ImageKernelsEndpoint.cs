using System.Globalization;
using DeconvService.Api.Errors;
using DeconvService.Api.Negotiation;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Images;

/// <summary>The handler of <c>GET /v1/images/kernels</c>.</summary>
internal static class ImageKernelsEndpoint
{
    // An up-sampling kernel is shown for this factor unless another one is asked for.
    private const int ShownFactor = 2;

    /// <summary>Lists the presets, or one of them with the parameters of the query.</summary>
    public static ImageKernelList List(HttpContext context)
    {
        context.ChooseMediaType(TensorMediaTypes.Json);
        IQueryCollection query = context.Request.Query;
        if (!query.TryGetValue("kernel", out var asked))
        {
            // The parameters belong to a kernel.
            if (query.Count > 0)
            {
                string name = query.Keys.First();
                throw new ServiceException(FieldNames.Unknown(name, ["kernel"]));
            }

            return new ImageKernelList([.. ImagePresets.All.Select(Describe)]);
        }

        bool upsampling = ImagePresets.Find(asked.ToString(), upsampling: true) is not null;
        var reader = new ImageParameterReader(upsampling ? ConvKind.Transposed : ConvKind.Convolution);
        reader.Take(query);
        if (upsampling && !query.ContainsKey("stride"))
            reader.Take("stride", ShownFactor.ToString(CultureInfo.InvariantCulture));

        ImageRequest request = reader.Build();
        ImagePreset? preset = ImagePresets.Find(asked.ToString(), upsampling);
        return new ImageKernelList([Describe(preset, request.Kernel)]);
    }

    private static ImageKernelDescription Describe(ImagePreset preset) =>
        Describe(preset, preset.Make(new PresetRequest(null, null, ShownFactor, ShownFactor)));

    private static ImageKernelDescription Describe(ImagePreset? preset, ImageKernel kernel)
    {
        var parameters = new List<ImageKernelParameter>();
        if (preset?.HasSize == true)
        {
            string meaning = preset.DefaultSize is null ? "side of the window; follows from sigma by default" : "side of the window";
            parameters.Add(new ImageKernelParameter("size", meaning, preset.DefaultSize, 1, ImagePresets.MaximumSize));
        }

        if (preset?.DefaultSigma is { } sigma)
            parameters.Add(new ImageKernelParameter("sigma", "standard deviation in pixels", sigma, 0.01, ImagePresets.MaximumSigma));
        if (preset?.IsUpsampling == true)
            parameters.Add(new ImageKernelParameter("stride", "the factor; the matrix is shown for 2 unless asked otherwise", 1, 1, ImagePresets.MaximumFactor));

        return new ImageKernelDescription(
            preset?.Name ?? "matrix",
            preset?.IsUpsampling == true ? "conv-transpose" : "conv",
            preset?.Summary ?? "a matrix of the client's",
            parameters,
            1,
            kernel.DefaultOffset,
            kernel.ToMatrix());
    }
}

/// <summary>The answer of <c>GET /v1/images/kernels</c>.</summary>
/// <param name="Kernels">The kernels.</param>
public sealed record ImageKernelList(IReadOnlyList<ImageKernelDescription> Kernels);

/// <summary>A kernel that has a name.</summary>
/// <param name="Name">As in the parameter <c>kernel</c>.</param>
/// <param name="Operator"><c>conv</c> or <c>conv-transpose</c>: the endpoint that it belongs to.</param>
/// <param name="Summary">What it does.</param>
/// <param name="Parameters">The parameters that apply to it, beside those of every kernel.</param>
/// <param name="Scale">Default of the parameter <c>scale</c>.</param>
/// <param name="Offset">Default of the parameter <c>offset</c>.</param>
/// <param name="Matrix">The weights, row by row.</param>
public sealed record ImageKernelDescription(
    string Name, string Operator, string Summary, IReadOnlyList<ImageKernelParameter> Parameters, double Scale, double Offset, float[][] Matrix);

/// <summary>A parameter of a kernel.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Meaning">What it means.</param>
/// <param name="Default">Its default; null where it follows from another parameter.</param>
/// <param name="Minimum">The smallest value.</param>
/// <param name="Maximum">The largest value.</param>
public sealed record ImageKernelParameter(string Name, string Meaning, double? Default, double Minimum, double Maximum);
