using System.Text.Json;
using DeconvService.Api.Models;
using DeconvService.Api.Tensors.Json;
using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Inference;

/// <summary>Those of the protocol's free parameters that mean something here; all others are let pass.</summary>
/// <param name="BinaryDataSize">Of an input: bytes of its binary data.</param>
/// <param name="BinaryData">Of an output: whether it goes as binary data.</param>
/// <param name="BinaryOutput">Of a request: whether all outputs do that say nothing else.</param>
/// <param name="Accuracy">Of a request: how exact the convolutions have to be. A parameter of this service, not of the protocol.</param>
internal readonly record struct InferenceParameters(long? BinaryDataSize, bool? BinaryData, bool? BinaryOutput, Accuracy? Accuracy)
{
    /// <summary>Reads an object of parameters.</summary>
    /// <exception cref="Errors.ServiceException">It is no object, one of these has a value of the wrong kind, or asks for what is not served here.</exception>
    public static InferenceParameters Parse(ReadOnlySpan<byte> json, string field)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
            return default;

        if (reader.TokenType != JsonTokenType.StartObject)
            throw InferenceFaults.Invalid($"{field} must be an object");

        InferenceParameters parameters = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!JsonText.TryGet(ref reader, out string name))
                throw InferenceFaults.Invalid($"a name in {field} is not UTF-8, or has half of a surrogate pair");

            switch (name)
            {
                case "binary_data_size":
                    parameters = parameters with { BinaryDataSize = SizeOf(ref reader, field) };
                    break;
                case "binary_data":
                    parameters = parameters with { BinaryData = FlagOf(ref reader, $"{field}.binary_data") };
                    break;
                case "binary_data_output":
                    parameters = parameters with { BinaryOutput = FlagOf(ref reader, $"{field}.binary_data_output") };
                    break;
                case "accuracy":
                    parameters = parameters with { Accuracy = AccuracyOf(ref reader, $"{field}.accuracy") };
                    break;
                case "shared_memory_region":
                    throw InferenceFaults.NotImplemented($"{field}: shared memory is not served here");
                case "classification":
                    throw InferenceFaults.NotImplemented($"{field}: the classification extension is not served here");
                default:
                    Skip(ref reader);
                    break;
            }
        }

        return parameters;
    }

    private static long SizeOf(ref Utf8JsonReader reader, string field)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long size) && size >= 0
            ? size
            : throw InferenceFaults.Invalid($"{field}.binary_data_size must be a number of bytes");
    }

    private static bool FlagOf(ref Utf8JsonReader reader, string field)
    {
        reader.Read();
        return reader.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            _ => throw InferenceFaults.Invalid($"{field} must be true or false"),
        };
    }

    private static Accuracy AccuracyOf(ref Utf8JsonReader reader, string field)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.String && JsonText.TryGet(ref reader, out string word) && AccuracyWord.TryParse(word, out Accuracy accuracy)
            ? accuracy
            : throw InferenceFaults.Invalid($"{field} must be {AccuracyWord.List}");
    }

    private static void Skip(ref Utf8JsonReader reader)
    {
        reader.Read();
        reader.Skip();
    }
}
