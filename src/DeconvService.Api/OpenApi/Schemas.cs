using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace DeconvService.Api.OpenApi;

/// <summary>Short forms for writing schemas by hand, for bodies that are read straight from bytes and so have no type to derive a schema from.</summary>
internal static class Schemas
{
    public static OpenApiSchema Text(string description, params string[] values) => new()
    {
        Type = JsonSchemaType.String,
        Description = description,
        Enum = values.Length == 0 ? null : [.. values.Select(value => (JsonNode)value)],
    };

    public static OpenApiSchema Integer(string description, int? minimum = null) => new()
    {
        Type = JsonSchemaType.Integer,
        Format = "int64",
        Description = description,
        Minimum = minimum?.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    public static OpenApiSchema Number(string description) => new() { Type = JsonSchemaType.Number, Description = description };

    public static OpenApiSchema Array(string description, IOpenApiSchema items) => new()
    {
        Type = JsonSchemaType.Array,
        Description = description,
        Items = items,
    };

    public static OpenApiSchema OneOf(string description, params IOpenApiSchema[] schemas) => new() { Description = description, OneOf = schemas };

    public static OpenApiSchema Binary(string description) => new() { Type = JsonSchemaType.String, Format = "binary", Description = description };

    public static OpenApiSchema Object(string description, string[] required, params (string Name, IOpenApiSchema Schema)[] properties) => new()
    {
        Type = JsonSchemaType.Object,
        Description = description,
        Required = required.ToHashSet(StringComparer.Ordinal),
        Properties = properties.ToDictionary(property => property.Name, property => property.Schema, StringComparer.Ordinal),
    };
}
