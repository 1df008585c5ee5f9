using System.Globalization;
using System.Text.Json.Nodes;
using DeconvService.Api.Errors;
using Microsoft.OpenApi;

namespace DeconvService.Api.OpenApi;

/// <summary>The errors of operations in the document: one schema, and a response for every status.</summary>
internal static class Problems
{
    private const string SchemaName = "Problem";
    private const string TraceId = "0d2be57458572097e274b96ebabc5907";

    private const string Unprocessable = $$"""
        {"type":"urn:deconv:stride-does-not-fit","title":"The stride does not fit the width","status":422,"code":"stride-does-not-fit",
         "detail":"width does not work: (227 + 0 + 0 - 11) = 216 is not a multiple of stride 5 (remainder 1)",
         "traceId":"{{TraceId}}","axis":"width","input":227,"padding":[0,0],"kernel":11,"dilation":1,"effectiveKernel":11,"stride":5,
         "remainder":1,"suggestions":[{"stride":4,"output":55},{"fit":"floor","output":44,"dropped":1}],
         "errors":[{"type":"urn:deconv:stride-does-not-fit","title":"The stride does not fit the width","status":422,
         "code":"stride-does-not-fit","detail":"width does not work: (227 + 0 + 0 - 11) = 216 is not a multiple of stride 5 (remainder 1)"}]}
        """;

    /// <summary>What any operation with a body may answer.</summary>
    public static readonly int[] OfBodies = [400, 406, 408, 413, 415, 422, 429, 500, 503];

    private static readonly Dictionary<int, string> Descriptions = new()
    {
        [400] = "The body cannot be parsed: JSON syntax, a broken .npy or .npz.",
        [401] = "The header `X-Api-Key` is missing or wrong.",
        [403] = "The call is switched off.",
        [404] = "There is no such thing; the body lists what there is.",
        [406] = "`Accept` names no media type that can be written; the body lists those that can.",
        [408] = "The body came too slowly.",
        [413] = "The body, a tensor, a picture, the output or the memory for it is over a limit; the body names the limit, the value and the setting.",
        [415] = "The media type of the body is not read here; the body lists those that are.",
        [422] = "The request was understood but is impossible: every fault is listed with its numbers, and with changes that were checked to work.",
        [429] = "Too many requests are waiting; `Retry-After` says when to come again.",
        [500] = "A defect of the service; its log has the reason under the trace id.",
        [503] = "Shutting down, or the time limit of a request passed.",
    };

    /// <summary>Adds the responses of <paramref name="statuses"/>.</summary>
    public static void AddProblems(this OpenApiOperation operation, OpenApiDocument? document, params ReadOnlySpan<int> statuses)
    {
        operation.Responses ??= [];
        foreach (int status in statuses)
        {
            operation.Responses[status.ToString(CultureInfo.InvariantCulture)] = new OpenApiResponse
            {
                Description = Descriptions[status],
                Headers = status is 429 ? RetryAfter() : null,
                Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                {
                    [ProblemWriter.MediaType] = new()
                    {
                        Schema = new OpenApiSchemaReference(SchemaName, document),
                        Example = ExampleOf(status),
                    },
                },
            };
        }
    }

    /// <summary>Adds the schema that the responses refer to.</summary>
    public static void AddProblemSchema(this OpenApiDocument document) => document.AddComponent(SchemaName, Schema());

    private static Dictionary<string, IOpenApiHeader> RetryAfter() => new(StringComparer.Ordinal)
    {
        ["Retry-After"] = new OpenApiHeader { Description = "Seconds to wait.", Schema = Schemas.Integer("Seconds.", minimum: 1) },
    };

    private static OpenApiSchema Schema()
    {
        (string, IOpenApiSchema)[] members =
        [
            ("type", Schemas.Text("`urn:deconv:` and the code.")),
            ("title", Schemas.Text("The error in a few words.")),
            ("status", Schemas.Integer("The HTTP status.")),
            ("code", Schemas.Text("Stable name of the error, for programs.")),
            ("detail", Schemas.Text("What was found and what was expected.")),
            ("suggestions", Schemas.Array("Single changes that were checked to work, smallest first.", new OpenApiSchema { Type = JsonSchemaType.Object })),
        ];
        return Schemas.Object(
            "An error as RFC 9457 writes it. The numbers and names of `detail` are members of their own beside these.",
            ["type", "title", "status", "code", "detail", "traceId", "errors"],
            [
                .. members,
                ("traceId", Schemas.Text("Under this id the request stands in the log.")),
                ("errors", Schemas.Array(
                    "Every fault of the request; the first is repeated at the top level.",
                    Schemas.Object("A fault.", ["type", "title", "status", "code", "detail"], members))),
            ]);
    }

    private static JsonNode ExampleOf(int status)
    {
        if (status == 422)
            return JsonNode.Parse(Unprocessable)!;

        ServiceErrorRow row = ServiceErrorTable.Of(ServiceErrorTable.KindOf(status));
        JsonObject Fault() => new()
        {
            ["type"] = $"urn:deconv:{row.Code}",
            ["title"] = row.Title,
            ["status"] = status,
            ["code"] = row.Code,
            ["detail"] = row.Title,
        };
        JsonObject problem = Fault();
        problem["traceId"] = TraceId;
        problem["errors"] = new JsonArray(Fault());
        return problem;
    }
}
