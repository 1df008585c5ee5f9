using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Errors;

/// <summary>Writes faults as <c>application/problem+json</c> (RFC 9457), the facts as members beside the standard ones.</summary>
public static class ProblemWriter
{
    /// <summary>The media type of every error.</summary>
    public const string MediaType = "application/problem+json";

    // A hostile body may hold a million faults; nobody reads more than these.
    private const int MaximumFaults = 50;

    // The answer is never part of a page of HTML, so quotes and non-ASCII letters may stay readable.
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions ValueOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Sets status, headers and body. The first fault gives the status and is repeated at the top level.</summary>
    public static async Task WriteAsync(HttpContext context, IReadOnlyList<ServiceFault> faults)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(faults);
        using var body = new MemoryStream();
        await using (var json = new Utf8JsonWriter(body, WriterOptions))
        {
            json.WriteStartObject();
            WriteMembers(json, faults[0], TraceIdOf(context));
            json.WriteStartArray("errors");
            foreach (ServiceFault fault in faults.Take(MaximumFaults))
            {
                json.WriteStartObject();
                WriteMembers(json, fault, traceId: null);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        context.Response.StatusCode = ServiceErrorTable.Of(faults[0].Kind).Status;
        context.Response.ContentType = MediaType;
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "no-store";

        // Not under RequestAborted: it is cancelled when it is the time limit that is reported.
        await context.Response.Body.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length), CancellationToken.None);
    }

    /// <summary>The id under which the request stands in the log.</summary>
    public static string TraceIdOf(HttpContext context) =>
        Activity.Current?.TraceId.ToString() ?? context?.TraceIdentifier ?? string.Empty;

    private static void WriteMembers(Utf8JsonWriter json, ServiceFault fault, string? traceId)
    {
        ServiceErrorRow row = ServiceErrorTable.Of(fault.Kind);
        string code = fault.Code ?? row.Code;
        json.WriteString("type", $"urn:deconv:{code}");
        json.WriteString("title", fault.Title ?? row.Title);
        json.WriteNumber("status", row.Status);
        json.WriteString("code", code);
        json.WriteString("detail", fault.Detail);
        if (traceId is not null)
            json.WriteString("traceId", traceId);

        foreach ((string name, object value) in fault.Facts)
        {
            json.WritePropertyName(name);
            WriteValue(json, value);
        }

        if (fault.Suggestions.Count == 0)
            return;

        json.WriteStartArray("suggestions");
        foreach (IReadOnlyList<KeyValuePair<string, object>> suggestion in fault.Suggestions)
            WriteValue(json, suggestion);

        json.WriteEndArray();
    }

    private static void WriteValue(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case IReadOnlyList<KeyValuePair<string, object>> members:
                json.WriteStartObject();
                foreach ((string name, object member) in members)
                {
                    json.WritePropertyName(name);
                    WriteValue(json, member);
                }

                json.WriteEndObject();
                break;
            case TensorShape shape:
                json.WriteStartArray();
                foreach (int size in shape.Sizes)
                    json.WriteNumberValue(size);

                json.WriteEndArray();
                break;
            default:
                JsonSerializer.Serialize(json, value, value.GetType(), ValueOptions);
                break;
        }
    }
}
