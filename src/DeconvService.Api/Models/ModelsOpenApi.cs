using System.Text.Json.Nodes;
using DeconvService.Api.Images;
using DeconvService.Api.OpenApi;
using DeconvService.Api.Security;
using DeconvService.Api.Tensors;
using DeconvService.Imaging;
using Microsoft.OpenApi;

namespace DeconvService.Api.Models;

/// <summary>The endpoints of networks in the OpenAPI document.</summary>
internal static class ModelsOpenApi
{
    /// <summary>A network that every example can name.</summary>
    public const string ExampleName = "upconv7-scale2x";

    private static readonly int[] OfManagement = [401, 403, 404, 422, 500, 503];

    /// <summary>Says what an operation does and which errors it has.</summary>
    public static RouteHandlerBuilder Describe(
        this RouteHandlerBuilder endpoint, string summary, string description, int[] statuses, Action<OpenApiOperation>? more = null) =>
        endpoint.AddOpenApiOperationTransformer((operation, context, _) =>
        {
            (operation.Summary, operation.Description) = (summary, description);
            operation.FillIn("name", "The network's name.", ExampleName);
            more?.Invoke(operation);
            operation.AddProblems(context.Document, statuses);
            return Task.CompletedTask;
        });

    /// <summary>Describes a parameter that the handler's signature has.</summary>
    public static void FillIn(this OpenApiOperation operation, string parameter, string description, JsonNode example)
    {
        if (operation.Parameters?.FirstOrDefault(candidate => parameter.Equals(candidate.Name, StringComparison.Ordinal)) is OpenApiParameter found)
            (found.Description, found.Example) = (description, example.DeepClone());
    }

    /// <summary>Describes <c>GET /v1/models</c>.</summary>
    public static void DescribeList(RouteHandlerBuilder endpoint) => endpoint.Describe(
        "List the networks", "What each takes and gives, and what it costs. One that cannot run is listed with the reason.", [406, 500, 503],
        operation => Name(operation, "200", "The networks, by name."));

    /// <summary>Describes <c>GET /v1/models/{name}</c>.</summary>
    public static void DescribeDetails(RouteHandlerBuilder endpoint) => endpoint.Describe(
        "Describe a network", "The network and its layers; with `input` their shapes, costs and algorithms for that size.", [404, 406, 422, 500, 503],
        operation =>
        {
            operation.FillIn("input", "Sizes of the input, once for each input of the network.", "1,3,512,512");
            Name(operation, "200", "The network and its layers.");
        });

    /// <summary>Describes <c>PUT /v1/models/{name}</c>.</summary>
    public static void DescribePut(RouteHandlerBuilder endpoint) => endpoint.Describe(
        "Upload a network",
        "Takes an ONNX file in, or puts it in the place of one: that one serves until the new one is ready. A network with operators that are "
        + "not supported is refused whole, with their list. Needs `Management:Enabled` and its key.",
        [.. OfManagement.Where(status => status != 404), 408, 413, 415, 429],
        operation =>
        {
            AddKey(operation);
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = true,
                Description = "An ONNX file, opset 9 to 22.",
                Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                {
                    ["application/octet-stream"] = new() { Schema = Schemas.Binary("The file.") },
                },
            };
            Name(operation, "201", "The network is new, and serves.");
            Name(operation, "200", "The network serves in the place of the one before.");
        });

    /// <summary>Describes <c>DELETE /v1/models/{name}</c>.</summary>
    public static void DescribeDelete(RouteHandlerBuilder endpoint) => endpoint.Describe(
        "Remove a network", "Takes it out of the service and deletes its file. Running requests finish. Needs `Management:Enabled` and its key.", OfManagement,
        operation =>
        {
            AddKey(operation);
            Name(operation, "204", "It is gone.");
        });

    /// <summary>Describes <c>GET /v1/progress/{id}</c>.</summary>
    public static void DescribeProgress(RouteHandlerBuilder endpoint) => endpoint.Describe(
        "Follow a request", "Server-sent events of the running request that came with `X-Request-Id: id`, until it ends.", [404, 422, 500],
        operation =>
        {
            operation.FillIn("id", "The value of `X-Request-Id`: 1 to 128 letters, digits, `.`, `_` and `-`.", "my-request");
            operation.Responses = new OpenApiResponses
            {
                ["200"] = new OpenApiResponse
                {
                    Description = "Tiles that are done, tiles in all, and an estimate of the seconds left once a tile is done.",
                    Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                    {
                        ["text/event-stream"] = new() { Schema = Schemas.Text("Events."), Example = "data: {\"done\":3,\"total\":12,\"secondsLeft\":4.5}\n\n" },
                    },
                },
            };
        });

    /// <summary>Describes <c>POST /v1/models/{name}/image</c>.</summary>
    public static void DescribePicture(RouteHandlerBuilder endpoint) => endpoint.Describe(
        "Send a picture through a network",
        "Any size: the picture is run in tiles that overlap by what the network looks at, so no seam shows and memory stays bounded. Alpha is "
        + "scaled bilinearly beside the colour. A network of one plane is run on each colour by itself. A network that looks at the whole picture "
        + "at once runs in one piece, up to `Models:WholePictureBytes`.",
        [.. Problems.OfBodies, 404],
        operation =>
        {
            operation.Parameters =
            [
                .. operation.Parameters ?? [],
                Query("accuracy", Schemas.Text("As for `/v1/conv`.", "default", "exact", "fast")),
                Query("quality", Schemas.Integer("1 to 100, of JPEG (default 90) and WebP (default 80).", minimum: 1)),
                new OpenApiParameter
                {
                    Name = "X-Request-Id", In = ParameterLocation.Header, Description = "Under this id `GET /v1/progress/{id}` follows the request.", Schema = Schemas.Text("An id."),
                },
            ];
            operation.RequestBody = new OpenApiRequestBody { Required = true, Description = "A picture, or a form with the part `image`.", Content = Readable() };
            OpenApiResponse answer = ImagesOpenApi.Answer();
            answer.Headers!["Deconv-Model"] = Header("Name and version of the network.");
            answer.Headers["Deconv-Tiles"] = Header("Number of tiles.");
            answer.Headers["Deconv-Milliseconds"] = Header("Milliseconds from the plan to the first byte of the answer.");
            operation.Responses = new OpenApiResponses { ["200"] = answer };
        });

    /// <summary>Adds the header of the key.</summary>
    public static void AddKey(OpenApiOperation operation) => operation.Parameters =
    [
        .. operation.Parameters ?? [],
        new OpenApiParameter { Name = ApiKey.Header, In = ParameterLocation.Header, Description = "The value of `Management:ApiKey`.", Schema = Schemas.Text("The key.") },
    ];

    private static Dictionary<string, OpenApiMediaType> Readable()
    {
        Dictionary<string, OpenApiMediaType> content = ImageFormats.Readable.ToDictionary(
            format => format.MediaType(),
            format => new OpenApiMediaType
            {
                Schema = Schemas.Binary("The picture."),
                Examples = new Dictionary<string, IOpenApiExample>(StringComparer.Ordinal)
                {
                    ["coffee"] = new OpenApiExample { Summary = "a photograph, 300 x 200", ExternalValue = ImagesOpenApi.ExamplePicture(format) },
                },
            },
            StringComparer.Ordinal);
        content[TensorMediaTypes.Multipart] = new OpenApiMediaType { Schema = Schemas.Object("A picture.", ["image"], ("image", Schemas.Binary("The picture."))) };
        return content;
    }

    private static OpenApiParameter Query(string name, OpenApiSchema schema) =>
        new() { Name = name, In = ParameterLocation.Query, Description = schema.Description, Schema = schema };

    private static OpenApiHeader Header(string description) => new() { Description = description, Schema = Schemas.Text(description) };

    private static void Name(OpenApiOperation operation, string status, string description)
    {
        if (operation.Responses?.GetValueOrDefault(status) is OpenApiResponse response)
            response.Description = description;
    }
}
