using System.Text.Json.Nodes;
using DeconvService.Api.OpenApi;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Convolution;
using Microsoft.OpenApi;

namespace DeconvService.Api.Operators;

/// <summary>The operators in the OpenAPI document. Bodies are read straight from bytes, so they are described by hand.</summary>
internal static class OperatorsOpenApi
{
    private const string ConvExample = """
        {"input":{"shape":[1,1,4,4],"data":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]},
         "weight":{"shape":[1,1,2,2],"data":[0.25,0.25,0.25,0.25]},"bias":[0.5],"stride":2,"padding":0}
        """;

    private const string TransposedExample = """
        {"input":[[[[1,2],[3,4]]]],"weight":[[[[1,1],[1,1]]]],"stride":2}
        """;

    private const string ConvShapeExample = """{"inputShape":[1,1,55,55],"weightShape":[1,1,21,21],"padding":20}""";
    private const string TransposedShapeExample = """{"inputShape":[1,64,32,32],"weightShape":[64,32,4,4],"stride":2,"padding":1}""";

    /// <summary>Describes <c>POST /v1/conv</c> or <c>/v1/conv-transpose</c>.</summary>
    public static void DescribeCompute(OpenApiOperation operation, OpenApiDocument? document, ConvKind kind)
    {
        bool transposed = kind == ConvKind.Transposed;
        operation.Summary = transposed ? "Transposed convolution" : "Convolution";
        operation.Description = transposed
            ? """
              The adjoint of convolution ("deconvolution"). Output size per axis, with `ke = dilation * (k - 1) + 1`:
              `(D - 1) * stride + ke - begin - end + outputPadding`. The weight is `(C, F/groups, k1..kn)`.
              """
            : """
              Cross-correlation, as in every CNN framework. Output size per axis, with `ke = dilation * (k - 1) + 1`:
              `(D + begin + end - ke) / stride + 1`. The weight is `(F, C/groups, k1..kn)`.
              """;
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Description = "Tensors and parameters: as JSON, as a form with `.npy` files, or as one `.npz` with the parameters in the query string.",
            Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
            {
                [TensorMediaTypes.Json] = Example(JsonBody(kind), transposed ? TransposedExample : ConvExample),
                [TensorMediaTypes.Multipart] = new() { Schema = FormBody(kind) },
                [TensorMediaTypes.Npz] = new()
                {
                    Schema = Schemas.Binary("Arrays `input`, `weight` and `bias` (or `x`, `w`, `b`), stored or deflated."),
                    Examples = new Dictionary<string, IOpenApiExample>(StringComparer.Ordinal)
                    {
                        ["seed"] = new OpenApiExample { Summary = "55x55 and a kernel of 21x21", ExternalValue = "/examples/seed.npz" },
                    },
                },
            },
        };
        operation.Parameters =
        [
            .. OperatorParameters.Of(kind).Select(parameter => new OpenApiParameter
            {
                Name = parameter.Name,
                In = ParameterLocation.Query,
                Description = $"Only with an `.npz` body. {parameter.Schema.Description}",
                Schema = TextOf(parameter.Schema),
            }),
        ];
        operation.Responses = new OpenApiResponses { ["200"] = Answer(transposed) };
        operation.AddProblems(document, Problems.OfBodies);
    }

    /// <summary>Describes <c>POST /v1/conv/shape</c> or <c>/v1/conv-transpose/shape</c>.</summary>
    public static void DescribeShape(OpenApiOperation operation, OpenApiDocument? document, ConvKind kind)
    {
        bool transposed = kind == ConvKind.Transposed;
        operation.Summary = transposed ? "Sizes of a transposed convolution" : "Sizes of a convolution";
        operation.Description =
            "Takes the operator's parameters with sizes in place of the tensors; computes nothing and allocates nothing. "
            + "A combination that does not work is answered with the operator's own 422.";
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Description = "Sizes and parameters.",
            Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
            {
                [TensorMediaTypes.Json] = Example(ShapeBody(kind), transposed ? TransposedShapeExample : ConvShapeExample),
            },
        };
        operation.AddProblems(document, 400, 406, 408, 413, 415, 422, 500, 503);
    }

    private static OpenApiSchema JsonBody(ConvKind kind) => Schemas.Object(
        "Tensors and parameters.",
        ["input", "weight"],
        [
            ("input", Tensor("The input `(N, C, D1..Dn)`.")),
            ("weight", Tensor($"The weight `{WeightLayout(kind)}`; its rank gives the number of spatial axes.")),
            ("bias", Schemas.Array("One number per output channel. Default: none.", Schemas.Number("One output channel."))),
            .. OperatorParameters.Of(kind).Select(parameter => (parameter.Name, (IOpenApiSchema)parameter.Schema)),
        ]);

    private static OpenApiSchema FormBody(ConvKind kind) => Schemas.Object(
        "Files and parameters, each parameter written as in JSON.",
        ["input", "weight"],
        [
            ("input", Schemas.Binary("The input `(N, C, D1..Dn)`: a `.npy` file, or a picture, which becomes `(1, C, H, W)` with values 0..1.")),
            ("weight", Schemas.Binary($"The weight `{WeightLayout(kind)}`: a `.npy` file.")),
            ("bias", Schemas.Binary("One number per output channel: a `.npy` file. Default: none.")),
            .. OperatorParameters.Of(kind).Select(parameter => (parameter.Name, (IOpenApiSchema)TextOf(parameter.Schema, parameter.Default))),
        ]);

    private static OpenApiSchema ShapeBody(ConvKind kind) => Schemas.Object(
        "Sizes and parameters.",
        ["inputShape", "weightShape"],
        [
            ("inputShape", Sizes("Sizes of the input `(N, C, D1..Dn)`.")),
            ("weightShape", Sizes($"Sizes of the weight `{WeightLayout(kind)}`.")),
            ("biasShape", Sizes("Size of the bias `(F)`. Default: none.")),
            .. OperatorParameters.Of(kind).Select(parameter => (parameter.Name, (IOpenApiSchema)parameter.Schema)),
        ]);

    private static OpenApiResponse Answer(bool transposed) => new()
    {
        Description = "The output `(N, F, O1..On)`, encoded as `Accept` asks; JSON without one.",
        Headers = new Dictionary<string, IOpenApiHeader>(StringComparer.Ordinal)
        {
            ["Server-Timing"] = Header("Milliseconds of decode, queue, plan, run and encode; encode is counted up to the first bytes of the answer."),
            ["Deconv-Algorithm"] = Header("The algorithm that computed it."),
        },
        Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
        {
            [TensorMediaTypes.Json] = Example(
                Schemas.Object("The answer.", ["output"], ("output", TensorObject("The output."))),
                transposed
                    ? """{"output":{"shape":[1,1,4,4],"data":[1,1,2,2,1,1,2,2,3,3,4,4,3,3,4,4]}}"""
                    : """{"output":{"shape":[1,1,2,2],"data":[4,6,12,14]}}"""),
            [TensorMediaTypes.Npy] = new() { Schema = Schemas.Binary("The output as a NumPy array, `<f4`.") },
            [TensorMediaTypes.Npz] = new() { Schema = Schemas.Binary("A NumPy archive with the array `output`.") },
        },
    };

    private static OpenApiSchema Tensor(string description) => Schemas.OneOf(
        description,
        TensorObject("Sizes and elements."),
        Schemas.Array("A nested array; the sizes are read off the nesting.", new OpenApiSchema()));

    private static OpenApiSchema TensorObject(string description) => Schemas.Object(
        description,
        ["shape", "data"],
        ("shape", Sizes("The sizes, outermost axis first.")),
        ("data", Schemas.Array("The elements, row-major, flat or nested.", Schemas.Number("An element."))));

    private static OpenApiSchema Sizes(string description) => Schemas.Array(description, Schemas.Integer("One axis.", minimum: 0));

    private static OpenApiSchema TextOf(OpenApiSchema schema, string? defaultText = null) => new()
    {
        Type = JsonSchemaType.String,
        Default = defaultText,
        Description = schema.Description,
        Enum = schema.Enum,
    };

    private static OpenApiHeader Header(string description) => new() { Description = description, Schema = Schemas.Text(description) };

    private static OpenApiMediaType Example(OpenApiSchema schema, string example) => new() { Schema = schema, Example = JsonNode.Parse(example) };

    private static string WeightLayout(ConvKind kind) => kind == ConvKind.Transposed ? "(C, F/groups, k1..kn)" : "(F, C/groups, k1..kn)";
}
