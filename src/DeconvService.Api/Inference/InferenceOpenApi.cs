using System.Globalization;
using System.Text.Json.Nodes;
using DeconvService.Api.Models;
using DeconvService.Api.OpenApi;
using Microsoft.OpenApi;

namespace DeconvService.Api.Inference;

/// <summary>The Open Inference Protocol in the OpenAPI document.</summary>
internal static class InferenceOpenApi
{
    private const string Json = "application/json";
    private const string Tensor = """{"name":"input","datatype":"FP32","shape":[-1,3,-1,-1]}""";

    private static readonly Dictionary<int, string> Errors = new()
    {
        [400] = "The request is broken, or does not fit the network.",
        [401] = "The header `X-Api-Key` is missing or wrong.",
        [403] = "The call is switched off.",
        [404] = "There is no such network or version.",
        [408] = "The body came too slowly.",
        [413] = "The body, a tensor or the output is over a limit.",
        [429] = "Too many requests are waiting; `Retry-After` says when to come again.",
        [500] = "A defect of the service.",
        [501] = "A part of the protocol that is not served here.",
        [503] = "The network or the service is not ready, or the time limit passed.",
    };

    /// <summary>Says what an operation does, what it answers and which errors it has.</summary>
    /// <param name="endpoint">The operation.</param>
    /// <param name="summary">What it does, in a few words.</param>
    /// <param name="answer">An answer, or null for an empty one.</param>
    /// <param name="statuses">The errors.</param>
    /// <param name="request">A request that succeeds, or null where there is no body.</param>
    /// <param name="isManagement">Whether it takes the key of management.</param>
    public static void Describe(
        this RouteHandlerBuilder endpoint, string summary, string? answer, int[] statuses, string? request = null, bool isManagement = false) =>
        endpoint.AddOpenApiOperationTransformer((operation, _, _) =>
        {
            operation.Summary = summary;
            operation.FillIn("name", "The network's name.", ModelsOpenApi.ExampleName);
            operation.FillIn("version", "The network's version; the newest without it.", "1");
            operation.Responses = new OpenApiResponses { ["200"] = Answer(answer) };
            if (request is not null)
                operation.RequestBody = new OpenApiRequestBody { Required = !isManagement, Description = "As the protocol says.", Content = Body(request) };

            if (isManagement)
                ModelsOpenApi.AddKey(operation);

            foreach (int status in statuses)
                operation.Responses[status.ToString(CultureInfo.InvariantCulture)] = Error(status);

            return Task.CompletedTask;
        });

    /// <summary>Describes <c>POST .../infer</c>.</summary>
    public static void DescribeInfer(RouteHandlerBuilder endpoint)
    {
        const int side = 16;
        string zeros = string.Join(',', Enumerable.Repeat("0", 3 * side * side));
        endpoint.Describe(
            "Run a network on tensors",
            """{"model_name":"upconv7-scale2x","model_version":"1","id":"1","outputs":[{"name":"output","datatype":"FP32","shape":[1,3,4,4],"data":[0.01,0.02]}]}""",
            [400, 404, 408, 413, 429, 500, 501, 503],
            $$"""{"id":"1","inputs":[{"name":"input","shape":[1,3,{{side}},{{side}}],"datatype":"FP32","data":[{{zeros}}]}]}""");
        endpoint.AddOpenApiOperationTransformer((operation, _, _) =>
        {
            const string binary = "The JSON object, then the binary tensors that it announces with `binary_data_size`.";
            operation.Description =
                $"Tensors as JSON, or as binary data after the JSON object; then the header `{InferenceFaults.HeaderLength}` says where the JSON object "
                + "ends, in the request and in the answer. FP16 and BF16 travel as binary data only. Integers are converted where the network wants floating point. "
                + $"In `parameters`, `accuracy` is {AccuracyWord.List}: `exact` forbids the fast algorithms.";
            operation.Parameters =
            [
                .. operation.Parameters ?? [],
                new OpenApiParameter
                {
                    Name = InferenceFaults.HeaderLength, In = ParameterLocation.Header, Description = "Bytes of the JSON object; needed with binary tensors.", Schema = Schemas.Integer("Bytes.", minimum: 0),
                },
            ];
            operation.RequestBody!.Content!["application/octet-stream"] = new OpenApiMediaType { Schema = Schemas.Binary(binary) };
            operation.Responses!["200"].Content!["application/octet-stream"] = new OpenApiMediaType { Schema = Schemas.Binary(binary) };
            return Task.CompletedTask;
        });
    }

    /// <summary>An answer of <c>GET /v2/models/{m}</c>.</summary>
    public const string Metadata =
        $$"""{"name":"upconv7-scale2x","versions":["1"],"platform":"onnx_onnxv1","inputs":[{{Tensor}}],"outputs":[{{Tensor}}]}""";

    /// <summary>An answer of <c>GET /v2/models/{m}/config</c>.</summary>
    public const string Configuration =
        """{"name":"upconv7-scale2x","platform":"onnx_onnxv1","backend":"deconv","max_batch_size":0,"input":[{"name":"input","data_type":"TYPE_FP32","dims":[-1,3,-1,-1]}]}""";

    /// <summary>An answer of <c>GET /v2/models/{m}/stats</c>.</summary>
    public const string Statistics =
        """{"model_stats":[{"name":"upconv7-scale2x","version":"1","last_inference":0,"inference_count":0,"execution_count":0,"inference_stats":{"success":{"count":0,"ns":0}},"batch_stats":[]}]}""";

    private static Dictionary<string, OpenApiMediaType> Body(string example) => new(StringComparer.Ordinal)
    {
        [Json] = new() { Schema = new OpenApiSchema { Description = "As the protocol says." }, Example = JsonNode.Parse(example) },
    };

    private static OpenApiResponse Answer(string? example) => new()
    {
        Description = example is null ? "It is done." : "As the protocol says.",
        Content = example is null ? null : Body(example),
    };

    private static OpenApiResponse Error(int status) => new()
    {
        Description = Errors[status],
        Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
        {
            [Json] = new()
            {
                Schema = Schemas.Object("An error.", ["error"], ("error", Schemas.Text("What was found and what was expected."))),
                Example = new JsonObject { ["error"] = Errors[status] },
            },
        },
    };
}
