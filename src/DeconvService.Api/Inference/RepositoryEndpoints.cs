using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using DeconvService.Api.Models;
using Microsoft.AspNetCore.Http.HttpResults;

namespace DeconvService.Api.Inference;

/// <summary>The handlers of <c>/v2/repository</c> (the model repository extension).</summary>
internal static class RepositoryEndpoints
{
    private const int LongestBody = 1 << 20;

    /// <summary>Lists what is in the repository, or with <c>{"ready":true}</c> only what takes requests.</summary>
    public static async Task<JsonHttpResult<IReadOnlyList<IndexEntry>>> IndexAsync(
        HttpRequest request, ModelRepository repository, CancellationToken cancellationToken)
    {
        using JsonDocument? body = await ReadBodyAsync(request, cancellationToken);
        bool readyOnly = body?.RootElement.TryGetProperty("ready", out JsonElement ready) == true && ready.ValueKind == JsonValueKind.True;
        IReadOnlyList<IndexEntry> index =
        [
            .. repository.Index().Where(slot => !readyOnly || slot.State == ModelState.Ready)
                .Select(slot => new IndexEntry(slot.File.Name, slot.File.Version, slot.State.ToString().ToUpperInvariant(), slot.Reason)),
        ];
        return TypedResults.Json(index, InferenceJson.Options);
    }

    /// <summary>Loads a network from the directory, or loads it again.</summary>
    /// <exception cref="Errors.ServiceException">There is no such network, or it cannot be loaded.</exception>
    public static async Task<Ok> LoadAsync(string name, HttpRequest request, ModelRepository repository, CancellationToken cancellationToken)
    {
        using JsonDocument? body = await ReadBodyAsync(request, cancellationToken);
        if (body?.RootElement.TryGetProperty("parameters", out JsonElement parameters) == true && parameters.ValueKind == JsonValueKind.Object
            && parameters.EnumerateObject().FirstOrDefault(parameter => parameter.NameEquals("config"u8) || parameter.Name.StartsWith("file:", StringComparison.Ordinal))
                is { Value.ValueKind: not JsonValueKind.Undefined } given)
        {
            throw InferenceFaults.NotImplemented($"the parameter {given.Name} is not served here; networks come with PUT /v1/models/{{name}}");
        }

        await repository.LoadAsync(name, cancellationToken);
        return TypedResults.Ok();
    }

    /// <summary>Takes a network out of memory; its file stays.</summary>
    /// <exception cref="Errors.ServiceException">There is no such network.</exception>
    public static async Task<Ok> UnloadAsync(string name, HttpRequest request, ModelRepository repository, CancellationToken cancellationToken)
    {
        using JsonDocument? body = await ReadBodyAsync(request, cancellationToken);
        await repository.UnloadAsync(name, cancellationToken);
        return TypedResults.Ok();
    }

    // The body may be missing; where there is one it is a JSON object.
    private static async Task<JsonDocument?> ReadBodyAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult read = await request.BodyReader.ReadAsync(cancellationToken);
            if (read.Buffer.Length > LongestBody)
                throw InferenceFaults.Invalid($"the body is longer than {LongestBody} bytes");

            if (!read.IsCompleted)
            {
                request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }

            byte[] text = read.Buffer.ToArray();
            request.BodyReader.AdvanceTo(read.Buffer.End);
            return text.AsSpan().IndexOfAnyExcept(" \t\r\n"u8) < 0 ? null : Parse(text);
        }
    }

    private static JsonDocument Parse(byte[] text)
    {
        try
        {
            var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                ReadStrings(document.RootElement);
                return document;
            }

            document.Dispose();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw InferenceFaults.Invalid($"the body is no JSON: {exception.Message}");
        }

        throw InferenceFaults.Invalid("the body must be a JSON object");
    }

    // An escape that is half of a character is found only when its string is read: that shall be here, not wherever a name is looked for.
    private static void ReadStrings(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String)
            _ = element.GetString();

        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in element.EnumerateArray())
                ReadStrings(item);
        }

        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in element.EnumerateObject())
            {
                _ = property.Name;
                ReadStrings(property.Value);
            }
        }
    }
}

/// <summary>A version of a network in <c>POST /v2/repository/index</c>.</summary>
/// <param name="Name">The network's name.</param>
/// <param name="Version">Which version.</param>
/// <param name="State">READY, LOADING or UNAVAILABLE.</param>
/// <param name="Reason">Why it is not ready, or empty.</param>
internal sealed record IndexEntry(string Name, string Version, string State, string Reason);
