using System.Text.Json.Nodes;
using DeconvService.Api.OpenApi;
using DeconvService.Api.Operators;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;
using DeconvService.Imaging;
using Microsoft.OpenApi;

namespace DeconvService.Api.Images;

/// <summary>The image endpoints in the OpenAPI document.</summary>
internal static class ImagesOpenApi
{
    /// <summary>Describes <c>POST /v1/images/conv</c> or <c>/v1/images/conv-transpose</c>.</summary>
    public static Task DescribeFilter(OpenApiOperation operation, OpenApiDocument? document, ConvKind kind)
    {
        bool transposed = kind == ConvKind.Transposed;
        operation.Summary = transposed ? "Enlarge a picture" : "Filter a picture";
        operation.Description = (transposed
            ? "Transposed convolution of every colour channel with the same kernel. With a named kernel the output is exactly `stride` times the input."
            : "Convolution of every colour channel with the same kernel. The picture keeps its size unless `stride` or `padding` say otherwise.")
            + " Alpha is filtered with colour premultiplied. The answer is a picture, or a tensor `(1, C, H, W)` with values 0..1.";
        operation.Parameters = [.. Parameters(kind).Select(parameter => new OpenApiParameter
        {
            Name = parameter.Name,
            In = ParameterLocation.Query,
            Required = parameter.Name is "kernel",
            Description = parameter.Schema.Description,
            Schema = parameter.Schema,
            Example = parameter.Example,
        })];
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Description = $"A picture, or a form with the part `image` and a field for each parameter. For a try: `{ExamplePicture(ImageFormat.Jpeg)}`.",
            Content = Readable(kind),
        };
        operation.Responses = new OpenApiResponses { ["200"] = Answer() };
        operation.AddProblems(document, Problems.OfBodies);
        return Task.CompletedTask;
    }

    /// <summary>Describes <c>GET /v1/images/kernels</c>.</summary>
    public static Task DescribeKernels(OpenApiOperation operation, OpenApiDocument? document)
    {
        operation.Summary = "Named kernels";
        operation.Description = "All kernels with their parameters, defaults and matrices, or one of them for given parameters.";
        operation.Parameters =
        [
            Query("kernel", Schemas.Text("The one that is wanted; all without it."), "gaussian"),
            Query("size", Schemas.Integer("Side of the window, for `box` and `gaussian`.", minimum: 1), null),
            Query("sigma", Schemas.Number("Standard deviation in pixels, for `gaussian`."), 2),
            Query("stride", Schemas.Integer("The factor of an up-sampling kernel. Here it is 2 by default.", minimum: 1), null),
        ];
        operation.AddProblems(document, 406, 422, 500, 503);
        return Task.CompletedTask;

        static OpenApiParameter Query(string name, OpenApiSchema schema, JsonNode? example) => new()
        {
            Name = name,
            In = ParameterLocation.Query,
            Description = schema.Description,
            Schema = schema,
            Example = example,
        };
    }

    private static IEnumerable<(string Name, OpenApiSchema Schema, JsonNode? Example)> Parameters(ConvKind kind)
    {
        bool transposed = kind == ConvKind.Transposed;
        string presets = string.Join(", ", ImagePresets.All.Where(preset => preset.IsUpsampling == transposed).Select(preset => $"`{preset.Name}`"));
        yield return ("kernel", Schemas.Text($"{presets}, or a matrix `[[...],[...]]`."), transposed ? "bilinear" : "sharpen");
        if (!transposed)
        {
            yield return ("size", Schemas.Integer("Side of the window, for `box` and `gaussian`.", minimum: 1), null);
            yield return ("sigma", Schemas.Number("Standard deviation in pixels, for `gaussian`. Default 1."), null);
        }

        var ofOperator = OperatorParameters.Of(kind).ToDictionary(parameter => parameter.Name, parameter => parameter.Schema, StringComparer.Ordinal);
        foreach (string name in ImageParameterNames.Of(kind).Where(ofOperator.ContainsKey))
            yield return (name, Schemas.Text(Description(name, transposed) ?? ofOperator[name].Description!), transposed && name is "stride" ? "2" : null);

        if (transposed)
        {
            yield return (
                ImageParameterNames.PaddingMode,
                Schemas.Text("What stands outside of the picture, for named kernels. Default `replicate`.", "zeros", "reflect", "replicate", "circular"),
                null);
        }

        yield return ("scale", Schemas.Number("The result is `scale * y + offset`, then clamped to 0..1. Default 1."), null);
        yield return ("offset", Schemas.Number("See `scale`. Default 0, but 0.5 for `emboss`, `laplacian`, `sobel-x`, `sobel-y`."), null);
        yield return ("quality", Schemas.Integer("1 to 100, of JPEG (default 90) and WebP (default 80).", minimum: 1), null);
    }

    internal static string ExamplePicture(ImageFormat format) => $"/examples/coffee.{format switch
    {
        ImageFormat.Jpeg => "jpg",
        ImageFormat.Tiff => "tif",
        _ => format.ToString().ToLowerInvariant(),
    }}";

    private static string? Description(string name, bool transposed) => (name, transposed) switch
    {
        ("padding", false) => "As for `/v1/conv`. Default `same`.",
        (ImageParameterNames.PaddingMode, false) => "What stands outside of the picture: `zeros`, `reflect`, `replicate`, `circular`. Default `replicate`.",
        ("stride", true) => "With a named kernel the factor, 1 to 64. A number, or `[vertical, horizontal]`. Default 1.",
        ("padding" or "outputPadding" or "dilation", true) => "As for `/v1/conv-transpose`; only with a matrix.",
        _ => null,
    };

    private static Dictionary<string, OpenApiMediaType> Readable(ConvKind kind)
    {
        var content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal);
        foreach (ImageFormat format in ImageFormats.Readable)
        {
            content[format.MediaType()] = new OpenApiMediaType
            {
                Schema = Schemas.Binary("The picture."),
                Examples = new Dictionary<string, IOpenApiExample>(StringComparer.Ordinal)
                {
                    ["coffee"] = new OpenApiExample { Summary = "a photograph, 300 x 200", ExternalValue = ExamplePicture(format) },
                },
            };
        }

        content[TensorMediaTypes.Multipart] = new OpenApiMediaType
        {
            Schema = Schemas.Object(
                "A picture and parameters.",
                ["image"],
                [("image", Schemas.Binary("The picture.")), .. Parameters(kind).Select(parameter => (parameter.Name, (IOpenApiSchema)parameter.Schema))]),
        };
        return content;
    }

    internal static OpenApiResponse Answer()
    {
        var content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal);
        foreach (ImageFormat format in ImageFormats.Writable)
            content[format.MediaType()] = new OpenApiMediaType { Schema = Schemas.Binary("The picture.") };

        content[TensorMediaTypes.Npy] = new OpenApiMediaType { Schema = Schemas.Binary("The tensor `(1, C, H, W)` as a NumPy array, `<f4`, values 0..1.") };
        content[TensorMediaTypes.Json] = new OpenApiMediaType
        {
            Schema = Schemas.Object("The tensor `(1, C, H, W)`.", ["output"], ("output", new OpenApiSchema { Type = JsonSchemaType.Object, Description = "`shape` and `data`." })),
        };
        return new OpenApiResponse
        {
            Description = "The result as `Accept` asks: PNG without one, the type that came in for `image/*`.",
            Headers = new Dictionary<string, IOpenApiHeader>(StringComparer.Ordinal)
            {
                ["Server-Timing"] = Header("Milliseconds of decode, queue, plan, run and encode."),
                ["Deconv-Algorithm"] = Header("The algorithm that computed it."),
            },
            Content = content,
        };

        static OpenApiHeader Header(string description) => new() { Description = description, Schema = Schemas.Text(description) };
    }
}
